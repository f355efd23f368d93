package dev.sluice.actors.system;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A comparison as a user starts it, killed and gone on with; then what evaluate makes of its runs, good and bad. */
@Timeout(240)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class CompareIT {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration PATIENCE = Duration.ofSeconds(180);

    @TempDir
    static Path folder;

    private static Path comparison;

    @BeforeAll
    static void compareWithAKillInBetween() throws Exception {
        comparison = folder.resolve("comparison");
        try (Sluice sluice = Sluice.start(arguments())) {
            sluice.awaitLine("(run 2 of 2, few, seed 1)", PATIENCE);
            Path second = comparison.resolve("few/seed-1/config.conf");
            Awaitility.await().atMost(PATIENCE).until(() -> Files.exists(second));
            sluice.killWithChildren();
        }
    }

    private static String[] arguments(String... more) {
        List<String> arguments = new ArrayList<>(List.of(
                "compare",
                "--experiment",
                "quick",
                "--seeds",
                "1",
                "--n",
                "100",
                "--variant",
                "plain",
                "--variant",
                "few:experiment.recipe.critic-updates=1",
                "--out",
                comparison.toString()));
        arguments.addAll(List.of(more));
        return arguments.toArray(String[]::new);
    }

    private static List<String> sluice(int code, String... arguments) throws Exception {
        try (Sluice sluice = Sluice.start(arguments)) {
            assertThat(sluice.exitCode(PATIENCE))
                    .as(String.join("\n", sluice.output()))
                    .isEqualTo(code);
            return sluice.output();
        }
    }

    private static void assertRefused(String message, String... arguments) throws Exception {
        assertThat(String.join("\n", sluice(1, arguments)))
                .contains(message)
                .doesNotContain("\tat ")
                .doesNotContain("Exception");
    }

    private static JsonNode json(Path file) throws IOException {
        return JSON.readTree(file.toFile());
    }

    @Test
    @Order(1)
    void goesOnAndMeasuresEverything() throws Exception {
        List<String> output = sluice(0, arguments());

        assertThat(output)
                .contains("sluice: run 1 of 2, plain, seed 1: finished before")
                .anyMatch(line -> line.startsWith("sluice: run 2 of 2, few, seed 1: going on, log in "));
        JsonNode report = json(comparison.resolve("comparison.json"));
        assertThat(names(report)).endsWith("teacher", "plain", "few");
        for (String name : List.of("plain", "few")) {
            JsonNode run = entry(report, name).at("/samples/0");
            assertThat(run.get("nfe").asInt()).isEqualTo(4);
            assertThat(run.get("updates").asInt()).isEqualTo(5);
            assertThat(run.get("accuracy").asDouble()).isBetween(0.0, 1.0);
            // Five updates move it away from the teacher, which is nearest to itself.
            assertThat(run.get("frechet-to-teacher").asDouble())
                    .isGreaterThan(entry(report, "teacher")
                            .at("/samples/0/frechet-to-teacher")
                            .asDouble());
        }
        // Not of the other: its first process was killed, perhaps before it began to train.
        JsonNode undisturbed = entry(report, "plain").at("/samples/0");
        assertThat(undisturbed.get("cpu-seconds").asDouble()).isPositive();
        assertThat(undisturbed.get("peak-resident-mib").asDouble()).isBetween(200.0, 8000.0);
        assertThat(entry(report, "plain").at("/samples/0/frechet-to-teacher"))
                .isNotEqualTo(entry(report, "few").at("/samples/0/frechet-to-teacher"));
        String page = Files.readString(comparison.resolve("comparison.html"));
        assertThat(page).contains("<td", "data:image/png;base64,").doesNotContain("http:", "https:", "<script");
        Records.assertHoldTogether(comparison.resolve("plain/seed-1"));
        Records.assertHoldTogether(comparison.resolve("few/seed-1"));
    }

    @Test
    @Order(2)
    void sameAgainFromWhatIsThere() throws Exception {
        JsonNode before = json(comparison.resolve("comparison.json"));

        assertThat(sluice(0, arguments())).noneMatch(line -> line.contains("drawing"));
        assertThat(json(comparison.resolve("comparison.json"))).isEqualTo(before);
    }

    @Test
    @Order(3)
    void evaluateMeasuresTheSameOfARunAlone() throws Exception {
        Path html = folder.resolve("alone/report.html");
        sluice(
                0,
                "evaluate",
                "--run",
                comparison.resolve("plain/seed-1").toString(),
                "--n",
                "100",
                "--out",
                html.toString());

        JsonNode alone = json(folder.resolve("alone/report.json"));
        JsonNode before =
                entry(json(comparison.resolve("comparison.json")), "plain").at("/samples/0");
        JsonNode now = alone.get("entries").get(alone.get("entries").size() - 1).at("/samples/0");
        for (String measure : List.of("frechet-to-teacher", "recall-to-teacher", "cosine", "multi-scale-distance")) {
            assertThat(now.get(measure)).as(measure).isNotNull().isEqualTo(before.get(measure));
        }
        assertThat(html).isRegularFile();
    }

    @Test
    void runsOfAnotherConfigurationAreNotTakenForTheirs() throws Exception {
        assertRefused(
                "holds a run of another configuration: another experiment.recipe.batch (was 8, is 4)",
                arguments("--set", "experiment.recipe.batch=4"));
    }

    @Test
    void twoVariantsOfOneNameAndABaselineThatIsNone() throws Exception {
        assertRefused("there are two variants plain", arguments("--variant", "plain"));
        assertRefused("--baseline best is none of the variants plain, few", arguments("--baseline", "best"));
    }

    @Test
    void aRunThatHasLostAnExpert() throws Exception {
        Path run = copy("lost");
        Files.delete(run.resolve("experts/phase-2.pt"));
        assertRefused("experts/phase-2.pt is missing: the run published it", "evaluate", "--run", run.toString());
    }

    @Test
    void aTornAndADamagedLog() throws Exception {
        Path torn = copy("torn");
        Files.writeString(torn.resolve("events.jsonl"), "{\"at\":\"2026-01-", StandardOpenOption.APPEND);
        assertRefused("events.jsonl is torn: its last line is not finished", "evaluate", "--run", torn.toString());
        Path damaged = copy("damaged");
        List<String> lines = new ArrayList<>(Files.readAllLines(damaged.resolve("events.jsonl")));
        lines.set(2, "what is this");
        Files.write(damaged.resolve("events.jsonl"), lines);
        try (Sluice sluice = Sluice.start("evaluate", "--run", damaged.toString())) {
            assertThat(sluice.exitCode(PATIENCE)).isZero();
            assertThat(String.join("\n", sluice.output())).contains("events.jsonl, line 3: not an event");
        }
    }

    @Test
    void aRunWhoseTeacherIsAnother() throws Exception {
        Path other = copy("other");
        Path config = other.resolve("config.conf");
        Path toy = Path.of(System.getProperty("sluice.home"), "teachers/mixture-2d.pt");
        String changed = Files.readString(config).replaceAll("teacher=.*", "teacher=\"" + toy + "\"");
        Files.writeString(config, changed);
        assertRefused(
                "is not the one that the run was trained with",
                "evaluate",
                "--run",
                comparison.resolve("plain/seed-1").toString(),
                "--against",
                other.toString());
    }

    private static Path copy(String name) throws IOException {
        Path from = comparison.resolve("plain/seed-1");
        Path to = folder.resolve(name);
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Path target = to.resolve(from.relativize(file));
                if (Files.isDirectory(file)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(file, target);
                }
            }
        }
        return to;
    }

    private static List<String> names(JsonNode report) {
        List<String> names = new ArrayList<>();
        report.get("entries").forEach(entry -> names.add(entry.get("name").asText()));
        return names;
    }

    private static JsonNode entry(JsonNode report, String name) {
        for (JsonNode entry : report.get("entries")) {
            if (entry.get("name").asText().equals(name)) {
                return entry;
            }
        }
        throw new AssertionError("no entry " + name + " in " + names(report));
    }
}
