package dev.sluice.runtime.image;

import dev.sluice.protocol.Tensor;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;

/** A batch of images [n, C, H, W] as a grid, row by row from the upper left. */
final class ImagePanel implements Panel {
    private static final int GAP = 2;
    /** Width that a grid aims at, and the sizes of one image between which it may scale to get there. */
    private static final int TARGET_WIDTH = 480;

    private static final int SMALLEST = 56;
    private static final int LARGEST = 128;

    private final Tensor images;
    private final int columns;
    private final int scale;

    ImagePanel(Tensor images, int columns, int scale) {
        this.images = images;
        this.columns = columns;
        this.scale = scale;
    }

    /** The columns of a near-square grid of {@code n}. */
    static int nearSquare(int n) {
        return (int) Math.ceil(Math.sqrt(n));
    }

    /** The whole factor that makes {@code columns} images of longest side {@code side} readable. */
    static int scale(int columns, int side) {
        int wanted = TARGET_WIDTH / Math.max(1, columns * side);
        return Math.max(Math.max(1, SMALLEST / side), Math.min(wanted, LARGEST / side));
    }

    @Override
    public int width() {
        return columns * (images.dim(3) * scale + GAP) - GAP;
    }

    @Override
    public int height() {
        int rows = (images.dim(0) + columns - 1) / columns;
        return rows * (images.dim(2) * scale + GAP) - GAP;
    }

    @Override
    public int inset() {
        return 0;
    }

    @Override
    public String note() {
        return "";
    }

    @Override
    public void paint(Graphics2D g, Lettering lettering) {
        int height = images.dim(2);
        int width = images.dim(3);
        BufferedImage one = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        g.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_NEAREST_NEIGHBOR);
        for (int i = 0; i < images.dim(0); i++) {
            int first = i * images.sampleSize();
            for (int y = 0; y < height; y++) {
                for (int x = 0; x < width; x++) {
                    one.setRGB(x, y, Levels.rgb(images, first, y, x));
                }
            }
            int left = i % columns * (width * scale + GAP);
            int top = i / columns * (height * scale + GAP);
            g.drawImage(one, left, top, width * scale, height * scale, null);
        }
    }
}
