package dev.sluice.monitoring.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.protocol.CriticReport;
import dev.sluice.protocol.CycleReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsCsvTest {
    private static final CycleReport FIRST =
            new CycleReport(1, 0, new CriticReport(List.of(1.5, 2.5), -0.25, 1), 0.125, 3.5, true);
    private static final CycleReport SKIPPED =
            new CycleReport(1, 1, new CriticReport(List.of(), 0, 5), 1e-9, Double.NaN, false);

    @TempDir
    Path temp;

    private final Locale locale = Locale.getDefault();

    @AfterEach
    void restoreTheLocale() {
        Locale.setDefault(locale);
    }

    @Test
    void oneLineACycleInAnyLocale() throws IOException {
        Locale.setDefault(Locale.GERMANY);
        Path file = temp.resolve("metrics.csv");

        try (MetricsCsv metrics = new MetricsCsv(file)) {
            metrics.append(FIRST, 1250);
        }
        try (MetricsCsv metrics = new MetricsCsv(file)) {
            metrics.append(SKIPPED, 2_500_000);
            metrics.force();
        }

        assertThat(file).hasContent("""
                        phase,cycle,seconds,critic_loss,critic_excess,gradient_magnitude,gradient_norm,stepped,skipped_critic_updates
                        1,0,1.25,2.0,-0.25,0.125,3.5,true,1
                        1,1,2500.0,NaN,0.0,1.0E-9,NaN,false,5
                        """);
    }

    @Test
    void aTornLineIsCutOff() throws IOException {
        Path file = temp.resolve("metrics.csv");
        try (MetricsCsv metrics = new MetricsCsv(file)) {
            metrics.append(FIRST, 1250);
        }
        Files.writeString(file, "1,1,2.", StandardOpenOption.APPEND);

        try (MetricsCsv metrics = new MetricsCsv(file)) {
            metrics.append(SKIPPED, 2500);
        }

        assertThat(Files.readAllLines(file))
                .containsExactly(
                        MetricsCsv.HEADER, "1,0,1.25,2.0,-0.25,0.125,3.5,true,1", "1,1,2.5,NaN,0.0,1.0E-9,NaN,false,5");
    }

    @Test
    void aDamagedFirstLineCostsItselfAndNotWhatIsToCome() throws IOException {
        Path file = temp.resolve("metrics.csv");
        try (MetricsCsv metrics = new MetricsCsv(file)) {
            metrics.append(FIRST, 1250);
        }
        Files.writeString(file, Files.readString(file).replace("phase,", "pha3e,"));

        try (MetricsCsv metrics = new MetricsCsv(file)) {
            metrics.append(SKIPPED, 2500);
        }

        assertThat(MetricsCsv.reading(file).rows()).hasSize(2);
        assertThat(MetricsCsv.reading(file).damaged())
                .singleElement()
                .asString()
                .startsWith(file + ", line 1: does not begin with phase,");
    }

    @Test
    void somebodyElsesFileIsLeftAlone() throws IOException {
        Path file = Files.writeString(temp.resolve("metrics.csv"), "a,b\n1,2\n");

        try (MetricsCsv metrics = new MetricsCsv(file)) {
            assertThatThrownBy(() -> metrics.append(FIRST, 0))
                    .isInstanceOf(IOException.class)
                    .hasMessage(file + " does not begin with " + MetricsCsv.HEADER
                            + "; it is not this program's, move it away");
        }
        assertThat(file).hasContent("a,b\n1,2\n");
    }
}
