package dev.sluice.monitoring.progress;

import java.io.PrintStream;
import java.time.Clock;
import java.time.Duration;

/**
 * How far a long task has come, for whoever waits for it. One task at a time; {@link #begin} again ends the one
 * before. Every method may be called from any thread.
 */
public interface Progress extends AutoCloseable {
    /** Says whether standard output is a terminal ({@code true}, {@code false}); the launcher knows it best. */
    String TERMINAL_PROPERTY = "sluice.terminal";

    /**
     * @param total steps that the task has
     * @param before of them, done at an earlier time: they say nothing about the pace
     */
    void begin(String task, long total, long before);

    /**
     * @param done steps done in all; fewer than before when work has to be repeated
     * @param message what is worth watching now, such as the phase and the losses
     */
    void advance(long done, String message);

    /** Prints a line that stays, above the bar if there is one. */
    void note(String line);

    /** Ends the task, finished or not. Without a task nothing happens. */
    @Override
    void close();

    /**
     * A bar when standard output is a terminal, else a line now and then.
     *
     * @param unit of the steps in the plural, such as {@code cycles}
     */
    static Progress onStdout(String unit) {
        return isTerminal(System.getProperty(TERMINAL_PROPERTY), System.console() != null)
                ? new BarProgress(System.out, unit)
                : lines(System.out, unit);
    }

    /** A line now and then. */
    static Progress lines(PrintStream out, String unit) {
        return new LineProgress(out, unit, Clock.systemUTC(), Duration.ofSeconds(10));
    }

    /** @param console whether the JVM sees a console, which it denies as soon as standard input is no terminal */
    static boolean isTerminal(String property, boolean console) {
        return property == null || property.isBlank() ? console : Boolean.parseBoolean(property);
    }
}
