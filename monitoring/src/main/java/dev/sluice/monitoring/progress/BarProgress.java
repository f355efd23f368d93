package dev.sluice.monitoring.progress;

import java.io.PrintStream;
import java.nio.charset.Charset;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.time.Duration;
import java.util.Locale;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** For terminals: one bar that stays on the last line, drawn by a daemon thread of the library. */
final class BarProgress implements Progress {
    private static final String CLEAR_LINE = "\r\u001b[K";

    private final PrintStream out;
    private final String unit;
    private ProgressBar bar;

    BarProgress(PrintStream out, String unit) {
        this.out = out;
        this.unit = unit;
    }

    @Override
    public synchronized void begin(String task, long total, long before) {
        close();
        bar = new ProgressBarBuilder()
                .setTaskName(task)
                .setInitialMax(total)
                .startsFrom(before, Duration.ZERO)
                .setUnit(" " + unit, 1)
                .showSpeed(new DecimalFormat("0.00", DecimalFormatSymbols.getInstance(Locale.ROOT)))
                .setStyle(
                        Charset.defaultCharset().name().startsWith("UTF")
                                ? ProgressBarStyle.UNICODE_BLOCK
                                : ProgressBarStyle.ASCII)
                .setUpdateIntervalMillis(250)
                // Otherwise a step that comes while the bar is drawn is not seen before the next one.
                .continuousUpdate()
                .setConsumer(new ConsoleProgressBarConsumer(out))
                .build();
    }

    @Override
    public synchronized void advance(long done, String message) {
        if (bar == null) {
            throw new IllegalStateException("no task was begun");
        }
        bar.setExtraMessage(message.isEmpty() ? "" : " " + message);
        bar.stepTo(done);
    }

    @Override
    public synchronized void note(String line) {
        if (bar == null) {
            out.println(line);
            return;
        }
        // One print, so that the thread that draws the bar cannot come between.
        out.print(CLEAR_LINE + line + System.lineSeparator());
        bar.refresh();
    }

    @Override
    public synchronized void close() {
        if (bar != null) {
            bar.close();
            bar = null;
        }
    }
}
