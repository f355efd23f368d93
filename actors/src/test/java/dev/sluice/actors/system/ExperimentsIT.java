package dev.sluice.actors.system;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.monitoring.run.EventLog;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A cluster that experiments are submitted to, over its HTTP API and with the commands that users have. */
@Timeout(600)
class ExperimentsIT {
    private static final Duration PATIENCE = Cluster.PATIENCE;

    @TempDir
    static Path once;

    private static Path untouched;

    @TempDir
    Path folder;

    @BeforeAll
    static void runUntouched() throws Exception {
        untouched = Cluster.untouched(once.resolve("untouched"));
    }

    private static Sluice submit(String url, String... more) throws Exception {
        List<String> all = new ArrayList<>(List.of("submit", "fashion", "--control", url));
        Cluster.settings().forEach(setting -> all.addAll(List.of("--set", setting)));
        Arrays.stream(more).forEach(setting -> all.addAll(List.of("--set", setting)));
        all.add("--follow");
        return Sluice.start(all.toArray(String[]::new));
    }

    private static String said(Sluice sluice, int code) throws Exception {
        assertThat(sluice.exitCode(PATIENCE))
                .as(String.join("\n", sluice.output()))
                .isEqualTo(code);
        return String.join("\n", sluice.output());
    }

    private static List<EventLog.Event> events(Path run, String type) throws Exception {
        return EventLog.read(run.resolve("events.jsonl")).events().stream()
                .filter(event -> event.form().type().equals(type))
                .toList();
    }

    @Test
    @Tag("long")
    void anExperimentWhoseNumbersExplodeAndOneThatIsCancelledLeaveTheirNeighbourAlone() throws Exception {
        Path runs = folder.resolve("runs");
        try (Cluster cluster = new Cluster(folder.resolve("none"))) {
            cluster.control("control", cluster.controlPort(), runs);
            cluster.node("worker", "generator,critic,teacher,sampler");
            cluster.node("another", "generator,critic,teacher,sampler");
            String url = cluster.url("control");
            try (Sluice good = submit(url);
                    Sluice exploding = submit(
                            url,
                            "experiment.name=exploding",
                            "experiment.recipe.generator.learning-rate=1e30",
                            "experiment.recipe.critic.learning-rate=1e30");
                    Sluice endless = submit(url, "experiment.name=endless", "experiment.cycles=[1000000, 1]")) {
                endless.awaitLine("(endless training, phase 1/2, cycle [1-9])", PATIENCE);
                try (Sluice again = submit(url)) {
                    assertThat(said(again, 1)).contains("there is an experiment fashion already");
                }
                try (Sluice list = Sluice.start("experiments", "--control", url)) {
                    assertThat(said(list, 0)).contains("EXPERIMENT", "fashion", "exploding", "endless  ", "training");
                }
                try (Sluice cancel = Sluice.start("cancel", "endless", "--control", url)) {
                    assertThat(said(cancel, 0)).contains("endless is cancelled");
                }
                assertThat(said(endless, 1)).contains("endless cancelled");
                assertThat(said(exploding, 1)).contains("exploding failed", "the gradient was not finite");
                said(good, 0);
            }
            Cluster.assertSame(runs.resolve("fashion-1"), untouched);
            assertThat(events(runs.resolve("fashion-1"), "fault-seen")).isEmpty();
            try (Sluice unknown = Sluice.start("cancel", "nothing", "--control", url)) {
                assertThat(said(unknown, 1)).contains("there is no experiment nothing");
            }
        }
    }

    /** Alone it would begin a cluster of its own, and the others would wait in the old one for ever. */
    @Test
    @Tag("long")
    void theOnlyControlNodeIsStoppedInOrderAndFindsTheOthersWhenItIsBack() throws Exception {
        Path runs = folder.resolve("runs");
        try (Cluster cluster = new Cluster(folder.resolve("none"))) {
            int port = Cluster.freePort();
            String[] seeds = {"--seed", "127.0.0.1:" + port};
            cluster.control("only", cluster.controlPort(), runs, seeds);
            cluster.node(
                    "worker",
                    "generator,critic,teacher,sampler",
                    "--node-port",
                    Integer.toString(port),
                    seeds[0],
                    seeds[1]);
            try (Sluice submitted = submit(cluster.url("only"))) {
                submitted.awaitLine("(fashion training, phase 1/2, cycle ([3-9]|1[0-2]))", PATIENCE);
                cluster.get("only").terminate();
                assertThat(cluster.get("only").exitCode(PATIENCE)).isEqualTo(128 + 15);
                submitted.exitCode(PATIENCE);
            }
            cluster.control("only", cluster.controlPort(), runs, seeds);
            Path run = runs.resolve("fashion-1");
            Awaitility.await("the run is finished with the worker that was there")
                    .atMost(PATIENCE)
                    .until(() -> !events(run, "run-finished").isEmpty());
            assertThat(cluster.get("worker").isAlive()).isTrue();
            Cluster.assertSame(run, untouched);
        }
    }

    @Test
    void aControlNodeThatLeavesHandsItsExperimentsToTheOther() throws Exception {
        Path runs = folder.resolve("runs");
        try (Cluster cluster = new Cluster(folder.resolve("none"))) {
            cluster.control("first", cluster.controlPort(), runs);
            cluster.node("worker", "generator,critic,teacher,sampler");
            cluster.control("second", 0, runs);
            cluster.get("second").awaitLine("(offers control)", PATIENCE);
            String first = cluster.url("first");
            String second = cluster.url("second");
            try (Sluice submitted = submit(first)) {
                submitted.awaitLine("(fashion training, phase 1/2, cycle ([3-9]|1[0-2]))", PATIENCE);
                cluster.get("first").terminate();
                assertThat(cluster.get("first").exitCode(PATIENCE)).isEqualTo(128 + 15);
                submitted.exitCode(PATIENCE);
            }
            Path run = runs.resolve("fashion-1");
            Awaitility.await("the run is finished by the second")
                    .atMost(PATIENCE)
                    .until(() -> !events(run, "run-finished").isEmpty());
            Cluster.assertSame(run, untouched);
            assertThat(events(run, "run-stopped")).hasSize(1);
            try (Sluice list = Sluice.start("experiments", "--control", second)) {
                assertThat(said(list, 0)).contains("finished");
            }
        }
    }
}
