package dev.sluice.runtime.report;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.sluice.protocol.file.Durable;
import dev.sluice.runtime.evaluation.Measure;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A report as JSON: settings, what each measure means, and every value of every seed. */
public final class JsonReport {
    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    private JsonReport() {}

    /** Writes it, atomically. What is not finite is written as a string, such as {@code "NaN"}. */
    public static void write(Path file, Report report) throws IOException {
        byte[] bytes = JSON.writeValueAsBytes(tree(report));
        Durable.write(file, out -> out.write(bytes));
    }

    private static Map<String, Object> tree(Report report) {
        Map<String, Object> measures = new LinkedHashMap<>();
        for (Measure measure : report.measures()) {
            measures.put(
                    measure.key(),
                    Map.of(
                            "meaning",
                            measure.meaning(),
                            "better",
                            measure.better().name().toLowerCase(Locale.ROOT).replace('_', '-')));
        }
        List<Object> entries = new ArrayList<>();
        for (Report.Entry entry : report.entries()) {
            Map<String, Object> tree = new LinkedHashMap<>();
            tree.put("name", entry.name());
            tree.put("kind", entry.kind().name().toLowerCase(Locale.ROOT));
            tree.put("samples", entry.samples().stream().map(JsonReport::tree).toList());
            Map<String, Object> means = new LinkedHashMap<>();
            for (Measure measure : report.measures()) {
                entry.mean(measure).ifPresent(mean -> means.put(measure.key(), mean));
            }
            tree.put("mean", means);
            entries.add(tree);
        }
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("title", report.title());
        tree.put("settings", report.settings());
        tree.put("measures", measures);
        tree.put("entries", entries);
        return tree;
    }

    private static Map<String, Object> tree(Report.Sample sample) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("source", sample.source());
        for (Measure measure : Measure.values()) {
            Double value = sample.measures().get(measure);
            if (value != null) {
                tree.put(measure.key(), value);
            }
        }
        return tree;
    }
}
