package dev.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** An experiment that comes as text, to a node that runs. */
class SubmittedTest {
    private static final String TOKEN = "a-token-of-sixteen-or-more";
    private static final String MINE = """
            experiment {
              name = mine
              teacher = "teachers/fashion.pt"
              timesteps = [1, 0.5, 0]
              boundaries = [0.5, 0]
              cycles = [4, 4]
            }
            """;

    @TempDir
    Path home;

    private DeploymentSettings here;

    @BeforeEach
    void node() throws IOException {
        Files.createDirectories(home.resolve("teachers"));
        Files.createFile(home.resolve("teachers/fashion.pt"));
        here = DeploymentSettings.load(
                "one-process",
                List.of(
                        "serving.token=" + TOKEN,
                        "serving.deadline=7s",
                        "engine.threads=3",
                        "node.name=here",
                        "supervision.restarts=9",
                        "supervision.load-within=30s"),
                home);
    }

    private Settings submitted(String text) {
        return Settings.submitted(text, here, home);
    }

    @Test
    void isLaidOverTheNodesOwn() {
        Settings settings = submitted(MINE + "supervision.load-within = 40s");

        assertThat(settings.experiment().name()).isEqualTo("mine");
        assertThat(settings.experiment().teacher()).isEqualTo(home.resolve("teachers/fashion.pt"));
        assertThat(settings.experiment().recipe().criticUpdates()).isEqualTo(5);
        assertThat(settings.checkpoint().every()).isEqualTo(25);
        assertThat(settings.supervision().restarts()).isEqualTo(9);
        assertThat(settings.supervision().loadWithin()).isEqualTo(Duration.ofSeconds(40));
        assertThat(settings.serving()).isSameAs(here.serving());
        assertThat(settings.node()).isSameAs(here.node());
        assertThat(settings.engine()).isSameAs(here.engine());
        assertThat(settings.cluster()).isSameAs(here.cluster());
    }

    @Test
    void theNodesTokenIsTheNodesAlone() {
        Settings settings = submitted(MINE);

        assertThat(settings.serving().token()).contains(TOKEN);
        assertThat(settings.render()).doesNotContain(TOKEN);
        assertThat(settings.identity().toString()).doesNotContain(TOKEN);
        assertThat(settings.toString()).doesNotContain(TOKEN).contains("token=(hidden)");
    }

    @Test
    void aMethodIsCarriedOut() {
        assertThat(submitted(MINE + "experiment.method = dmd").experiment().cycles())
                .containsExactly(8);
    }

    @Test
    void whatBelongsToTheNodeIsRefused() {
        assertThat(Refusals.of(() -> submitted(MINE + """
                        node.host = "0.0.0.0"
                        serving {
                          token = "another-token-of-sixteen"
                        }
                        engine.threads = 1
                        cluster.profile = real-cluster
                        experiment.recipe.batch = 0
                        """)))
                .containsExactly(
                        "serving belongs to the node that runs the experiment: leave it out here, and set it where the"
                                + " node is started (line 9)",
                        "node belongs to the node that runs the experiment: leave it out here, and set it where the node"
                                + " is started (line 8)",
                        "engine belongs to the node that runs the experiment: leave it out here, and set it where the"
                                + " node is started (line 12)",
                        "cluster belongs to the node that runs the experiment: leave it out here, and set it where the"
                                + " node is started (line 13)",
                        "experiment.recipe.batch = 0 must be between 1 and 65536 (line 14)");
    }

    @Test
    void aBundledExperimentMayBeIncluded() {
        Settings settings = submitted("include classpath(\"experiments/quick.conf\")");

        assertThat(settings.experiment().cycles()).containsExactly(3, 2);
        assertThat(settings.experiment().teacher()).isEqualTo(home.resolve("teachers/fashion.pt"));
    }

