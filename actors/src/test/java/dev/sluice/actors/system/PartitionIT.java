package dev.sluice.actors.system;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.actors.fake.Certificates;
import dev.sluice.monitoring.run.EventLog;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The configuration for several machines, on machines with a network of their own that the test cuts: TLS between them, no
 * folder shared. Exactly one side goes on, the others stop themselves, and after the cut the weights are those of a run
 * that nothing happened to (docs/guarantees.md: one-side-trains).
 */
@Tag("long")
@Timeout(600)
class PartitionIT {
    private static final Duration PATIENCE = Cluster.PATIENCE;

    /** From a cut to the next committed cycles on the side that goes on; docs/cluster.md states it. */
    private static final Duration BOUND = Duration.ofSeconds(60);

    private static final int START_AGAIN = 75;
    private static final int MACHINES = 3;

    @TempDir
    static Path once;

    private static Path untouched;

    @TempDir
    Path folder;

    private final Map<Integer, Sluice> nodes = new LinkedHashMap<>();
    private Machines machines;
    private Path run;

    @BeforeAll
    static void runUntouched() throws Exception {
        untouched = Cluster.untouched(once.resolve("untouched"));
    }

    @BeforeEach
    void connect() throws Exception {
        machines = Machines.start(MACHINES);
        Path home = Path.of(System.getProperty("sluice.home"), "cluster-config");
        Files.copy(home.resolve("deployments/several-machines.conf"), folder.resolve("several-machines.conf"));
        List<String> hosts = new ArrayList<>();
        for (int i = 1; i <= MACHINES; i++) {
            hosts.add(machines.address(i));
        }
        Certificates.make(folder.resolve("certificates"), hosts);
        run = folder.resolve("runs/fashion-1");
    }

    @AfterEach
    void disconnect() throws Exception {
        try {
            nodes.values().forEach(Sluice::close);
        } finally {
            machines.close();
        }
    }

    private Sluice node(int machine, String... more) throws IOException {
        List<String> all = new ArrayList<>(List.of(
                "node",
                "--config",
                folder.resolve("several-machines.conf").toString(),
                "--host",
                machines.address(machine),
                "--seed",
                machines.address(1) + ":25520",
                "--set",
                "node.cache=" + folder.resolve("cache-" + machine)));
        all.addAll(Arrays.asList(more));
        Sluice node = machines.start(machine, all.toArray(String[]::new));
        Sluice before = nodes.put(machine, node);
        if (before != null) {
            before.close();
        }
        return node;
    }

    private Sluice cluster() throws IOException {
        node(1, "--roles", "control", "--runs", folder.resolve("runs").toString());
        nodes.get(1).awaitLine("(experiments are submitted to)", PATIENCE);
        node(2);
        List<String> all = new ArrayList<>(List.of("submit", "fashion"));
        Cluster.settings().forEach(setting -> all.addAll(List.of("--set", setting)));
        all.add("--follow");
        return machines.start(1, all.toArray(String[]::new));
    }

    private int cycles() throws IOException {
        Path metrics = run.resolve("metrics.csv");
        return Files.exists(metrics) ? Files.readAllLines(metrics).size() - 1 : 0;
    }

    private void awaitCycles(int cycles) {
        Awaitility.await("cycle " + cycles)
                .atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(20))
                .until(() -> cycles() >= cycles);
    }

    private List<EventLog.Event> events(String type) throws IOException {
        return EventLog.read(run.resolve("events.jsonl")).events().stream()
                .filter(event -> event.form().type().equals(type))
                .toList();
    }

    /** It says what it offers before it is a member; when a second teacher plays it has been one. */
    private void aThirdJoins() throws IOException {
        node(3);
        Awaitility.await("a second teacher")
                .atMost(PATIENCE)
                .until(() -> events("role-started").size() >= 6);
    }

    private void assertStopsItself(int machine) throws Exception {
        Sluice node = nodes.get(machine);
        assertThat(node.exitCode(PATIENCE)).as(String.join("\n", node.output())).isEqualTo(START_AGAIN);
        assertThat(String.join("\n", node.output())).contains("was removed from the cluster");
    }

    private void assertFinished(Sluice submitted) throws Exception {
        assertThat(submitted.exitCode(PATIENCE))
                .as(String.join("\n", submitted.output()))
                .isZero();
        Cluster.assertSame(run, untouched);
    }

    @Test
    void theMachineThatTrainsIsCutOffAndAnotherGoesOn() throws Exception {
        try (Sluice submitted = cluster()) {
            awaitCycles(3);
            aThirdJoins();
            int before = cycles();
            assertThat(before).as("the run is at work").isLessThan(Cluster.CYCLES - 2);
            long since = System.nanoTime();
            machines.cut(2);
            awaitCycles(before + 2);
            Cluster.assertWithin(BOUND, since, "cut off the machine that trains: next cycles");
            assertStopsItself(2);
            machines.heal(2);

            assertFinished(submitted);
            assertThat(events("recovery-done")).hasSize(1);
            assertThat(folder.resolve("cache-3"))
                    .as("it saw none of the folders")
                    .isDirectoryRecursivelyContaining(
                            file -> Files.isRegularFile(file) && file.toFile().length() > 1000);
        }
    }

    @Test
    void everybodyIsCutOffFromEverybodyAndWhoControlsWaitsForTheOthers() throws Exception {
        try (Sluice submitted = cluster()) {
            awaitCycles(3);
            aThirdJoins();
            for (int i = 1; i <= MACHINES; i++) {
                machines.cut(i);
            }
            assertStopsItself(2);
            assertStopsItself(3);
            int stopped = cycles();
            assertThat(stopped).isLessThan(Cluster.CYCLES - 2);
            for (int i = 1; i <= MACHINES; i++) {
                machines.heal(i);
            }
            assertThat(nodes.get(1).isAlive()).isTrue();
            node(2);
            node(3);

            assertFinished(submitted);
            assertThat(nodes.get(1).isAlive()).isTrue();
        }
    }
}
