package dev.sluice.runtime.image;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.Shape;
import java.util.function.Consumer;

/** The square field of a plot: a thin grid with numbers, and the map from values to pixels. */
record PlotFrame(Axis horizontal, Axis vertical) {
    static final Color DATA = new Color(0x1f5fa8);

    /** Where the field begins, right of the vertical axis' numbers. */
    static final int LEFT = 40;

    private static final int FIELD = 340;
    private static final int BELOW = 22;
    private static final Color GRID = new Color(0xe5e7eb);
    private static final Color BORDER = new Color(0x9ca3af);

    static int width() {
        return LEFT + FIELD + 1;
    }

    static int height() {
        return FIELD + 1 + BELOW;
    }

    double x(double value) {
        return LEFT + horizontal.position(value) * FIELD;
    }

    double y(double value) {
        return (1 - vertical.position(value)) * FIELD;
    }

    /** Grid, then the data cut off at the field's edge, then border and numbers. */
    void paint(Graphics2D g, Lettering lettering, Consumer<Graphics2D> data) {
        g.setStroke(new BasicStroke(1));
        g.setColor(GRID);
        for (double tick : horizontal.ticks()) {
            int x = (int) Math.round(x(tick));
            g.drawLine(x, 0, x, FIELD);
        }
        for (double tick : vertical.ticks()) {
            int y = (int) Math.round(y(tick));
            g.drawLine(LEFT, y, LEFT + FIELD, y);
        }
        Shape whole = g.getClip();
        g.clipRect(LEFT, 0, FIELD + 1, FIELD + 1);
        data.accept(g);
        g.setClip(whole);
        g.setColor(BORDER);
        g.drawRect(LEFT, 0, FIELD, FIELD);
        for (double tick : horizontal.ticks()) {
            String label = horizontal.label(tick);
            int x = (int) Math.round(x(tick)) - lettering.width(label, false) / 2;
            lettering.note(g, label, x, FIELD + 16);
        }
        for (double tick : vertical.ticks()) {
            String label = vertical.label(tick);
            int y = Math.max(9, (int) Math.round(y(tick)) + 4);
            lettering.note(g, label, LEFT - 6 - lettering.width(label, false), y);
        }
    }
}