    /** Whoever may submit may not read this machine's files, nor have it ask others. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "file(\"%s\")",
                "required(file(\"%s\"))",
                "\"%s\"",
                "url(\"file://%s\")",
                "classpath(\"sluice-defaults.conf\")",
                "classpath(\"experiments/../pekko-node.conf\")"
            })
    void nothingElseMayBeIncluded(String what) throws IOException {
        Path secrets = Files.writeString(home.resolve("secrets.conf"), MINE);

        assertThat(Refusals.of(() -> submitted("include " + what.formatted(secrets))))
                .singleElement()
                .asString()
                .startsWith("the text cannot be read: a submitted experiment may include")
                .endsWith("write what is there into the text, as ./sluice submit does");
    }

    @Test
    void theEnvironmentStaysHere() {
        assertThat(System.getenv("PATH")).isNotEmpty();
        assertThat(Refusals.of(() -> submitted(MINE + "experiment.name = ${PATH}")))
                .singleElement()
                .asString()
                .contains("${PATH}")
                .doesNotContain(System.getenv("PATH"));
    }

    @Test
    void aTextThatIsNotHocon() {
        assertThat(Refusals.of(() -> submitted("experiment {")))
                .singleElement()
                .asString()
                .startsWith("the text cannot be read: submitted: 1");
    }

    @Test
    void aTeacherThatIsNotThere() {
        assertThat(Refusals.of(() -> submitted(MINE.replace("fashion.pt", "none.pt"))))
                .containsExactly("experiment.teacher = " + home.resolve("teachers/none.pt")
                        + " must be a file that can be read: train one with train-teacher, or name another");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "serving = ${x}",
                "experiment = ${x}",
                "experiment.timesteps += 0.1",
                "a = [1]\na += 2",
                "a=x$y",
                "a = \"b\"${c}",
                "a = 1 # \"\n, b = ${c}"
            })
    void substitutionsAreRefused(String text) {
        assertThat(Refusals.of(() -> submitted(text)))
                .singleElement()
                .asString()
                .startsWith("the text cannot be read: line ")
                .contains("it has the substitution ")
                .endsWith(", as ./sluice submit does");
    }

    @Test
    void whatIsQuotedOrAComment() {
        Settings settings = submitted(MINE + """
                # ${x} {{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{
                // a += [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
                experiment.name = "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a"
                experiment.teacher = \"""teachers/../teachers/fashion.pt\"""
                """);

        assertThat(settings.experiment().name()).startsWith("a.a.a");
    }

    /** One of each stopped the process that read it. */
    @ParameterizedTest
    @MethodSource
    void whatIsNestedTooDeepIsRefusedUnread(String text) {
        assertThat(Refusals.of(() -> submitted(text)))
                .singleElement()
                .asString()
                .startsWith("the text cannot be read: line ")
                .endsWith("it is nested more than 32 levels deep, counting the dots of keys");
    }

    static List<String> whatIsNestedTooDeepIsRefusedUnread() {
        return List.of(
                "{a:".repeat(3000) + '1' + "}".repeat(3000),
                "a=" + "[".repeat(60_000) + "]".repeat(60_000),
                "a.".repeat(60_000) + "a=1",
                "\"a\".".repeat(30_000) + "a=1",
                "a {".repeat(17) + "a.".repeat(17) + "b = 1",
                "a=\"\"\"x\"\"\"\"\n" + "{a:".repeat(3000),
                "a=\"\\\"\"\n" + "{a:".repeat(3000));
    }

    @ParameterizedTest
    @MethodSource
    void whatIsTooMuchIsRefusedUnread(String text, String why) {
        assertThat(Refusals.of(() -> submitted(text)))
                .singleElement()
                .asString()
                .contains(why);
    }

