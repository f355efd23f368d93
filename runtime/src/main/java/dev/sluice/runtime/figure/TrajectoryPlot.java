package dev.sluice.runtime.figure;

import dev.sluice.protocol.file.Durable;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import javax.imageio.ImageIO;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * The panels of {@link SubintervalFigure} side by side: the learnt trajectories, and under them how far each is from the
 * exact one, on one scale for all.
 */
public final class TrajectoryPlot {
    /** Of one panel in pixels, both plots together. */
    public static final int WIDTH = 460;

    public static final int HEIGHT = 660;

    private static final Color PATH = new Color(0x1F, 0x5F, 0xAD, 90);
    private static final Color DEVIATION = new Color(0xB0, 0x3A, 0x2E, 90);

    private TrajectoryPlot() {}

    /** Writes a PNG, atomically. */
    public static void write(Path file, List<SubintervalFigure.Panel> panels) throws IOException {
        double farthest = panels.stream()
                .flatMap(panel -> panel.deviations().stream())
                .flatMapToDouble(Arrays::stream)
                .map(Math::abs)
                .max()
                .orElse(0);
        BufferedImage sheet = new BufferedImage(WIDTH * panels.size(), HEIGHT, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = sheet.createGraphics();
        for (int i = 0; i < panels.size(); i++) {
            SubintervalFigure.Panel panel = panels.get(i);
            XYChart paths = chart(title(panel), "x", panel, panel.learnt(), PATH, 3);
            String distance = String.format(Locale.ROOT, "from exact: mean %.4f", panel.meanDistance());
            XYChart deviations = chart(distance, "x − exact", panel, panel.deviations(), DEVIATION, farthest);
            graphics.drawImage(BitmapEncoder.getBufferedImage(paths), i * WIDTH, 0, null);
            graphics.drawImage(BitmapEncoder.getBufferedImage(deviations), i * WIDTH, HEIGHT / 2, null);
        }
        graphics.dispose();
        Durable.write(file, out -> ImageIO.write(sheet, "png", out));
    }

    private static XYChart chart(
            String title,
            String quantity,
            SubintervalFigure.Panel panel,
            List<double[]> lines,
            Color color,
            double range) {
        XYChart chart = new XYChartBuilder()
                .width(WIDTH)
                .height(HEIGHT / 2)
                .title(title)
                .xAxisTitle("t: samples go from right to left")
                .yAxisTitle(quantity)
                .build();
        chart.getStyler().setLegendVisible(false);
        chart.getStyler().setAntiAlias(true);
        chart.getStyler().setChartBackgroundColor(Color.WHITE);
        chart.getStyler().setXAxisDecimalPattern("0.0");
        chart.getStyler().setXAxisMin(SubintervalFigure.BOUNDARY);
        chart.getStyler().setXAxisMax(1.0);
        chart.getStyler().setYAxisMin(-range);
        chart.getStyler().setYAxisMax(range);
        double[] times = panel.times().stream().mapToDouble(Double::doubleValue).toArray();
        for (int n = 0; n < lines.size(); n++) {
            XYSeries series = chart.addSeries("trajectory " + n, times, lines.get(n));
            series.setMarker(SeriesMarkers.NONE);
            series.setLineColor(color);
            series.setLineStyle(new BasicStroke(1));
        }
        return chart;
    }

    private static String title(SubintervalFigure.Panel panel) {
        return switch (panel.target()) {
            case WHOLE -> "trained on the whole interval";
            case SUBINTERVAL -> "trained from x_s on Eq 11";
            case WRONG -> "trained from x_s on ε − x_s";
        };
    }
}
