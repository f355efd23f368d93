package dev.sluice.actors.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.SupervisorMessage.BudgetSpent;
import dev.sluice.protocol.message.SupervisorMessage.ExpertPublished;
import dev.sluice.protocol.message.SupervisorMessage.RoleFailed;
import dev.sluice.protocol.message.SupervisorMessage.RoleReady;
import dev.sluice.protocol.message.SupervisorMessage.SwapDone;
import dev.sluice.protocol.message.SupervisorMessage.SwapRefused;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.apache.pekko.actor.PoisonPill;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.LoggingTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.ManualTime;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Somebody dies, gives up, repeats himself or lies. */
class SupervisorFaultsTest {
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

    private TestProbe<?> player(Role role) {
        return switch (role) {
            case GENERATOR -> stage.generator;
            case CRITIC -> stage.critic;
            case TEACHER -> stage.teacher;
            case SAMPLER -> stage.sampler;
            case CONTROL -> throw new IllegalArgumentException("control is not played");
        };
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "CONTROL")
    void theDeathOfAnyRoleEndsTheRunAndNamesIt(Role role) {
        stage = new Stage(kit);
        stage.run();
        player(role).stop();

        assertThat(stage.expectEvent("role-stopped")).containsEntry("role", role.key());
        assertThat(stage.expectFailed())
                .isEqualTo("the " + role.key() + " at " + player(role).getRef().path() + " is gone");
        if (role == Role.SAMPLER) {
            stage.expectTrainersReleased();
        }
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "CONTROL")
    void aRoleThatGivesUpEndsTheRunWithItsCause(Role role) {
        stage = new Stage(kit);
        stage.run();
        stage.tell(new RoleFailed(1, role, "CUDA error: out of memory"));

        assertThat(stage.expectEvent("fault-seen"))
                .containsEntry("role", role.key())
                .containsEntry("cause", "CUDA error: out of memory");
        assertThat(stage.expectFailed()).isEqualTo("the " + role.key() + " failed: CUDA error: out of memory");
        stage.expectTrainersReleased();
    }

    @Test
    void aRoleThatDiesWhileItLoadsEndsTheRun() {
        stage = new Stage(kit);
        stage.cast();
        stage.critic.stop();

        stage.expectEvent("role-stopped");
        assertThat(stage.expectFailed()).contains("the critic at ").endsWith(" is gone");
    }

    @Test
    void trainersThatDieAfterTheirWorkIsDoneAreNotMissed() {
        stage = new Stage(kit);
        stage.train();
        stage.expectTrainersReleased();
        stage.generator.stop();
        stage.expectEvent("role-stopped");
        stage.critic.stop();
        stage.expectEvent("role-stopped");
        stage.teacher.stop();
        stage.expectEvent("role-stopped");

        stage.swap(2);

        stage.listener.expectMessageClass(Outcome.Finished.class);
    }

    @Test
    void theSamplersDeathDuringTheLastSwapEndsTheRun() {
        stage = new Stage(kit);
        stage.train();
        stage.sampler.stop();

        stage.expectEvent("role-stopped");
        assertThat(stage.expectFailed()).contains("the sampler at ").endsWith(" is gone");
    }

    @Test
    void theFirstFailureIsTheOneThatIsTold() {
        stage = new Stage(kit);
        stage.run();
        stage.tell(new RoleFailed(1, Role.CRITIC, "first"));
        stage.tell(new RoleFailed(1, Role.GENERATOR, "second"));
        stage.generator.stop();
        stage.expectEvent("fault-seen");
        assertThat(stage.expectFailed()).isEqualTo("the critic failed: first");

        stage.settle();

        stage.listener.expectNoMessage(Duration.ofMillis(20));
        stage.recorder.expectNoMessage(Duration.ofMillis(1));
    }

    @Test
    void aRefusedSwapEndsTheRunWithItsReason() {
        stage = new Stage(kit);
        stage.run();
        stage.spendBudget(1);
        stage.publish(1);
        stage.expectBegin(2);
        stage.tell(new SwapRefused(1, Stage.expert(1), "its SHA-256 is another"));

        assertThat(stage.expectEvent("swap-refused")).containsEntry("reason", "its SHA-256 is another");
        assertThat(stage.expectFailed())
                .isEqualTo(
                        "the sampler refused the expert of phase 1 and serves on without it: its SHA-256 is another");
        stage.expectTrainersReleased();
    }

    @Test
    void aCycleThatStepsForgivesTheSkippedOnesBeforeIt() {
        stage = new Stage(kit);
        stage.run();
        List<Boolean> stepped = List.of(false, true, false);
        for (int cycle = 0; cycle < Stage.CYCLES; cycle++) {
            stage.tell(Stage.commit(1, 1, cycle, stepped.get(cycle)));
        }
        stage.tell(new BudgetSpent(1, 1, Stage.CYCLES));

        stage.generator.expectMessageClass(GeneratorMessage.Save.class);
        stage.listener.expectNoMessage(Duration.ofMillis(1));
    }

