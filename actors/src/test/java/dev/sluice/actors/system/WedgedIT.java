package dev.sluice.actors.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.run.MetricsCsv;
import dev.sluice.protocol.Role;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What is alive and makes no progress: processes that are suspended, each role's in turn, and a native call that never
 * returns. The weights, or where the teacher's file differs the losses, are those of a run that nothing happened to
 * (docs/guarantees.md: progress-is-health).
 */
@Tag("long")
@Timeout(600)
class WedgedIT {
    private static final Duration PATIENCE = Cluster.PATIENCE;

    /** From a suspension to the next committed cycles; docs/cluster.md states it. */
    private static final Duration BOUND = Duration.ofSeconds(45);
    /** All the others start at once then, and are let in when the control node is sure that they had gone. */
    private static final Duration BOUND_OF_WAKING = Duration.ofSeconds(60);

    private static final int START_AGAIN = 75;
    private static final List<String> PYTHONS = List.of("/usr/bin/python3", "/usr/local/bin/python3");

    /** With guidance the teacher's evaluations have twice as many rows, which none of the sampler's batches has. */
    private static final int BATCH = 6;

    @TempDir
    Path folder;

    private static int askForAnImage(String url) throws InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url))
                .header("Content-Type", "application/json")
                .timeout(PATIENCE)
                .POST(HttpRequest.BodyPublishers.ofString("{\"seed\": 1}"))
                .build();
        try {
            return HttpClient.newHttpClient()
                    .send(request, HttpResponse.BodyHandlers.discarding())
                    .statusCode();
        } catch (IOException e) {
            throw new AssertionError("no answer", e);
        }
    }

    private static void awaitAnImage(String url) {
        Awaitility.await("an image").atMost(PATIENCE).until(() -> askForAnImage(url) == 200);
    }

    @ParameterizedTest
    @EnumSource(
            value = Role.class,
            names = {"GENERATOR", "CRITIC", "TEACHER"})
    void whoeverIsSuspendedIsReplacedByWhoStandsByAndStopsWhenItWakes(Role role) throws Exception {
        Path untouched = Cluster.untouched(folder.resolve("untouched"));
        try (Cluster cluster = new Cluster(folder.resolve("run"))) {
            cluster.control();
            beginWithTwoOf(cluster, role);
            int before = cluster.cycles();
            assertThat(before).as("the run is at work").isLessThan(Cluster.CYCLES - 2);
            long since = System.nanoTime();
            cluster.get("first").signal("STOP");
            cluster.assertProgress(BOUND, before, since, "suspended the " + role.key());
            cluster.get("first").signal("CONT");

            cluster.assertFinishedLike(untouched);
            assertThat(cluster.get("first").exitCode(PATIENCE)).isEqualTo(START_AGAIN);
            assertThat(String.join("\n", cluster.get("first").output())).contains("was removed from the cluster");
        }
    }

    @Test
    void whoAsksWhileASamplerIsSuspendedIsServedByTheOther() throws Exception {
        Path untouched = Cluster.untouched(folder.resolve("untouched"));
        try (Cluster cluster = new Cluster(folder.resolve("run"))) {
            String url = cluster.control().awaitLine("serving at  (http://\\S+)", PATIENCE);
            beginWithTwoOf(cluster, Role.SAMPLER);
            awaitAnImage(url);
            long since = System.nanoTime();
            cluster.get("first").signal("STOP");
            awaitAnImage(url);
            Cluster.assertWithin(BOUND, since, "suspended the sampler: next image");
            cluster.get("first").signal("CONT");
            cluster.assertFinishedLike(untouched);
        }
    }

    /** The roles, each in one place, but {@code role} in a process of its own and in another that stands by. */
    private static void beginWithTwoOf(Cluster cluster, Role role) throws IOException {
        List<Role> others = new ArrayList<>(List.of(Role.GENERATOR, Role.CRITIC, Role.TEACHER, Role.SAMPLER));
        others.remove(role);
        cluster.node("ring", others.stream().map(Role::key).collect(Collectors.joining(",")));
        cluster.node("first", role.key());
        cluster.awaitCycles(3);
        cluster.node("second", role.key());
        if (role == Role.TEACHER || role == Role.SAMPLER) {
            cluster.awaitEvents("role-started", 5);
        } else {
            cluster.get("second").awaitLine("(node .* offers " + role.key() + ")", PATIENCE);
        }
    }

    @Test
    void theControlNodeIsSuspendedAndGoesOnWithTheOthersWhenItWakes() throws Exception {
        Path untouched = Cluster.untouched(folder.resolve("untouched"));
        try (Kept kept = new Kept(folder.resolve("run"))) {
            kept.records().awaitCycles(3);
            long control = kept.pid(Role.CONTROL, 0);
            Sluice.signal(control, "STOP");
            kept.sluice().awaitLine("(the critic's process ended with " + START_AGAIN + ")", PATIENCE);
            int before = kept.records().cycles();
            Sluice.signal(control, "CONT");
            kept.records()
                    .assertProgress(BOUND_OF_WAKING, before, System.nanoTime(), "woke the suspended control node");
            kept.records().assertFinishedLike(untouched);
        }
    }

    /**
     * A teacher that computes as the bundled one does, but never returns from one of its evaluations without a class. Those
     * that are distilled from it are the same network, but nobody evaluates them without a class, except the sampler, whose
     * batches are of other sizes.
     */
    private Path teacher(String name, int stuckAt) throws Exception {
        Path script = Files.writeString(folder.resolve("wrap.py"), """
                import sys, torch
                class Stuck(torch.nn.Module):
                    def __init__(self, network, at: int):
                        super().__init__()
                        self.network = network
                        self.at = at
                        self.count = 0
                    def forward(self, x: torch.Tensor, t: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
                        if x.size(0) == ROWS and bool((label == 10).any()):
                            self.count += 1
                        turns = 0
                        while self.count == self.at:
                            turns += 1
                        return self.network(x, t, label)
                extra = {"sluice.json": ""}
                network = torch.jit.load(sys.argv[1], _extra_files=extra)
                torch.jit.save(torch.jit.script(Stuck(network, int(sys.argv[2]))), sys.argv[3], _extra_files=extra)
                """.replace("ROWS", Integer.toString(2 * BATCH)));
        Path file = folder.resolve(name);
        String bundled = Path.of(System.getProperty("sluice.home"), "teachers/fashion.pt")
                .toString();
        String said = "no python3";
        for (String python : PYTHONS) {
            if (Files.exists(Path.of(python))) {
                Process process = new ProcessBuilder(
                                python, script.toString(), bundled, Integer.toString(stuckAt), file.toString())
                        .redirectErrorStream(true)
                        .start();
                said = new String(process.getInputStream().readAllBytes());
                if (process.waitFor() == 0) {
                    return file;
                }
            }
        }
        assumeTrue(
                !said.contains("No module named 'torch'") && !said.equals("no python3"),
                "no python3 with torch here; on Debian, install python3-torch");
        throw new AssertionError(said);
    }

    @Test
    void aNativeCallThatNeverReturnsHasItsTeacherReplaced() throws Exception {
        List<Path> runs = new ArrayList<>();
        for (int stuckAt : new int[] {1_000_000, 8}) {
            Path run = folder.resolve("stuck-at-" + stuckAt);
            Path teacher = teacher("teacher-" + stuckAt + ".pt", stuckAt);
            String[] arguments = Cluster.distill(
                    run,
                    "--set",
                    "experiment.teacher=" + teacher,
                    "--set",
                    "experiment.recipe.batch=" + BATCH,
                    "--set",
                    "experiment.cycles=[8, 6]",
                    "--set",
                    "supervision.work-within=5s");
            try (Sluice sluice = Sluice.start(arguments)) {
                assertThat(sluice.exitCode(PATIENCE))
                        .as(String.join("\n", sluice.output()))
                        .isZero();
            }
            Records.assertHoldTogether(run);
            runs.add(run);
        }
        assertThat(Records.numbers(runs.get(1))).isEqualTo(Records.numbers(runs.get(0)));
        List<EventLog.Event> events =
                EventLog.read(runs.get(1).resolve("events.jsonl")).events();
        assertThat(events.stream().filter(event -> event.form().type().equals("fault-seen")))
                .hasSize(1)
                .allSatisfy(fault -> assertThat(fault.form().fields())
                        .containsEntry("role", "teacher")
                        .hasEntrySatisfying("cause", cause -> assertThat(cause.toString())
                                .contains("at one piece of work for 5 s")));
        double pause = longestPause(runs.get(1));
        System.out.println("a native call that never returned: a pause of " + pause + " s");
        assertThat(pause).isBetween(5.0, 20.0);
    }

    /** Between two cycles, seconds. */
    private static double longestPause(Path run) throws IOException {
        double longest = 0;
        double last = Double.NaN;
        for (MetricsCsv.Row row : MetricsCsv.read(run.resolve("metrics.csv"))) {
            longest = Double.isNaN(last) ? 0 : Math.max(longest, row.seconds() - last);
            last = row.seconds();
        }
        return longest;
    }
}
