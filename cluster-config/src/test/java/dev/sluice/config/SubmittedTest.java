package dev.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
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
                        "experiment.teacher = /nowhere/teacher.pt must be a file that can be read: train one with"
                                + " train-teacher, or name another");
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
