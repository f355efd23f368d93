package dev.sluice.runtime.report;

import dev.sluice.runtime.evaluation.Measure;
import java.util.ArrayList;
import java.util.List;

/** A report as plain text: a line a measure, a column an entry. */
public final class TextReport {
    private TextReport() {}

    public static List<String> lines(Report report) {
        List<List<String>> table = new ArrayList<>();
        List<String> head = new ArrayList<>(List.of(""));
        report.entries().forEach(entry -> head.add(entry.name()));
        table.add(head);
        for (Measure measure : report.measures()) {
            List<String> row = new ArrayList<>(List.of(measure.title()));
            report.entries().forEach(entry -> row.add(Numbers.text(measure, entry.values(measure))));
            table.add(row);
        }
        int[] widths = new int[head.size()];
        table.forEach(row -> {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        });
        return table.stream().map(row -> line(row, widths)).toList();
    }

    private static String line(List<String> row, int[] widths) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < widths.length; i++) {
            String padding = " ".repeat(widths[i] - row.get(i).length());
            line.append(i == 0 ? row.get(i) + padding : "  " + padding + row.get(i));
        }
        return line.toString().stripTrailing();
    }
}
