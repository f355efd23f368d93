package dev.sluice.actors.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/** What a sweep measured, by way and size. The first way is what the others are held against. */
public final class TransportTable {
    /**
     * What one way does with one size.
     *
     * @param bytes of tensor in a message
     * @param megabytesPerSecond 10⁶ bytes of tensor a second, many messages under way; median of the rounds
     * @param milliseconds from the send to the acknowledgement, one message under way; median
     */
    public record Result(int bytes, double megabytesPerSecond, double milliseconds) {}

    private final Map<String, List<Result>> rows = new LinkedHashMap<>();

    /** Adds the next size of {@code way}; every way has the same sizes in the same order. */
    void add(String way, Result result) {
        rows.computeIfAbsent(way, name -> new ArrayList<>()).add(result);
    }

    /** Throughput with the share of the first way's, and latency, as two tables in Markdown. */
    public String render() {
        List<Result> yardstick = rows.values().iterator().next();
        StringBuilder text = new StringBuilder();
        head(text, "MB/s, many under way", yardstick);
        rows.forEach((way, results) -> row(
                text,
                way,
                results,
                results == yardstick
                        ? result -> String.format(Locale.ROOT, "%.0f", result.megabytesPerSecond())
                        : result -> String.format(
                                Locale.ROOT,
                                "%.0f (%.2f)",
                                result.megabytesPerSecond(),
                                result.megabytesPerSecond()
                                        / yardstick.get(results.indexOf(result)).megabytesPerSecond())));
        text.append('\n');
        head(text, "ms, one at a time", yardstick);
        rows.forEach((way, results) ->
                row(text, way, results, result -> String.format(Locale.ROOT, "%.2f", result.milliseconds())));
        return text.toString();
    }

    private static void head(StringBuilder text, String title, List<Result> sizes) {
        row(text, title, sizes, result -> Sizes.name(result.bytes()));
        text.append("|---|").append("--:|".repeat(sizes.size())).append('\n');
    }

    private static void row(StringBuilder text, String name, List<Result> results, Function<Result, String> cell) {
        text.append(String.format(Locale.ROOT, "| %-26s |", name));
        results.forEach(result -> text.append(String.format(Locale.ROOT, " %12s |", cell.apply(result))));
        text.append('\n');
    }
}
