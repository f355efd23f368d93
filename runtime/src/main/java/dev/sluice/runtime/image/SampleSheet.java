package dev.sluice.runtime.image;

import dev.sluice.protocol.DType;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.file.Durable;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/**
 * Batches of samples side by side, for people to look at: what the teacher, the critic and the generator make of the
 * same noise. Needs no display; on a machine without fonts the words are left away. Safe from any thread.
 */
public final class SampleSheet {
    private static final int MARGIN = 16;
    private static final int BETWEEN = 24;
    private static final int TITLE = 24;
    private static final int BEFORE_NOTE = 10;

    /** Most pixels of a sheet: one beyond this helps nobody, and Java fails on it in ways that say nothing. */
    public static final long MAX_PIXELS = 64_000_000;

    static {
        // Nothing here opens a window; without this, a DISPLAY that leads nowhere (a dropped ssh) fails every sheet.
        if (System.getProperty("java.awt.headless") == null) {
            System.setProperty("java.awt.headless", "true");
        }
    }

    private SampleSheet() {}

    /** As {@link #draw(List, List, int)}, with images in near-square grids. */
    public static BufferedImage draw(List<String> titles, List<Tensor> panels) {
        return draw(titles, panels, 0);
    }

    /**
     * Draws all panels in one row on white, each under its title. Panels share their scale (images) or axes (points),
     * so they can be compared; of points, the first panel should be the one that is right, since it sets the range
     * (values far outside it are counted in a note instead).
     *
     * @param titles one a panel
     * @param panels all of one kind, FLOAT32, n ≥ 1: images [n, C, H, W] in [−1, 1] with C = 1 or 3, points in the plane
     *     [n, 2], or points on a line [n, 1], shown as a histogram
     * @param columns of every grid of images; 0 for near-square grids. Points have no grid
     * @throws IllegalArgumentException when a panel cannot be drawn or the sheet would be enormous
     */
    public static BufferedImage draw(List<String> titles, List<Tensor> panels, int columns) {
        return draw(titles, panels, columns, Lettering.ofSystem());
    }

    static BufferedImage draw(List<String> titles, List<Tensor> batches, int columns, Lettering lettering) {
        if (batches.isEmpty() || titles.size() != batches.size()) {
            throw new IllegalArgumentException(titles.size() + " titles for " + batches.size()
                    + " panels: there must be one each, and at least one");
        }
        if (columns < 0) {
            throw new IllegalArgumentException("columns = " + columns + " must be 1 or more, or 0 for a square grid");
        }
        List<Panel> panels = panels(batches, columns);
        int[] widths = IntStream.range(0, panels.size())
                .map(i -> cellWidth(titles.get(i), panels.get(i), lettering))
                .toArray();
        long width = 2L * MARGIN + Arrays.stream(widths).asLongStream().sum() + (long) BETWEEN * (widths.length - 1);
        long height = 2L * MARGIN
                + TITLE
                + panels.stream().mapToInt(Panel::height).max().orElseThrow();
        if (width * height > MAX_PIXELS) {
            throw new IllegalArgumentException("a sheet of " + width + "×" + height + " pixels is more than "
                    + MAX_PIXELS + ": show fewer samples or panels");
        }
        BufferedImage sheet = new BufferedImage((int) width, (int) height, BufferedImage.TYPE_INT_RGB);
        Graphics2D g = sheet.createGraphics();
        try {
            g.setColor(Color.WHITE);
            g.fillRect(0, 0, (int) width, (int) height);
            int left = MARGIN;
            for (int i = 0; i < widths.length; i++) {
                Graphics2D cell = (Graphics2D) g.create(left, MARGIN, widths[i], (int) height - MARGIN);
                paint(cell, titles.get(i), panels.get(i), lettering);
                cell.dispose();
                left += widths[i] + BETWEEN;
            }
        } finally {
            g.dispose();
        }
        return sheet;
    }

    private static int cellWidth(String title, Panel panel, Lettering lettering) {
        int note = panel.note().isEmpty() ? 0 : BEFORE_NOTE + lettering.width(panel.note(), false);
        return Math.max(panel.width(), panel.inset() + lettering.width(title, true) + note);
    }

    private static void paint(Graphics2D g, String title, Panel panel, Lettering lettering) {
        int baseline = TITLE - 10;
        lettering.title(g, title, panel.inset(), baseline);
        lettering.note(g, panel.note(), panel.inset() + lettering.width(title, true) + BEFORE_NOTE, baseline);
        g.translate(0, TITLE);
        panel.paint(g, lettering);
    }

