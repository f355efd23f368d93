package dev.sluice.runtime.report;

import com.samskivert.mustache.Mustache;
import com.samskivert.mustache.Template;
import dev.sluice.protocol.file.Durable;
import dev.sluice.runtime.evaluation.Measure;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;

/** A report as one HTML file: tables, plots and sample sheets, nothing fetched from anywhere. */
public final class HtmlReport {
    private HtmlReport() {}

    /** Writes it, atomically. */
    public static void write(Path file, Report report) throws IOException {
        byte[] bytes = render(report).getBytes(StandardCharsets.UTF_8);
        Durable.write(file, out -> out.write(bytes));
    }

    static String render(Report report) throws IOException {
        Map<String, Object> page = new HashMap<>();
        page.put("title", report.title());
        page.put(
                "settings",
                report.settings().entrySet().stream()
                        .map(setting -> Map.of("name", setting.getKey(), "value", setting.getValue()))
                        .toList());
        page.put("entries", report.entries().stream().map(HtmlReport::sheet).toList());
        page.put("rows", rows(report));
        page.put(
                "plots",
                ReportPlots.of(report).stream()
                        .map(plot -> Map.of("caption", plot.caption(), "png", base64(plot.png())))
                        .toList());
        try (Reader source = new InputStreamReader(
                Objects.requireNonNull(HtmlReport.class.getResourceAsStream("report.html"), "report.html"),
                StandardCharsets.UTF_8)) {
            Template template = Mustache.compiler().compile(source);
            return template.execute(page);
        }
    }

    private static Map<String, Object> sheet(Report.Entry entry) {
        return Map.of(
                "name",
                entry.name(),
                "png",
                base64(entry.sheet()),
                "seeds",
                entry.samples().size());
    }

    private static List<Map<String, Object>> rows(Report report) {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (Measure measure : report.measures()) {
            OptionalDouble best = report.best(measure);
            List<Map<String, Object>> cells = new ArrayList<>();
            for (Report.Entry entry : report.entries()) {
                OptionalDouble mean = entry.mean(measure);
                boolean isBest = entry.kind() == Report.Kind.RUNS && best.isPresent() && mean.equals(best);
                cells.add(Map.of("text", Numbers.text(measure, entry.values(measure)), "best", isBest));
            }
            rows.add(Map.of("title", measure.title(), "meaning", measure.meaning(), "cells", cells));
        }
        return rows;
    }

    private static String base64(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }
}
