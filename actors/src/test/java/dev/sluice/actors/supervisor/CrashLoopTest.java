package dev.sluice.actors.supervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SupervisorMessage.BudgetSpent;
import dev.sluice.protocol.message.SupervisorMessage.RoleFailed;
import dev.sluice.protocol.message.SupervisorMessage.RoleReady;
import dev.sluice.protocol.message.TeacherMessage;
import dev.sluice.runtime.checkpoint.Deaths;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.ManualTime;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What dies again and again is given up, be it a role's process or the one that supervises; what is lost by chance is not. */
class CrashLoopTest {
    private static ActorTestKit kit;

    private Stage stage;

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create(ManualTime.config());
    }

    @AfterAll
    static void shutDown() {
        kit.shutdownTestKit();
    }

    @AfterEach
    void stop() {
        stage.stop();
    }

    /** A start of the run after so many that never ended. */
    private void startAfter(int deaths) throws IOException {
        Files.createDirectories(Stage.DEATHS.file().getParent());
        for (int i = 0; i < deaths; i++) {
            Stage.DEATHS.begin(Stage.RESTARTS);
            Stage.DEATHS.during("phase 1 was being loaded");
        }
        Deaths.Past past = Stage.DEATHS.begin(Stage.RESTARTS);
        assertThat(past.times()).isEqualTo(deaths);
        stage = new Stage(kit, Stage.plan(1, Optional.empty(), 0, Stage.RESTARTS, past), Stage.NO_PICTURES);
    }

    private void fail(Role role, String cause) {
        stage.tell(new RoleFailed(stage.epoch, role, cause, stage.player(role).getRef()));
    }

    private void expectGone(Role role) {
        assertThat(stage.expectEvent("role-stopped")).containsEntry("role", role.key());
        assertThat(stage.expectEvent("fault-seen")).containsEntry("role", role.key());
    }

    /** As often as is allowed somebody is placed who is not there any more. */
    private void expectPutBackAndGone(Role role) {
        for (int i = 0; i < Stage.RESTARTS; i++) {
            expectGone(role);
            stage.settle();
            stage.time.timePasses(Stage.BACK_OFF.multipliedBy(1L << i));
            assertThat(stage.expectEvent("role-started")).containsEntry("role", role.key());
        }
    }

    @Test
    void aRunThatKilledItsProcessTooOftenFailsBeforeAnythingIsLoadedAndMayBeTriedAgainByHand() throws IOException {
        startAfter(Stage.RESTARTS + 1);

        assertThat(stage.expectFailed())
                .isEqualTo("the process died 3 times with no checkpoint kept between, the last time while phase 1 was"
                        + " being loaded; its log says why, or the kernel's where memory ran out");
        stage.offer(Role.GENERATOR, Role.CRITIC, Role.TEACHER, Role.SAMPLER);
        stage.settle();
        stage.generator.expectNoMessage(Duration.ofMillis(20));
        kit.stop(stage.supervisor, Duration.ofSeconds(10));
        assertThat(Stage.DEATHS.begin(Stage.RESTARTS).times()).isZero();
    }

    @Test
    void asManyDeathsAsFailuresAreSurvivedAndTheyCountTogether() throws IOException {
        startAfter(Stage.RESTARTS);
        stage.run(1);

        fail(Role.CRITIC, "broken");

        assertThat(stage.expectFailed())
                .isEqualTo(
                        "the critic failed: broken (and 2 times before without a checkpoint kept between" + " them)");
    }

    @Test
    void afterADeathTheFirstCycleIsKeptAndForgivesIt() throws IOException {
        startAfter(1);
        stage.run(1);
        stage.tell(Stage.commit(1, 1, 0, true));
        stage.expectCycle(1, 0);
        stage.tell(new BudgetSpent(1, 1, 1));
        stage.keep(1, 1);

        stage.generator.expectMessage(new GeneratorMessage.Run(1, 1, Stage.CYCLES));
        assertThat(Stage.DEATHS.begin(Stage.RESTARTS)).isEqualTo(new Deaths.Past(1, "phase 1 was being trained"));
    }

    @Test
    void aSupervisorThatIsStoppedLeavesNoDeath() throws IOException {
        startAfter(0);
        stage.run();

        kit.stop(stage.supervisor, Duration.ofSeconds(10));

        assertThat(Stage.DEATHS.begin(Stage.RESTARTS).times()).isZero();
    }

    @Test
    void aRunThatIsOverLeavesNoDeathHoweverLongItsProcessLives() throws IOException {
        startAfter(0);
        stage.run();
        stage.tell(new PhaseSupervisor.Cancel());
        stage.listener.expectMessageClass(Outcome.Cancelled.class);

        await().untilAsserted(() -> assertThat(Stage.DEATHS.file()).content().contains("\"underWay\":false"));
    }

    @Test
    void aSamplerWhoseLoadingKillsItsProcessIsNotOrderedForEver() {
        stage = new Stage(kit);
        stage.cast();
        stage.sampler.stop();
        expectPutBackAndGone(Role.SAMPLER);

        assertThat(stage.expectFailed())
                .startsWith(
                        "the sampler at " + stage.sampler.getRef().path() + " is gone; the log of its node says why")
                .endsWith("(and 2 times before without a checkpoint kept between them)");
    }

    @Test
    void aTeacherWhoseFirstBatchKillsItsProcessIsNotOrderedForEver() {
        stage = new Stage(kit);
        stage.run();
        stage.teacher.stop();
        expectPutBackAndGone(Role.TEACHER);

        assertThat(stage.expectFailed()).contains("the teacher at ");
    }

    @Test
    void samplersAndTeachersThatDidTheirWorkAreLostByChance() {
        stage = new Stage(kit);
        stage.run();
        for (int i = 0; i < Stage.RESTARTS + 2; i++) {
            TestProbe<SamplerMessage> sampler = kit.createTestProbe();
            TestProbe<TeacherMessage> teacher = kit.createTestProbe();
            stage.join("s" + i, Map.of(Role.SAMPLER, sampler.getRef()));
            stage.expectEvent("role-started");
            sampler.expectMessageClass(SamplerMessage.Serve.class);
            stage.tell(new RoleReady(1, Role.SAMPLER, 0, sampler.getRef()));
            stage.expectEvent("serving");
            stage.join("t" + i, Map.of(Role.TEACHER, teacher.getRef()));
            stage.expectEvent("role-started");
            stage.tell(new RoleReady(1, Role.TEACHER, 0, teacher.getRef()));
            stage.settle();
            if (i < Stage.CYCLES - 1) {
                stage.tell(Stage.commit(1, 1, i, true));
                stage.expectCycle(1, i);
            }
            sampler.stop();
            expectGone(Role.SAMPLER);
            if (i < Stage.CYCLES - 1) {
                teacher.stop();
                expectGone(Role.TEACHER);
            }
        }
        stage.settle();
        stage.listener.expectNoMessage(Duration.ofMillis(20));
    }

    @Test
    void thoseThatFailTogetherCountOnce() {
        stage = new Stage(kit);
        stage.cast();
        List<ActorRef<TeacherMessage>> teachers = new ArrayList<>(List.of(stage.teacher.getRef()));
        for (int i = 0; i < 2 * Stage.RESTARTS; i++) {
            TestProbe<TeacherMessage> teacher = kit.createTestProbe();
            stage.join("t" + i, Map.of(Role.TEACHER, teacher.getRef()));
            stage.expectEvent("role-started");
            teachers.add(teacher.getRef());
        }

        teachers.forEach(teacher -> stage.tell(new RoleFailed(1, Role.TEACHER, "no memory", teacher)));

        teachers.forEach(teacher -> stage.expectEvent("fault-seen"));
        stage.settle();
        stage.listener.expectNoMessage(Duration.ofMillis(20));
    }

    @Test
    void aTeacherThatNoSamplerCanServeEndsTheRunAtOnce() {
        stage = new Stage(kit);
        stage.cast();

        fail(Role.SAMPLER, "its velocity is not finite");

        assertThat(stage.expectFailed())
                .isEqualTo("the teacher cannot be served: the sampler failed: its velocity is not finite");
        stage.expectTrainersReleased();
    }

    @Test
    void aSamplerThatServedIsTriedAgainWhenItFailsAndNoCheckpointForgivesIt() {
        stage = new Stage(kit, Stage.plan(1, Optional.empty(), 1), Stage.NO_PICTURES);
        stage.run(1);
        for (int cycle = 0; cycle < Stage.RESTARTS; cycle++) {
            fail(Role.SAMPLER, "broken");
            stage.expectEvent("fault-seen");
            stage.tell(Stage.commit(1, 1, cycle, true));
            stage.expectCycle(1, cycle);
            stage.tell(new BudgetSpent(1, 1, cycle + 1));
            stage.keep(1, cycle + 1);
            stage.generator.expectMessageClass(GeneratorMessage.Run.class);
            stage.pass(Stage.BACK_OFF.multipliedBy(1L << cycle));
            assertThat(stage.expectEvent("role-started")).containsEntry("role", "sampler");
        }

        fail(Role.SAMPLER, "broken");

        assertThat(stage.expectFailed()).startsWith("the sampler failed: broken (and 2 times before");
    }
}
