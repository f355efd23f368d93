package dev.sluice.config;

import java.nio.charset.StandardCharsets;

/** Texts of users in messages: whole where they are short, else their beginning and their end. */
public final class Shortened {
    private Shortened() {}

    /**
     * Such that every terminal, log and JSON takes it: without control characters but ends of lines, without half
     * characters.
     *
     * @param most characters of the result
     */
    public static String to(int most, String text) {
        if (text.length() <= most) {
            return clean(text);
        }
        String between = " … (" + text.length() + " characters) … ";
        int kept = (most - between.length()) / 2;
        return clean(text.substring(0, kept) + between + text.substring(text.length() - kept));
    }

    private static String clean(String text) {
        StringBuilder clean = new StringBuilder(text);
        for (int i = 0; i < clean.length(); i++) {
            char c = clean.charAt(i);
            if (Character.isISOControl(c) && c != '\n') {
                clean.setCharAt(i, ' ');
            }
        }
        return new String(clean.toString().getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
    }
}
