package dev.sluice.runtime.image;

import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.font.FontRenderContext;
import java.util.Optional;

/**
 * Text on a sheet. Java draws text with the system's fonts, and a bare container has none: the sheet then goes without
 * words, which is better than a training run that ends because it could not write a title.
 */
final class Lettering {
    private static final Color FAINT = new Color(0x6b7280);
    private static final Color INK = new Color(0x111827);

    private final Optional<Font> font;

    /** @param font empty to draw no text */
    Lettering(Optional<Font> font) {
        this.font = font;
    }

    /** With the system's sans-serif font, or none when there is no font at all. */
    static Lettering ofSystem() {
        Font plain = new Font(Font.SANS_SERIF, Font.PLAIN, 12);
        try {
            new Lettering(Optional.of(plain)).width("probe", true);
            return new Lettering(Optional.of(plain));
        } catch (RuntimeException | LinkageError | InternalError e) {
            // What a missing fontconfig or freetype raises differs between Java builds.
            return new Lettering(Optional.empty());
        }
    }

    /** Width of a text in pixels, rounded up; 0 without a font. */
    int width(String text, boolean title) {
        FontRenderContext context = new FontRenderContext(null, true, true);
        return font.map(f -> (int)
                        Math.ceil(sized(f, title).getStringBounds(text, context).getWidth()))
                .orElse(0);
    }

    /** Draws a panel's title with its left end and baseline at (x, y). */
    void title(Graphics2D g, String text, int x, int y) {
        draw(g, text, x, y, true, INK);
    }

    /** Draws a small text with its left end and baseline at (x, y). */
    void note(Graphics2D g, String text, int x, int y) {
        draw(g, text, x, y, false, FAINT);
    }

    private void draw(Graphics2D g, String text, int x, int y, boolean title, Color colour) {
        font.ifPresent(f -> {
            g.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
            g.setRenderingHint(RenderingHints.KEY_FRACTIONALMETRICS, RenderingHints.VALUE_FRACTIONALMETRICS_ON);
            g.setFont(sized(f, title));
            g.setColor(colour);
            g.drawString(text, x, y);
        });
    }

    private static Font sized(Font font, boolean title) {
        return title ? font.deriveFont(Font.BOLD, 14f) : font.deriveFont(11f);
    }
}
