package dev.sluice.runtime.network;

import java.lang.reflect.InvocationTargetException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.regex.Pattern;

/**
 * What to tell a user of an exception of libtorch's or DJL's. An error inside a module comes with the module's call stack
 * in front, twice, and the cause in the last line; an error outside one with the cause first and the engine's own
 * stack behind it.
 */
public final class EngineErrors {
    /** Of a sentence, in characters: an error may quote what a file says. */
    private static final int LIMIT = 400;

    private static final int DEPTH = 16;
    private static final Pattern NATIVE_STACK =
            Pattern.compile("^(Exception raised from |frame #\\d+|\\s+at [\\w.$]+\\(|C\\+\\+ CapturedTraceback).*");
    /** {@code RuntimeError: mine}; a line of code has a space, a bracket or an indent before its colon. */
    private static final Pattern NAMED = Pattern.compile("^[\\w.]+: .*");

    private static final Pattern CHECKED_AT =
            Pattern.compile("\\[enforce fail at [^\\]]*\\]\\s*(err == 0)?\\s*\\.?\\s*");

    private EngineErrors() {}

    /**
     * The cause in one line of at most some 400 characters, never empty, without a stack: {@code RuntimeError: index out
     * of range in self}. An exception that is not the engine's gives its own message, with its kind where that says
     * more than the message does.
     */
    public static String cause(Throwable e) {
        Throwable told = e;
        for (int depth = 0; depth < DEPTH && told.getCause() != null && onlyWraps(told); depth++) {
            told = told.getCause();
        }
        String message = told.getMessage();
        String kind = told.getClass().getSimpleName();
        if (message == null || message.isBlank()) {
            return kind;
        }
        if (told instanceof NoSuchFileException) {
            return "there is no file " + bounded(message);
        }
        if (told instanceof FileSystemException f && f.getReason() == null) {
            return bounded(message) + " (" + kind.replace("Exception", "") + ")";
        }
        return bounded(saysLittle(told) ? kind + ": " + sentence(message) : sentence(message));
    }

    private static boolean onlyWraps(Throwable e) {
        return e instanceof CompletionException
                || e instanceof ExecutionException
                || e instanceof InvocationTargetException
                || e.getMessage() == null
                || e.getMessage().isBlank();
    }

    /** {@code -784} is the whole message of a NegativeArraySizeException. */
    private static boolean saysLittle(Throwable e) {
        return e instanceof Error
                || e instanceof NullPointerException
                || e instanceof IndexOutOfBoundsException
                || e instanceof NegativeArraySizeException
                || e instanceof ArithmeticException
                || e instanceof ClassCastException;
    }

    private static String sentence(String message) {
        List<String> lines = message.lines()
                .takeWhile(line -> !NATIVE_STACK.matcher(line).matches())
                .filter(line -> !line.isBlank() && !line.strip().equals(":"))
                .toList();
        if (lines.isEmpty()) {
            return message.strip().lines().findFirst().orElse("");
        }
        String line = message.contains("TorchScript interpreter") ? ofModule(lines) : lines.get(0);
        String bare = CHECKED_AT.matcher(line).replaceFirst("").strip();
        return (bare.isEmpty() ? line.strip() : bare).replaceFirst("^builtins\\.", "");
    }

    /** The first line behind the stacks that names an error: CUDA's go on with advice. */
    private static String ofModule(List<String> lines) {
        int behind = 0;
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).endsWith("<--- HERE")
                    || lines.get(i).startsWith("Traceback of TorchScript")
                    || lines.get(i).endsWith("TorchScript interpreter.")) {
                behind = i + 1;
            }
        }
        return lines.subList(behind, lines.size()).stream()
                .filter(line -> NAMED.matcher(line).matches())
                .findFirst()
                .orElse(lines.get(lines.size() - 1));
    }

    private static String bounded(String text) {
        String line = text.replaceAll("[\\p{Cntrl}\\s]+", " ").strip();
        return line.length() <= LIMIT ? line : line.substring(0, LIMIT) + "…";
    }
}
