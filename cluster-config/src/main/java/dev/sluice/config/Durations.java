package dev.sluice.config;

import java.time.Duration;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Durations as the configuration writes them: a whole number and a unit. HOCON would take a bare number for
 * milliseconds; here it is refused, because {@code deadline = 60} hardly ever means that.
 */
final class Durations {
    private static final Pattern FORM = Pattern.compile("(\\d{1,12})\\s*(ms|s|m|h)");
    private static final Map<String, Long> MILLIS = Map.of("ms", 1L, "s", 1_000L, "m", 60_000L, "h", 3_600_000L);

    private Durations() {}

    /** @throws IllegalArgumentException when it is not a whole number with one of the units ms, s, m, h */
    static Duration read(String text) {
        Matcher form = FORM.matcher(text.trim());
        if (!form.matches()) {
            throw new IllegalArgumentException("must be a whole number with a unit, such as 500ms, 30s, 5m or 1h");
        }
        return Duration.ofMillis(Math.multiplyExact(Long.parseLong(form.group(1)), MILLIS.get(form.group(2))));
    }

    /** What {@link #read} reads back to an equal duration; below a millisecond nothing is kept. */
    static String write(Duration duration) {
        long millis = duration.toMillis();
        return millis % 1000 == 0 ? millis / 1000 + "s" : millis + "ms";
    }
}
