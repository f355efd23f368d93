package dev.sluice.monitoring.run;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.CriticReport;
import dev.sluice.protocol.CycleReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsRewindTest {
    @TempDir
    private Path folder;

    @Test
    void dropsTheCyclesThatAreRunAgainAndGoesOn() throws IOException {
        Path file = folder.resolve("metrics.csv");
        try (MetricsCsv metrics = new MetricsCsv(file)) {
            for (int phase = 1; phase <= 2; phase++) {
                for (int cycle = 0; cycle < 3; cycle++) {
                    metrics.append(report(phase, cycle), 1);
                }
            }
        }
        try (MetricsCsv metrics = new MetricsCsv(file)) {
            metrics.rewind(2, 1);
            assertThat(cycles(file)).containsExactly("1,0", "1,1", "1,2", "2,0");
            metrics.append(report(2, 1), 1);
            assertThat(cycles(file)).containsExactly("1,0", "1,1", "1,2", "2,0", "2,1");
            metrics.rewind(1, 2);
            assertThat(cycles(file)).containsExactly("1,0", "1,1");
            metrics.rewind(1, 0);
            assertThat(Files.readAllLines(file)).containsExactly(MetricsCsv.HEADER);
        }
    }

    @Test
    void aFileThatWasNeverWrittenStaysEmpty() throws IOException {
        Path file = folder.resolve("metrics.csv");
        try (MetricsCsv metrics = new MetricsCsv(file)) {
            metrics.rewind(1, 0);
            metrics.append(report(1, 0), 1);
        }
        assertThat(cycles(file)).containsExactly("1,0");
    }

    @Test
    void aTornLastLineIsNoObstacle() throws IOException {
        Path file = folder.resolve("metrics.csv");
        try (MetricsCsv metrics = new MetricsCsv(file)) {
            metrics.append(report(1, 0), 1);
            metrics.append(report(1, 1), 1);
        }
        String whole = Files.readString(file);
        Files.writeString(file, whole.substring(0, whole.length() - 20));
        try (MetricsCsv metrics = new MetricsCsv(file)) {
            metrics.rewind(1, 1);
        }
        assertThat(cycles(file)).containsExactly("1,0");
    }

    @Test
    void aDamagedLineIsNamedAndNoObstacle() throws IOException {
        Path file = folder.resolve("metrics.csv");
        try (MetricsCsv metrics = new MetricsCsv(file)) {
            metrics.append(report(1, 0), 1);
            metrics.append(report(1, 1), 1);
            metrics.append(report(1, 2), 1);
        }
        Files.writeString(file, Files.readString(file).replace("1,1,0.001", "1,q,0.001"));
        assertThat(MetricsCsv.reading(file).rows())
                .extracting(MetricsCsv.Row::cycle)
                .containsExactly(0, 2);
        assertThat(MetricsCsv.reading(file).damaged())
                .singleElement()
                .asString()
                .startsWith(file + ", line 3: not a committed cycle: 1,q,0.001");
        try (MetricsCsv metrics = new MetricsCsv(file)) {
            metrics.rewind(1, 2);
        }
        assertThat(cycles(file)).containsExactly("1,0", "1,q");
    }

    private static List<String> cycles(Path file) throws IOException {
        return Files.readAllLines(file).stream()
                .skip(1)
                .map(line -> line.substring(0, line.indexOf(',', line.indexOf(',') + 1)))
                .toList();
    }

    private static CycleReport report(int phase, int cycle) {
        return new CycleReport(phase, cycle, new CriticReport(List.of(1.0), 0, 0), 1, 1, true);
    }
}