    private static List<Panel> panels(List<Tensor> batches, int columns) {
        Tensor first = batches.get(0);
        boolean points = first.rank() == 2 && (first.dim(1) == 1 || first.dim(1) == 2);
        for (Tensor batch : batches) {
            if (!points) {
                Levels.requireImages(batch, 4);
            } else if (batch.dtype() != DType.FLOAT32
                    || batch.rank() != 2
                    || batch.dim(0) == 0
                    || batch.dim(1) != first.dim(1)) {
                throw new IllegalArgumentException("cannot draw " + batch + " beside " + first
                        + ": panels of points must all be FLOAT32 [n, 1] or all [n, 2], with n ≥ 1");
            }
        }
        if (!points) {
            return grids(batches, columns);
        }
        return first.dim(1) == 2 ? scatters(batches) : histograms(batches);
    }

    private static List<Panel> grids(List<Tensor> batches, int columns) {
        int most = columns;
        int side = 1;
        for (Tensor batch : batches) {
            most = Math.max(most, columns > 0 ? columns : ImagePanel.nearSquare(batch.dim(0)));
            side = Math.max(side, Math.max(batch.dim(2), batch.dim(3)));
        }
        int scale = ImagePanel.scale(most, side);
        return batches.stream()
                .<Panel>map(b -> new ImagePanel(b, columns > 0 ? columns : ImagePanel.nearSquare(b.dim(0)), scale))
                .toList();
    }

    private static List<Panel> scatters(List<Tensor> batches) {
        Axis x = Axis.around(batches.stream().map(b -> coordinate(b, 0)).toList());
        Axis y = Axis.around(batches.stream().map(b -> coordinate(b, 1)).toList());
        // One unit has one length, so a round mode is drawn round.
        double span = Math.max(x.span(), y.span());
        PlotFrame frame = new PlotFrame(x.withSpan(span), y.withSpan(span));
        return batches.stream()
                .<Panel>map(b -> new ScatterPanel(frame, coordinate(b, 0), coordinate(b, 1)))
                .toList();
    }

    private static List<Panel> histograms(List<Tensor> batches) {
        List<double[]> values = batches.stream().map(b -> coordinate(b, 0)).toList();
        Axis axis = Axis.around(values);
        double highest = values.stream()
                .flatMapToDouble(v -> Arrays.stream(HistogramPanel.shares(v, axis)))
                .max()
                .orElseThrow();
        List<Panel> panels = new ArrayList<>();
        for (double[] v : values) {
            panels.add(HistogramPanel.of(v, axis, highest > 0 ? highest : 1));
        }
        return panels;
    }

    private static double[] coordinate(Tensor points, int axis) {
        double[] values = new double[points.dim(0)];
        for (int i = 0; i < values.length; i++) {
            values[i] = points.floatAt(i * points.dim(1) + axis);
        }
        return values;
    }

    /**
     * Writes a picture as PNG, whole or not at all ({@link Durable}).
     *
     * @throws IOException when it could not be written; what was there before is untouched
     */
    public static void write(Path file, BufferedImage image) throws IOException {
        byte[] bytes = png(image);
        Durable.write(file, out -> out.write(bytes));
    }

    /**
     * One image as a PNG file's bytes, at its own size.
     *
     * @param sample FLOAT32 [C, H, W] in [−1, 1], C = 1 (a grey PNG) or 3; values outside are clamped, NaN is mid-grey
     * @throws IllegalArgumentException when it is not such an image
     */
    public static byte[] png(Tensor sample) {
        Levels.requireImages(sample, 3);
        int height = sample.dim(1);
        int width = sample.dim(2);
        boolean grey = sample.dim(0) == 1;
        BufferedImage image =
                new BufferedImage(width, height, grey ? BufferedImage.TYPE_BYTE_GRAY : BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int rgb = Levels.rgb(sample, 0, y, x);
                if (grey) {
                    // setRGB would send the level through the grey colour space, which is not the identity.
                    image.getRaster().setSample(x, y, 0, rgb & 0xff);
                } else {
                    image.setRGB(x, y, rgb);
                }
            }
        }
        return png(image);
    }

    /** A picture as a PNG file's bytes. */
    public static byte[] png(BufferedImage image) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        // A memory stream of its own: the plain call would go through a temporary file.
        try (MemoryCacheImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
            if (!ImageIO.write(image, "png", out)) {
                throw new IllegalArgumentException("no PNG can be made of an image of type " + image.getType());
            }
        } catch (IOException e) {
            throw new UncheckedIOException("writing a PNG to memory failed", e);
        }
        return bytes.toByteArray();
    }
}