    static List<Arguments> whatIsTooMuchIsRefusedUnread() {
        return List.of(
                Arguments.of("#".repeat(200_000), "it has 200000 characters; an experiment has at most 131072"),
                Arguments.of("a=b\n".repeat(30_000), "it has more than 5000 words and signs"),
                Arguments.of("a = " + "1 ".repeat(60_000), "it has more than 5000 words and signs"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"timesteps", "boundaries", "cycles"})
    void aNullInAListIsRefusedByItsKey(String key) {
        assertThat(Refusals.of(() -> submitted(MINE + "experiment." + key + " = [null]")))
                .singleElement()
                .asString()
                .isEqualTo("experiment." + key + " = [null] must be a list whose every entry fits; null must be a value"
                        + " (line 8)");
    }

    @Test
    void aRefusalIsShortHoweverMuchIsWrong() {
        StringBuilder text = new StringBuilder(MINE);
        for (int i = 0; i < 1_200; i++) {
            text.append("experiment.k").append("x".repeat(50)).append(i).append(" = 1\n");
        }
        text.append("experiment.batch = \"").append("y".repeat(10_000)).append("\"\n");
        text.append("experiment.recipe.seed = \"").append("z".repeat(10_000)).append("\"\n");

        BadSettings refusal = catchThrowableOfType(BadSettings.class, () -> submitted(text.toString()));

        assertThat(refusal.getMessage()).hasSizeLessThanOrEqualTo(BadSettings.MOST_CHARACTERS);
        assertThat(refusal.problems())
                .contains("and 1181 more unknown keys")
                .anyMatch(problem ->
                        problem.startsWith("experiment.recipe.seed = \"zzz") && problem.contains("(10062 characters)"));
        assertThat(refusal.problems().get(0)).startsWith("unknown key experiment.");
    }

    /** Nothing of the answer depends on what the file is, so it tells nothing of files. */
    @Test
    void aTeacherOutsideOfTheInstallationIsRefusedWithTheSameWords(@TempDir Path elsewhere) throws IOException {
        Path folder = Files.createDirectory(elsewhere.resolve("folder"));
        Path none = elsewhere.resolve("none");

        assertThat(Refusals.of(() -> submitted(MINE + "experiment.teacher = \"" + folder + '"'))
                        .get(0)
                        .replace("folder", ""))
                .isEqualTo(Refusals.of(() -> submitted(MINE + "experiment.teacher = \"" + none + '"'))
                        .get(0)
                        .replace("none", ""));
    }

    private Path mine(String more) throws IOException {
        return Files.writeString(home.resolve("mine.conf"), MINE + more);
    }

    @Test
    void aSubmissionLeavesToTheClusterWhatIsTheClusters() throws IOException {
        Path elsewhere = Files.createDirectory(home.resolve("elsewhere"));
        String text = Settings.submission(
                mine("supervision.work-within = 45s").toString(),
                List.of("supervision.cycle-stall-after=90s", "experiment.recipe.seed=7"),
                home);
        Files.createDirectories(elsewhere.resolve("teachers"));
        Path teacher = Files.createFile(elsewhere.resolve("teachers/fashion.pt"));

        Settings there = Settings.submitted(text, here, elsewhere);

        assertThat(there.experiment().teacher()).as("of the other installation").isEqualTo(teacher);
        assertThat(there.experiment().recipe().seed()).isEqualTo(7);
        assertThat(there.supervision().workWithin()).isEqualTo(Duration.ofSeconds(45));
        assertThat(there.supervision().cycleStallAfter()).isEqualTo(Duration.ofSeconds(90));
        assertThat(there.supervision().restarts()).as("the node's").isEqualTo(9);
    }

    @Test
    void aTeacherElsewhereIsSubmittedAsItIsAndNeedNotBeHere() throws IOException {
        Path conf = mine("");
        String text = Settings.submission(conf.toString(), List.of("experiment.teacher=/nowhere/teacher.pt"), home);

        assertThat(Refusals.of(() -> submitted(text)))
                .containsExactly(
                        "experiment.teacher = /nowhere/teacher.pt is no teacher that the control node can use: put a"
                                + " network file there that it can read, or name another; its log says what is wrong with"
                                + " this one");
    }

    @Test
    void whatBelongsToTheNodeIsSentByNoFileAndTakenFromNoOverride() throws IOException {
        Path file = mine("engine.threads = 7");

        assertThat(Settings.submission(file.toString(), List.of(), home)).doesNotContain("threads");
        assertThat(Refusals.of(() -> Settings.submission(file.toString(), List.of("engine.threads=2"), home)))
                .containsExactly(
                        "engine belongs to the node that runs the experiment: leave it out here, and set it where"
                                + " the node is started");
    }

    @Test
    void aRunThatGoesOnAtAnotherNodeKeepsItsEngine() {
        Settings begun = submitted(MINE);
        DeploymentSettings other =
                DeploymentSettings.load("one-process", List.of("engine.threads=2", "serving.deadline=9s"), home);

        Settings there = begun.takenUpBy(other);

        assertThat(there.identity()).isEqualTo(begun.identity());
        assertThat(there.serving()).isSameAs(other.serving());
        assertThat(there.supervision()).isEqualTo(begun.supervision());
    }
}
