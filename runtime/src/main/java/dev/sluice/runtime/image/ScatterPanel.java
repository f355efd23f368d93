package dev.sluice.runtime.image;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Ellipse2D;

/** Points in the plane, more transparent the more there are. */
final class ScatterPanel implements Panel {
    private static final double DOT = 3;

    private final PlotFrame frame;
    private final double[] xs;
    private final double[] ys;

    ScatterPanel(PlotFrame frame, double[] xs, double[] ys) {
        this.frame = frame;
        this.xs = xs;
        this.ys = ys;
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

    private boolean shown(int i) {
        return frame.horizontal().contains(xs[i]) && frame.vertical().contains(ys[i]);
    }

    @Override
    public String note() {
        int outside = 0;
        for (int i = 0; i < xs.length; i++) {
            if (!shown(i)) {
                outside++;
            }
        }
        return outside == 0 ? "" : outside + " of " + xs.length + " outside";
    }

    @Override
    public void paint(Graphics2D g, Lettering lettering) {
        int alpha = xs.length <= 500 ? 200 : xs.length <= 5000 ? 110 : 60;
        frame.paint(g, lettering, field -> {
            field.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
            field.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
            Color data = PlotFrame.DATA;
            field.setColor(new Color(data.getRed(), data.getGreen(), data.getBlue(), alpha));
            for (int i = 0; i < xs.length; i++) {
                if (shown(i)) {
                    field.fill(new Ellipse2D.Double(frame.x(xs[i]) - DOT / 2, frame.y(ys[i]) - DOT / 2, DOT, DOT));
                }
            }
            field.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_OFF);
        });
    }
}
