package dev.sluice.runtime.image;

import java.awt.Graphics2D;
import java.awt.geom.Rectangle2D;

/** Values on a line: the share of all samples in each of equal bins. */
final class HistogramPanel implements Panel {
    private static final int BINS = 68;

    private final PlotFrame frame;
    private final double[] shares;
    private final int count;
    private final int outside;

    private HistogramPanel(PlotFrame frame, double[] shares, int count, int outside) {
        this.frame = frame;
        this.shares = shares;
        this.count = count;
        this.outside = outside;
    }

    /** @param highest share that the vertical axis must hold */
    static HistogramPanel of(double[] values, Axis axis, double highest) {
        int outside = 0;
        for (double v : values) {
            if (!axis.contains(v)) {
                outside++;
            }
        }
        PlotFrame frame = new PlotFrame(axis, new Axis(0, highest * 1.05));
        return new HistogramPanel(frame, shares(values, axis), values.length, outside);
    }

    /** Of all values, those off the axis too: what is not shown must not make the rest look larger. */
    static double[] shares(double[] values, Axis axis) {
        double[] shares = new double[BINS];
        for (double v : values) {
            if (axis.contains(v)) {
                int bin = (int) Math.min(BINS - 1, axis.position(v) * BINS);
                shares[bin] += 1.0 / values.length;
            }
        }
        return shares;
    }

    @Override
    public int width() {
        return PlotFrame.width();
    }

    @Override
    public int inset() {
        return PlotFrame.LEFT;
    }

    @Override
    public int height() {
        return PlotFrame.height();
    }

    @Override
    public String note() {
        return outside == 0 ? "" : outside + " of " + count + " outside";
    }

    @Override
    public void paint(Graphics2D g, Lettering lettering) {
        Axis axis = frame.horizontal();
        frame.paint(g, lettering, field -> {
            field.setColor(PlotFrame.DATA);
            for (int bin = 0; bin < BINS; bin++) {
                double left = frame.x(axis.low() + axis.span() * bin / BINS);
                double right = frame.x(axis.low() + axis.span() * (bin + 1) / BINS);
                double top = frame.y(shares[bin]);
                field.fill(new Rectangle2D.Double(left, top, right - left, frame.y(0) - top));
            }
        });
    }
}
