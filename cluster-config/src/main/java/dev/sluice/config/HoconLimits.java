package dev.sluice.config;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/**
 * What a text from elsewhere may ask of the parser, which goes a stack frame deeper for every level of nesting, and makes
 * of a substitution as much as it names. Looked at before it is parsed, in one pass over the text, which knows what in it
 * is quoted and what a comment.
 */
final class HoconLimits {
    static final int MOST_CHARACTERS = 128 << 10;
    static final int MOST_LEVELS = 32;
    static final int MOST_WORDS = 5_000;

    private final String text;
    /** Levels that each open bracket has added: 1, and the dots of the key before it. */
    private final Deque<Integer> open = new ArrayDeque<>();

    private int at;
    private int line = 1;
    private int words;
    /** Of {@link #open}, together. */
    private int levels;
    /** Of the key that is being read. */
    private int dots;

    private boolean inValue;

    private HoconLimits(String text) {
        this.text = text;
    }

    /** What is too much, for the user; empty for a text that may be parsed. */
    static Optional<String> objection(String text) {
        if (text.length() > MOST_CHARACTERS) {
            return Optional.of("it has " + text.length() + " characters; an experiment has at most " + MOST_CHARACTERS);
        }
        return Optional.ofNullable(new HoconLimits(text).objection());
    }

    private String objection() {
        while (at < text.length()) {
            char c = text.charAt(at);
            if (c == '\n') {
                line++;
                at++;
                next();
            } else if (isSpace(c)) {
                at++;
            } else if (isComment()) {
                skipComment();
            } else {
                String problem = token(c);
                if (problem != null) {
                    return "line " + line + ": " + problem;
                }
            }
        }
        return null;
    }

    /** What follows is a key, or the next entry of a list. */
    private void next() {
        inValue = false;
        dots = 0;
    }

    /** One token, or a problem. */
    private String token(char c) {
        switch (c) {
            case '"' -> skipQuoted();
            case '{', '[' -> {
                open.push(1 + dots);
                levels += 1 + dots;
                next();
                at++;
            }
            case '}', ']' -> {
                levels -= open.isEmpty() ? 0 : open.pop();
                // Another value may be glued to this one.
                inValue = true;
                dots = 0;
                at++;
            }
            case ',' -> {
                next();
                at++;
            }
            case '=', ':' -> {
                inValue = true;
                at++;
            }
            case '$' -> {
                return "it has the substitution "
                        + text.substring(at, Math.min(text.length(), at + 40))
                                .lines()
                                .findFirst()
                                .orElse("")
                        + "; write its value, as ./sluice submit does";
            }
            case '+' -> {
                if (text.startsWith("+=", at)) {
                    return "it has the substitution +=; write the whole list, as ./sluice submit does";
                }
                at++;
            }
            default -> skipUnquoted();
        }
        words++;
        if (levels + dots > MOST_LEVELS) {
            return "it is nested more than " + MOST_LEVELS + " levels deep, counting the dots of keys";
        }
        if (words > MOST_WORDS) {
            return "it has more than " + MOST_WORDS + " words and signs; an experiment has at most so many";
        }
        return null;
    }

    private void skipUnquoted() {
        do {
            if (text.charAt(at) == '.' && !inValue) {
                dots++;
            }
            at++;
        } while (at < text.length()
                && "$\"{}[]:=,+#".indexOf(text.charAt(at)) < 0
                && !isSpace(text.charAt(at))
                && !isComment());
    }

    private void skipQuoted() {
        if (text.startsWith("\"\"\"", at)) {
            int end = text.indexOf("\"\"\"", at + 3);
            end = end < 0 ? text.length() : end + 3;
            while (end < text.length() && text.charAt(end) == '"') {
                end++;
            }
            line += (int) text.substring(at, end).chars().filter(c -> c == '\n').count();
            at = end;
            return;
        }
        at++;
        while (at < text.length() && text.charAt(at) != '"') {
            at += text.charAt(at) == '\\' ? 2 : 1;
        }
        at = Math.min(at + 1, text.length());
    }

    private boolean isComment() {
        return text.charAt(at) == '#' || text.startsWith("//", at);
    }

    private void skipComment() {
        while (at < text.length() && text.charAt(at) != '\n') {
            at++;
        }
    }

    private static boolean isSpace(char c) {
        return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '\uFEFF';
    }
}
