package dev.sluice.runtime.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.evaluation.Measure;
import dev.sluice.runtime.image.SampleSheet;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {
    private static final byte[] SHEET =
            SampleSheet.png(SampleSheet.draw(List.of("a"), List.of(Tensor.of(new float[16], 1, 1, 4, 4))));

    @TempDir
    Path folder;

    private static Report.Sample sample(String source, double cosine, double multiScale) {
        return new Report.Sample(
                source,
                Map.of(
                        Measure.COSINE, cosine,
                        Measure.MULTI_SCALE_DISTANCE, multiScale,
                        Measure.FRECHET_TO_TEACHER, 3.25));
    }

    private static Report.Entry entry(String name, Report.Kind kind, Report.Sample... samples) {
        return new Report.Entry(name, kind, List.of(samples), SHEET);
    }

    /** The baseline lost 0.2 of cosine and nothing of multi-scale distance. */
    private static final Report REPORT = new Report(
            "Comparison on <fashion>",
            Map.of("seeds", "1 & 2"),
            List.of(
                    entry("teacher", Report.Kind.TEACHER, sample("teacher", 0.6, 0.3)),
                    entry("worst", Report.Kind.RUNS, sample("w1", 0.75, 0.3), sample("w2", 0.85, 0.4)),
                    entry("better", Report.Kind.RUNS, sample("b1", 0.7, 0.2), sample("b2", 0.6, 0.2))));

    @Test
    void whatIsRecoveredIsMeasuredFromTheBaselinesMean() {
        Report report = REPORT.withRecovered("worst");

        assertThat(report.entry("better").orElseThrow().values(Measure.RECOVERED_COSINE))
                .usingComparatorWithPrecision(1e-9)
                .containsExactly(0.5, 1.0);
        assertThat(report.entry("worst").orElseThrow().mean(Measure.RECOVERED_COSINE))
                .hasValueCloseTo(0.0, within(1e-9));
        assertThat(report.entry("teacher").orElseThrow().values(Measure.RECOVERED_COSINE))
                .isEmpty();
    }

    @Test
    void coverageIsRecoveredToo() {
        Report covered = new Report(
                "t",
                Map.of(),
                List.of(
                        entry("teacher", Report.Kind.TEACHER, covering(0.9)),
                        entry("worst", Report.Kind.RUNS, covering(0.5)),
                        entry("better", Report.Kind.RUNS, covering(0.8))));
        assertThat(covered.withRecovered("worst").entry("better").orElseThrow().mean(Measure.RECOVERED_COVERAGE))
                .hasValueCloseTo(0.75, within(1e-9));
    }

    private static Report.Sample covering(double share) {
        return new Report.Sample("s", Map.of(Measure.COVERAGE_OF_TEACHER, share));
    }

    @Test
    void nothingIsRecoveredWhereNothingWasLost() {
        assertThat(REPORT.withRecovered("worst").measures())
                .contains(Measure.RECOVERED_COSINE)
                .doesNotContain(Measure.RECOVERED_MULTI_SCALE);
        assertThat(REPORT.withRecovered("no such entry")).isEqualTo(REPORT);
    }

    @Test
    void bestIsByTheMeasuresOwnDirection() {
        Report report = REPORT.withRecovered("worst");
        assertThat(report.best(Measure.COSINE)).hasValueCloseTo(0.65, within(1e-9));
        assertThat(report.best(Measure.MULTI_SCALE_DISTANCE))
                .as("0.35 is nearer to 0.3 than 0.2 is")
                .hasValueCloseTo(0.35, within(1e-9));
        assertThat(report.best(Measure.RECOVERED_COSINE)).hasValueCloseTo(0.75, within(1e-9));
        assertThat(report.best(Measure.FRECHET_TO_TEACHER)).as("all are equal").isEmpty();
        assertThat(report.best(Measure.NFE)).as("nobody has it").isEmpty();
    }

    @Test
    void textHasTheMeanAndTheRange() {
        assertThat(TextReport.lines(REPORT))
                .contains(
                        "                      teacher                    worst                   better",
                        "Fréchet, teacher         3.25        3.25 [3.25, 3.25]        3.25 [3.25, 3.25]",
                        "cosine                 0.6000  0.8000 [0.7500, 0.8500]  0.6500 [0.6000, 0.7000]");
    }

    @Test
    void whatRoundsToNothingHasNoSign() {
        assertThat(Numbers.text(Measure.COSINE, -1e-9)).isEqualTo("0.0000");
        assertThat(Numbers.text(Measure.NFE, -0.2)).isEqualTo("0");
        assertThat(Numbers.text(Measure.COSINE, -0.001)).isEqualTo("-0.0010");
    }

    @Test
    void jsonHasEveryValueOfEverySeed() throws IOException {
        Path file = folder.resolve("report.json");
        JsonReport.write(file, REPORT);
        JsonNode tree = new ObjectMapper().readTree(file.toFile());

        assertThat(tree.at("/entries/1/samples/1/cosine").asDouble()).isEqualTo(0.85);
        assertThat(tree.at("/entries/1/mean/cosine").asDouble()).isEqualTo(0.8);
        assertThat(tree.at("/entries/0/kind").asText()).isEqualTo("teacher");
        assertThat(tree.at("/measures/cosine/better").asText()).isEqualTo("as-teacher");
        assertThat(tree.at("/settings/seeds").asText()).isEqualTo("1 & 2");
    }

    @Test
    void thePageNeedsNothingElseAndTrustsNoName() throws IOException {
        String page = HtmlReport.render(REPORT);

        assertThat(page)
                .contains("Comparison on &lt;fashion&gt;", "1 &amp; 2", "0.6500 [0.6000, 0.7000]")
                .doesNotContain("<script", "http:", "https:", "{{");
        assertThat(page.split("<img ", -1)).hasSize(1 + 3 + 2);
        assertThat(page.split("src=\"data:image/png;base64,", -1)).hasSize(1 + 3 + 2);
        assertThat(page.split("src=\"data:image/png;base64,[A-Za-z0-9+/=]+\"", -1))
                .as("as they are")
                .hasSize(1 + 3 + 2);
        // Cosine: nearest to the teacher's 0.6 is best.
        assertThat(page)
                .contains("<td class=\"best\">0.6500 [0.6000, 0.7000]</td>", "<td>0.8000 [0.7500, 0.8500]</td>");
    }

    @Test
    void whatIsNotFiniteIsShownAndNotDrawn() throws IOException {
        Report broken =
                new Report("t", Map.of(), List.of(entry("run", Report.Kind.RUNS, sample("r", Double.NaN, Double.NaN))));

        assertThat(HtmlReport.render(broken)).contains("NaN");
        assertThat(ReportPlots.of(broken)).isEmpty();
        JsonReport.write(folder.resolve("nan.json"), broken);
        assertThat(new ObjectMapper()
                        .readTree(folder.resolve("nan.json").toFile())
                        .at("/entries/0/mean/cosine")
                        .asText())
                .isEqualTo("NaN");
    }
}
