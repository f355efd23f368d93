package dev.sluice.protocol;

import java.nio.charset.StandardCharsets;

/**
 * What a message repeats of a text that anybody may have written: bounded, and such that every terminal, log and JSON
 * takes it, without control characters and half characters.
 */
public final class Shown {
    private Shown() {}

    /**
     * Several lines, for whoever wrote them: whole where they are short, else their beginning and their end.
     *
     * @param most characters of the result
     */
    public static String text(int most, String text) {
        if (text.length() <= most) {
            return clean(text);
        }
        String between = " … (" + text.length() + " characters) … ";
        int kept = (most - between.length()) / 2;
        return clean(text.substring(0, kept) + between + text.substring(text.length() - kept));
    }

    /**
     * One line, of something foreign: its beginning, with {@code �} for each control character.
     *
     * @param most characters of it
     */
    public static String line(int most, String text) {
        String start = text.length() <= most ? text : text.substring(0, most) + "…";
        return whole(start.replaceAll("\\p{Cntrl}", "\ufffd"));
    }

    private static String clean(String text) {
        StringBuilder clean = new StringBuilder(text);
        for (int i = 0; i < clean.length(); i++) {
            char c = clean.charAt(i);
            if (Character.isISOControl(c) && c != '\n') {
                clean.setCharAt(i, ' ');
            }
        }
        return whole(clean.toString());
    }

    /** Half a character becomes a question mark. */
    private static String whole(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
    }
}