    @Test
    void reportsOfAnotherEpochPhaseOrCycleAreNeitherRecordedNorBelieved() {
        stage = new Stage(kit);
        stage.run();
        stage.tell(Stage.commit(0, 1, 0, true));
        stage.tell(Stage.commit(2, 1, 0, true));
        stage.tell(Stage.commit(1, 2, 0, true));
        stage.tell(Stage.commit(1, 1, 1, true));
        stage.tell(Stage.commit(1, 1, -1, true));
        stage.tell(new BudgetSpent(0, 1, Stage.CYCLES));
        stage.tell(new BudgetSpent(1, 2, Stage.CYCLES));
        stage.tell(new BudgetSpent(1, 1, Stage.CYCLES));
        stage.tell(new ExpertPublished(1, 1, Stage.expert(1)));
        stage.tell(new RoleFailed(0, Role.CRITIC, "of an older epoch"));
        stage.tell(new SwapDone(1, Stage.expert(1), 3));
        stage.tell(new SwapRefused(1, Stage.expert(1), "nobody asked"));
        stage.tell(new RoleReady(0, Role.SAMPLER, 0));
        stage.settle();
        stage.recorder.expectNoMessage(Duration.ofMillis(20));

        stage.spendBudget(1);
        stage.publish(1);
    }

    @Test
    void reportsThatComeTwiceCountOnce() {
        stage = new Stage(kit);
        stage.run();
        for (int cycle = 0; cycle < Stage.CYCLES; cycle++) {
            stage.tell(Stage.commit(1, 1, cycle, true));
            stage.tell(Stage.commit(1, 1, cycle, true));
            stage.expectCycle(1, cycle);
        }
        stage.tell(new BudgetSpent(1, 1, Stage.CYCLES));
        stage.tell(new BudgetSpent(1, 1, Stage.CYCLES));
        stage.keep(1, Stage.CYCLES);
        stage.tell(new BudgetSpent(1, 1, Stage.CYCLES));
        stage.expectEvent("phase-ended");
        stage.generator.expectMessageClass(GeneratorMessage.Publish.class);
        stage.publish(1);
        stage.tell(new ExpertPublished(1, 1, Stage.expert(1)));
        stage.expectBegin(2);
        stage.swap(1);
        stage.tell(new SwapDone(1, Stage.expert(1), 12));
        stage.tell(new RoleReady(1, Role.SAMPLER, 0));

        stage.runPhase(2);
        stage.tell(new RoleReady(1, Role.GENERATOR, 2));
        stage.spendBudget(2);
        stage.publish(2);
        stage.expectTrainersReleased();
    }

    @Test
    void reportsBeforeAnybodyWasToldAnythingAreIgnored() {
        stage = new Stage(kit);
        stage.tell(new RoleReady(1, Role.SAMPLER, 0));
        stage.tell(new RoleReady(1, Role.TEACHER, 0));
        stage.tell(Stage.commit(1, 0, 0, true));
        stage.tell(new BudgetSpent(1, 0, 0));
        stage.tell(new ExpertPublished(1, 0, Stage.expert(1)));
        stage.settle();

        stage.run();
    }

    @Test
    void aGalleryThatDiesCostsTheSheetsAndNotTheRun() {
        stage = new Stage(kit, new Gallery.Settings(2, 0, 4, Duration.ofSeconds(5), Set.of()));
        stage.cast();
        stage.tell(new RoleReady(1, Role.SAMPLER, 0));
        stage.expectEvent("serving");
        stage.sampler.receiveMessage();

        LoggingTestKit.warn("the gallery died; the run goes on without sheets of samples")
                .expect(kit.system(), () -> {
                    Adapter.toClassic(kit.system())
                            .actorSelection(stage.supervisor.path().child("gallery"))
                            .tell(PoisonPill.getInstance(), null);
                    return null;
                });

        stage.tell(new RoleReady(1, Role.TEACHER, 0));
        stage.runPhase(1);
        stage.spendBudget(1);
        stage.publish(1);
        stage.expectBegin(2);
        stage.swap(1);
        stage.runPhase(2);
        stage.spendBudget(2);
        stage.publish(2);
        stage.swap(2);
        stage.listener.expectMessageClass(Outcome.Finished.class);
    }

    @Test
    void aRecorderThatDiesDoesNotEndTheRun() {
        stage = new Stage(kit);
        stage.run();
        stage.recorder.stop();
        for (int cycle = 0; cycle < Stage.CYCLES; cycle++) {
            stage.tell(Stage.commit(1, 1, cycle, true));
        }
        stage.tell(new BudgetSpent(1, 1, Stage.CYCLES));

        stage.generator.expectMessageClass(GeneratorMessage.Save.class);
    }

    @Test
    void aSupervisorThatIsStoppedSaysThatTheRunIsOver() {
        stage = new Stage(kit);
        stage.run();

        kit.stop(stage.supervisor, Duration.ofSeconds(10));

        stage.listener.expectMessage(
                new Outcome.Failed("the supervisor stopped before the run was over; the log says why"));
    }

    @Test
    void aReportThatTheSupervisorBreaksOnIsHeardAsAFailureAndNotAsSilence() {
        stage = new Stage(kit);
        stage.run();
        stage.spendBudget(1);
        stage.tell(new ExpertPublished(1, 1, new ExpertRef("phase-1", null, 1, "/store/experts/phase-1.pt")));

        assertThat(stage.listener.expectMessageClass(Outcome.Failed.class).cause())
                .isEqualTo("the supervisor stopped before the run was over; the log says why");
    }

    @Test
    void aSupervisorThatStopsAfterTheEndSaysNothingMore() {
        stage = new Stage(kit);
        stage.train();
        stage.swap(2);
        stage.listener.expectMessageClass(Outcome.Finished.class);

        kit.stop(stage.supervisor, Duration.ofSeconds(10));

        stage.listener.expectNoMessage(Duration.ofMillis(20));
    }
}
