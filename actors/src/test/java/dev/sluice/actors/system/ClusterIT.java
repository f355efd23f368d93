package dev.sluice.actors.system;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.monitoring.run.EventLog;
import dev.sluice.protocol.Role;
import dev.sluice.runtime.store.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A run with every role in a process of its own, which is killed, stopped or suspended: the others go on, the role comes
 * back within its bound, and the weights are those of a run that nothing happened to (contracts F1, F2, F6, F7).
 */
@Timeout(600)
class ClusterIT {
    private static final Duration PATIENCE = Duration.ofSeconds(180);

    /** From the fault to the next committed cycle; the README states it. */
    private static final Duration BOUND = Duration.ofSeconds(45);

    private static final int CYCLES = 24;
    private static final String[] RUN = {
        "--experiment", "fashion",
        "--port", "0",
        "--set", "experiment.cycles=[14, 10]",
        "--set", "experiment.recipe.batch=8",
        "--set", "experiment.grid-samples=0",
        "--set", "experiment.snapshot-every=0",
        "--set", "experiment.teacher-steps=2",
        "--set", "checkpoint.every=2"
    };

    @TempDir
    Path folder;

    private Sluice start(String name, String... more) throws IOException {
        List<String> all = new ArrayList<>(List.of("distill"));
        all.addAll(Arrays.asList(RUN));
        all.addAll(List.of("--run", folder.resolve(name).toString()));
        all.addAll(Arrays.asList(more));
        return Sluice.start(all.toArray(String[]::new));
    }

    private static long pid(Sluice sluice, Role role, int incarnation) {
        Pattern line = Pattern.compile("the " + role.key() + " is process (\\d+)");
        List<Long> pids = new ArrayList<>();
        Awaitility.await("incarnation " + incarnation + " of the " + role.key())
                .atMost(PATIENCE)
                .until(() -> {
                    pids.clear();
                    for (String text : sluice.output()) {
                        Matcher matcher = line.matcher(text);
                        if (matcher.find()) {
                            pids.add(Long.parseLong(matcher.group(1)));
                        }
                    }
                    assertThat(sluice.isAlive() || pids.size() > incarnation)
                            .as(String.join("\n", sluice.output()))
                            .isTrue();
                    return pids.size() > incarnation;
                });
        return pids.get(incarnation);
    }

    private int cycles(String name) throws IOException {
        Path metrics = folder.resolve(name).resolve("metrics.csv");
        return Files.exists(metrics) ? Math.max(0, Files.readAllLines(metrics).size() - 1) : 0;
    }

    private void awaitCycles(Sluice sluice, String name, int cycles) {
        Awaitility.await("cycle " + cycles)
                .atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(20))
                .until(() -> {
                    assertThat(sluice.isAlive() || cycles(name) >= cycles)
                            .as(String.join("\n", sluice.output()))
                            .isTrue();
                    return cycles(name) >= cycles;
                });
    }

    private Path untouched() throws Exception {
        try (Sluice sluice = start("untouched")) {
            assertThat(sluice.exitCode(PATIENCE))
                    .as(String.join("\n", sluice.output()))
                    .isZero();
        }
        return folder.resolve("untouched");
    }

    private static void assertFinished(Sluice sluice, Path run, Path like) throws Exception {
        assertThat(sluice.exitCode(PATIENCE))
                .as(String.join("\n", sluice.output()))
                .isZero();
        for (int phase = 1; phase <= 2; phase++) {
            String expert = "experts/phase-" + phase + ".pt";
            assertThat(Sha256.of(run.resolve(expert))).as(expert).isEqualTo(Sha256.of(like.resolve(expert)));
        }
        Records.assertHoldTogether(run);
    }

    private static List<EventLog.Event> events(Path run, String type) throws IOException {
        return EventLog.read(run.resolve("events.jsonl")).events().stream()
                .filter(event -> event.type().equals(type))
                .toList();
    }

    @Test
    void everyRoleIsKilledOnceAndTheWeightsAreThoseOfARunInOneProcess() throws Exception {
        Path untouched = untouched();
        List<Role> victims = List.of(Role.GENERATOR, Role.CRITIC, Role.TEACHER, Role.SAMPLER, Role.CONTROL);
        try (Sluice sluice = start("killed", "--processes")) {
            for (int i = 0; i < victims.size(); i++) {
                Role victim = victims.get(i);
                // Not on a checkpoint, so that there is something to do again.
                awaitCycles(sluice, "killed", 3 + 4 * i);
                int before = cycles("killed");
                assertThat(before).as("the run is at work").isLessThan(CYCLES);
                ProcessHandle.of(pid(sluice, victim, 0)).orElseThrow().destroyForcibly();
                long killed = System.nanoTime();
                sluice.awaitLine("(the " + victim.key() + "'s process ended with 137; starting it again)", PATIENCE);
                awaitCycles(sluice, "killed", before + 2);
                Duration took = Duration.ofNanos(System.nanoTime() - killed);
                System.out.println("killed the " + victim.key() + ": next cycle after " + took.toMillis() + " ms");
                assertThat(took).isLessThan(BOUND);
            }
            assertFinished(sluice, folder.resolve("killed"), untouched);
        }
        Path killed = folder.resolve("killed");
        assertThat(events(killed, "recovery-done")).hasSizeGreaterThanOrEqualTo(2);
        assertThat(events(killed, "run-finished")).hasSize(1);
    }
}
