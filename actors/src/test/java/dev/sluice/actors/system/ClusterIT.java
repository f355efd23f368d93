package dev.sluice.actors.system;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.monitoring.run.EventLog;
import dev.sluice.protocol.Role;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A run over several processes, some of which are killed, suspended, or leave: the others go on, what is missing comes back
 * within its bound, and the weights are those of a run in one process that nothing happened to
 * (docs/guarantees.md: recovers, no-endless-restart, phase-once, rejoins, elastic).
 * Who is suspended: {@link WedgedIT}.
 */
@Timeout(600)
class ClusterIT {
    private static final Duration PATIENCE = Cluster.PATIENCE;

    /** From a fault to the next committed cycles; docs/cluster.md states it. */
    private static final Duration BOUND = Duration.ofSeconds(45);

    @TempDir
    static Path once;

    private static Path untouched;

    @TempDir
    Path folder;

    @BeforeAll
    static void runUntouched() throws Exception {
        untouched = Cluster.untouched(once.resolve("untouched"));
    }

    private static void kill(long pid) {
        assertThat(ProcessHandle.of(pid).orElseThrow().destroyForcibly()).isTrue();
    }

    @Test
    void everyRoleIsKilledOnce() throws Exception {
        List<Role> victims = List.of(Role.GENERATOR, Role.CRITIC, Role.TEACHER, Role.SAMPLER, Role.CONTROL);
        try (Kept kept = new Kept(folder.resolve("run"))) {
            for (int i = 0; i < victims.size(); i++) {
                Role victim = victims.get(i);
                // Not on a checkpoint, so that there is something to do again.
                kept.records().awaitCycles(3 + 4 * i);
                int before = kept.records().cycles();
                assertThat(before).as("the run is at work").isLessThan(Cluster.CYCLES - 2);
                long since = System.nanoTime();
                kill(kept.pid(victim, 0));
                kept.sluice()
                        .awaitLine("(the " + victim.key() + "'s process ended with 137; starting it again)", PATIENCE);
                kept.records().assertProgress(BOUND, before, since, "killed the " + victim.key());
            }
            kept.records().assertFinishedLike(untouched);
            assertThat(kept.records().events("recovery-done")).hasSizeGreaterThanOrEqualTo(2);
            assertThat(kept.records().events("run-finished")).hasSize(1);
        }
    }

    @Test
    @Tag("long")
    void theSupervisorIsKilledInTheMiddleOfAPhaseChange() throws Exception {
        try (Kept kept = new Kept(folder.resolve("run"))) {
            kept.records().awaitEvents("phase-ended", 1);
            kill(kept.pid(Role.CONTROL, 0));
            kept.records().assertFinishedLike(untouched);
            // Not trained again, though it may have been published again: the records say it was the same.
            assertThat(kept.records().events("phase-ended").stream()
                            .filter(ended -> ended.form().fields().get("phase").equals(1L)))
                    .hasSizeBetween(1, 2);
            assertThat(kept.records().events("phase-begun").stream()
                            .filter(begun -> ((Number) begun.form().fields().get("epoch")).intValue() > 1)
                            .filter(begun -> begun.form().fields().get("phase").equals(1L)))
                    .allMatch(begun -> begun.form().fields().get("cycle").equals(14L));
        }
    }

    @Test
    @Tag("long")
    void aRoleThatDiesAgainAndAgainEndsTheRunWithItsCause() throws Exception {
        try (Kept kept = new Kept(
                folder.resolve("run"),
                "--set",
                "experiment.cycles=[10000, 10]",
                "--set",
                "checkpoint.every=0",
                "--set",
                "supervision.restarts=2")) {
            for (int death = 0; death < 3; death++) {
                kept.records().awaitEvents("phase-begun", death + 1);
                kill(kept.pid(Role.CRITIC, death));
            }
            long since = System.nanoTime();
            assertThat(kept.sluice().exitCode(PATIENCE)).isEqualTo(1);
            Cluster.assertWithin(BOUND, since, "killed the critic once too often: the run has failed");
            assertThat(String.join("\n", kept.sluice().output()))
                    .containsPattern(
                            "the run failed: the critic (at .* is gone|got no batch: .*) \\(and 2 times before without a"
                                    + " checkpoint kept between them\\)");
            assertThat(kept.records().events("run-failed")).hasSize(1);
            // Nobody watched the new process before the cluster had it: that would have been another death.
            assertThat(kept.records().events("fault-seen")).hasSize(3);
            assertThat(kept.records().events("role-started").stream()
                            .filter(started ->
                                    started.form().fields().get("role").equals("critic"))
                            .map(started -> started.form().fields().get("actor").toString()))
                    .as("each process was asked to play once")
                    .hasSize(3)
                    .allMatch(actor -> actor.endsWith("/critic-fashion-1"));
        }
    }

