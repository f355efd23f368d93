package dev.sluice.actors.system;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.monitoring.run.EventLog;
import dev.sluice.runtime.store.Sha256;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.awaitility.Awaitility;

/** Nodes in processes of their own, each started and ended by the test, and one run that they carry out together. */
final class Cluster implements AutoCloseable {
    static final Duration PATIENCE = Duration.ofSeconds(180);
    static final int CYCLES = 24;

    /** Small networks' worth of work: two phases, a checkpoint every second cycle. */
    private static final List<String> RUN = List.of(
            "--experiment", "fashion",
            "--port", "0",
            "--set", "experiment.cycles=[14, 10]",
            "--set", "experiment.recipe.batch=8",
            "--set", "experiment.grid-samples=0",
            "--set", "experiment.snapshot-every=0",
            "--set", "experiment.teacher-steps=2",
            "--set", "checkpoint.every=2");

    private final Path run;
    private final int controlPort;
    private final Map<String, Sluice> nodes = new LinkedHashMap<>();

    /** @param run folder of the run */
    Cluster(Path run) throws IOException {
        this.run = run;
        this.controlPort = freePort();
    }

    static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /** The run in one process, to its end. */
    static Path untouched(Path run, String... more) throws Exception {
        try (Sluice sluice = Sluice.start(distill(run, more))) {
            assertThat(sluice.exitCode(PATIENCE))
                    .as(String.join("\n", sluice.output()))
                    .isZero();
        }
        return run;
    }

    static String[] distill(Path run, String... more) {
        List<String> all = new ArrayList<>(List.of("distill"));
        all.addAll(RUN);
        all.addAll(List.of("--run", run.toString()));
        all.addAll(Arrays.asList(more));
        return all.toArray(String[]::new);
    }

    /** The run is carried out by a process that was started otherwise; closed with this. */
    void watch(Sluice control) {
        put("control", control);
    }

    /** Starts the run's control node. */
    Sluice control(String... more) throws IOException {
        List<String> all = new ArrayList<>(List.of(distill(run, more)));
        all.addAll(asControl());
        return put("control", Sluice.start(all.toArray(String[]::new)));
    }

    /** Starts it again, to go on with the run. */
    Sluice resume() throws IOException {
        List<String> all = new ArrayList<>(List.of("resume", "--run", run.toString(), "--port", "0"));
        all.addAll(asControl());
        return put("control", Sluice.start(all.toArray(String[]::new)));
    }

    private List<String> asControl() {
        return List.of(
                "--set",
                "node.roles=[control]",
                "--set",
                "node.port=" + controlPort,
                "--set",
                "node.seeds=[" + seed(controlPort) + "]");
    }

    private static String seed(int port) {
        return "\"127.0.0.1:" + port + "\"";
    }

    /** Starts a control node that experiments are submitted to, with its runs in a folder. */
    Sluice control(String name, int port, Path runs, String... more) throws IOException {
        List<String> all = new ArrayList<>(List.of(
                "node",
                "--roles",
                "control",
                "--node-port",
                Integer.toString(port),
                "--seed",
                "127.0.0.1:" + controlPort,
                "--port",
                "0",
                "--runs",
                runs.toString()));
        all.addAll(Arrays.asList(more));
        return put(name, Sluice.start(all.toArray(String[]::new)));
    }

    int controlPort() {
        return controlPort;
    }

    /** The HTTP address of a control node that experiments are submitted to. */
    String url(String name) {
        return get(name).awaitLine("experiments are submitted to (http://[^,]+),", PATIENCE);
    }

    /** The settings of the run, as for a submission. */
    static List<String> settings() {
        return RUN.stream()
                .filter(a -> a.startsWith("experiment.") || a.startsWith("checkpoint."))
                .toList();
    }

    /** Starts a node that plays these roles. */
    Sluice node(String name, String roles, String... more) throws IOException {
        List<String> all = new ArrayList<>(List.of("node", "--roles", roles, "--seed", "127.0.0.1:" + controlPort));
        all.addAll(Arrays.asList(more));
        return put(name, Sluice.start(all.toArray(String[]::new)));
    }

    private Sluice put(String name, Sluice process) {
        Sluice before = nodes.put(name, process);
        if (before != null) {
            before.close();
        }
        return process;
    }

    Sluice get(String name) {
        return nodes.get(name);
    }

    int cycles() throws IOException {
        Path metrics = run.resolve("metrics.csv");
        return Files.exists(metrics) ? Math.max(0, Files.readAllLines(metrics).size() - 1) : 0;
    }

    /** Waits until so many cycles are recorded. */
    void awaitCycles(int cycles) {
        Awaitility.await("cycle " + cycles)
                .atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(20))
                .until(() -> {
                    Sluice control = nodes.get("control");
                    assertThat(control.isAlive() || cycles() >= cycles)
                            .as(String.join("\n", control.output()))
                            .isTrue();
                    return cycles() >= cycles;
                });
    }

    /** Waits for the cycle after the next, which comes within {@code bound} of {@code since}; docs/cluster.md has what it says. */
    void assertProgress(Duration bound, int before, long since, String what) {
        awaitCycles(before + 2);
        assertWithin(bound, since, what + ": next cycles");
    }

    /** Something has just come about, within {@code bound} of {@code since}. */
    static void assertWithin(Duration bound, long since, String what) {
        Duration took = Duration.ofNanos(System.nanoTime() - since);
        System.out.println(what + " after " + took.toMillis() + " ms");
        assertThat(took).as(what).isLessThan(bound);
    }

    List<EventLog.Event> events(String type) throws IOException {
        Path log = run.resolve("events.jsonl");
        if (!Files.exists(log)) {
            return List.of();
        }
        return EventLog.read(log).events().stream()
                .filter(event -> event.form().type().equals(type))
                .toList();
    }

    /** The first event {@code type} that was recorded after the first {@code other}. */
    EventLog.Event firstAfter(String other, String type) throws IOException {
        return EventLog.read(run.resolve("events.jsonl")).events().stream()
                .dropWhile(event -> !event.form().type().equals(other))
                .filter(event -> event.form().type().equals(type))
                .findFirst()
                .orElseThrow();
    }

    void awaitEvents(String type, int count) {
        Awaitility.await(count + " events " + type)
                .atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(50))
                .until(() -> {
                    for (Map.Entry<String, Sluice> node : nodes.entrySet()) {
                        assertThat(node.getValue().isAlive() || node.getValue().isExpectedToEnd())
                                .as(node.getKey() + ": "
                                        + String.join("\n", node.getValue().output()))
                                .isTrue();
                    }
                    return events(type).size() >= count;
                });
    }

    /** The run ends well, its records hold together, and its weights are those of {@code like}. */
    void assertFinishedLike(Path like) throws Exception {
        Sluice control = nodes.get("control");
        assertThat(control.exitCode(PATIENCE))
                .as(String.join("\n", control.output()))
                .isZero();
        assertSame(run, like);
    }

    static void assertSame(Path run, Path like) throws IOException {
        for (int phase = 1; phase <= 2; phase++) {
            String expert = "experts/phase-" + phase + ".pt";
            assertThat(Sha256.of(run.resolve(expert))).as(expert).isEqualTo(Sha256.of(like.resolve(expert)));
        }
        Records.assertHoldTogether(run);
    }

    @Override
    public void close() {
        List<Sluice> all = new ArrayList<>(nodes.values());
        Collections.reverse(all);
        all.forEach(Sluice::close);
    }
}
