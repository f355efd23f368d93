package dev.sluice.runtime.image;

import java.awt.Graphics2D;

/** One batch of a sheet, drawn into its own rectangle. */
interface Panel {
    /** In pixels. */
    int width();

    /** In pixels. */
    int height();

    /** How far from the left its title begins, in pixels. */
    int inset();

    /** What the picture cannot show and a reader should know; empty when nothing. */
    String note();

    /** Draws into (0, 0) to (width, height). */
    void paint(Graphics2D g, Lettering lettering);
}