    @Test
    @Tag("long")
    void aSuspendedRunAccusesNobodyWhenItWakes() throws Exception {
        Path run = folder.resolve("run");
        try (Cluster cluster = new Cluster(run)) {
            cluster.watch(Sluice.start(Cluster.distill(
                    run, "--set", "supervision.cycle-stall-after=4s", "--set", "supervision.work-within=3s")));
            cluster.awaitCycles(3);
            cluster.get("control").signal("STOP");
            Awaitility.await().pollDelay(Duration.ofSeconds(8)).until(() -> true);
            cluster.get("control").signal("CONT");
            cluster.assertFinishedLike(untouched);
            assertThat(cluster.events("fault-seen")).isEmpty();
        }
    }

    @Test
    @Tag("long")
    void nodesJoinLeaveInOrderAndAreKilledInTheMiddleOfACycle() throws Exception {
        // Enough for the starts of two processes, on a fast machine too.
        String[] budget = {"--set", "experiment.cycles=[40, 8]"};
        Path longer = Cluster.untouched(folder.resolve("longer"), budget);
        try (Cluster cluster = new Cluster(folder.resolve("run"))) {
            cluster.control(budget);
            cluster.node("first", "generator,critic,teacher,sampler");
            cluster.awaitCycles(3);
            cluster.node("second", "generator,critic,teacher,sampler");
            cluster.node("third", "generator,critic,teacher,sampler");
            // Those that joined play teachers and samplers at once, and stand by as trainers.
            cluster.awaitEvents("role-started", 8);

            int atLeaving = cluster.cycles();
            long leaving = System.nanoTime();
            cluster.get("first").terminate();
            cluster.assertProgress(BOUND, atLeaving, leaving, "the node of generator and critic leaves");
            assertThat(cluster.get("first").exitCode(PATIENCE)).isEqualTo(128 + 15);
            cluster.awaitEvents("handed-over", 1);
            EventLog.Event handedOver = cluster.events("handed-over").get(0);
            assertThat(cluster.firstAfter("handed-over", "phase-begun").form().fields())
                    .as("goes on at the cycle where it was handed over: nothing is done twice")
                    .containsEntry("cycle", handedOver.form().fields().get("cycle"))
                    .containsEntry("phase", handedOver.form().fields().get("phase"));

            int before = cluster.cycles();
            assertThat(before).as("the run is at work").isLessThan(48 - 2);
            long since = System.nanoTime();
            // Each of the two plays a trainer now.
            cluster.get("second").kill();
            cluster.assertProgress(BOUND, before, since, "killed a node that trains and another stands by for");
            cluster.assertFinishedLike(longer);
            assertThat(cluster.events("recovery-done")).hasSize(1);
        }
    }

    @Test
    @Tag("long")
    void theSameHostAndPortStartsTenTimesAndIsUsedEachTime() throws Exception {
        try (Cluster cluster = new Cluster(folder.resolve("run"))) {
            Sluice control = cluster.control("--set", "experiment.cycles=[100000, 10]");
            cluster.node("ring", "generator,critic,teacher,sampler");
            cluster.awaitCycles(1);
            String port = Integer.toString(Cluster.freePort());
            int started = cluster.events("role-started").size();
            for (int i = 1; i <= 10; i++) {
                cluster.node("again", "teacher", "--node-port", port);
                cluster.awaitEvents("role-started", started + i);
                assertThat(cluster.events("role-started")
                                .get(started + i - 1)
                                .form()
                                .fields())
                        .containsEntry("role", "teacher");
                cluster.get("again").kill();
            }
            int before = cluster.cycles();
            cluster.assertProgress(BOUND, before, System.nanoTime(), "ten teachers later");
            assertThat(cluster.events("recovery-done")).isEmpty();
            control.terminate();
            assertThat(control.exitCode(PATIENCE)).isEqualTo(128 + 15);
        }
    }
}
