package dev.sluice.monitoring.progress;

import java.io.PrintStream;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;

/** For logs and pipes: a line at the beginning, one at the end, and between them one every so often. */
final class LineProgress implements Progress {
    private final PrintStream out;
    private final String unit;
    private final Clock clock;
    private final Duration every;

    private String task;
    private long total;
    private long before;
    private Instant begun;
    private Instant told;

    LineProgress(PrintStream out, String unit, Clock clock, Duration every) {
        this.out = out;
        this.unit = unit;
        this.clock = clock;
        this.every = every;
    }

    @Override
    public synchronized void begin(String task, long total, long before) {
        this.task = task;
        this.total = total;
        this.before = before;
        begun = clock.instant();
        told = begun;
        out.println(task + ": " + total + " " + unit + (before > 0 ? ", from " + before + " on" : ""));
    }

    @Override
    public synchronized void advance(long done, String message) {
        if (task == null) {
            throw new IllegalStateException("no task was begun");
        }
        Instant now = clock.instant();
        if (done < total && Duration.between(told, now).compareTo(every) < 0) {
            return;
        }
        told = now;
        out.println(task + ": " + done + "/" + total + " " + unit + pace(done, Duration.between(begun, now))
                + (message.isEmpty() ? "" : ", " + message));
    }

    private String pace(long done, Duration elapsed) {
        double seconds = elapsed.toMillis() / 1000.0;
        if (done <= before || seconds <= 0) {
            return "";
        }
        double perSecond = (done - before) / seconds;
        String pace = String.format(Locale.ROOT, ", %.2f %s/s", perSecond, unit);
        return done < total
                ? pace + ", " + clockTime(Math.round((total - done) / perSecond)) + " left"
                : pace + ", took " + clockTime(Math.round(seconds));
    }

    private static String clockTime(long seconds) {
        return seconds < 3600
                ? String.format(Locale.ROOT, "%d:%02d", seconds / 60, seconds % 60)
                : String.format(Locale.ROOT, "%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }

    @Override
    public synchronized void note(String line) {
        out.println(line);
    }

    @Override
    public synchronized void close() {
        task = null;
    }
}
