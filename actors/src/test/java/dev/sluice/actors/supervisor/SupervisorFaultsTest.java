package dev.sluice.actors.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.DeviceOffer;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.NodeMessage;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.protocol.message.SupervisorMessage.BudgetSpent;
import dev.sluice.protocol.message.SupervisorMessage.ExpertPublished;
import dev.sluice.protocol.message.SupervisorMessage.RoleFailed;
import dev.sluice.protocol.message.SupervisorMessage.RoleReady;
import dev.sluice.protocol.message.SupervisorMessage.StateNotSaved;
import dev.sluice.protocol.message.SupervisorMessage.SwapDone;
import dev.sluice.protocol.message.SupervisorMessage.SwapRefused;
import dev.sluice.protocol.message.TeacherMessage;
import dev.sluice.runtime.checkpoint.Checkpoint;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.pekko.actor.PoisonPill;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.LoggingTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.ManualTime;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
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

    @ParameterizedTest
    @EnumSource(names = {"GENERATOR", "CRITIC"})
    void theDeathOfATrainerSendsBothBackUnderANewEpochAndTheStandbyTakesOver(Role role) {
        stage = new Stage(kit);
        stage.run();
        TestProbe<Object> standby = kit.createTestProbe();
        stage.awaitOffer(stage.join("second", Map.of(role, standby.getRef())));

        stage.player(role).stop();

        assertThat(stage.expectEvent("role-stopped")).containsEntry("role", role.key());
        assertThat(stage.expectEvent("fault-seen"))
                .containsEntry("role", role.key())
                .containsEntry(
                        "cause",
                        "the " + role.key() + " at "
                                + stage.player(role).getRef().path() + " is gone");
        stage.pass(Stage.BACK_OFF);
        stage.epoch = 2;
        Set<Object> nodes = Set.of(
                stage.expectEvent("role-started").get("node"),
                stage.expectEvent("role-started").get("node"));
        assertThat(nodes).containsExactlyInAnyOrder("first", "second");
        stage.recorder.expectMessage(new RecorderMessage.Rewind(1, 0));
        Object begin = standby.receiveMessage();
        assertThat(begin)
                .isInstanceOf(
                        role == Role.GENERATOR ? GeneratorMessage.BeginPhase.class : CriticMessage.BeginPhase.class);
    }

    @ParameterizedTest
    @EnumSource(names = {"GENERATOR", "CRITIC"})
    void aTrainerThatGivesUpIsReplacedAndTheRunGoesOnFromTheLastCheckpoint(Role role) {
        stage = new Stage(kit, Stage.plan(1, Optional.empty(), 2), Stage.NO_PICTURES);
        stage.run(2);
        stage.tell(Stage.commit(1, 1, 0, true));
        stage.tell(Stage.commit(1, 1, 1, true));
        stage.expectCycle(1, 0);
        stage.expectCycle(1, 1);
        stage.tell(new BudgetSpent(1, 1, 2));
        Checkpoint kept = stage.keep(1, 2);
        stage.generator.expectMessage(new GeneratorMessage.Run(1, 1, 3));

        fail(role, 1, "CUDA error: out of memory");

        assertThat(stage.expectEvent("fault-seen"))
                .containsEntry("role", role.key())
                .containsEntry("cause", "the " + role.key() + " failed: CUDA error: out of memory");
        stage.expectRingReleased();
        stage.pass(Stage.BACK_OFF);
        stage.epoch = 2;
        stage.expectEvent("role-started");
        stage.expectEvent("role-started");
        stage.recorder.expectMessage(new RecorderMessage.Rewind(1, 2));
        GeneratorMessage.BeginPhase begin = stage.generator.expectMessageClass(GeneratorMessage.BeginPhase.class);
        assertThat(begin.epoch()).isEqualTo(2);
        assertThat(begin.from()).contains(kept.generator());
        assertThat(stage.critic
                        .expectMessageClass(CriticMessage.BeginPhase.class)
                        .from())
                .contains(kept.critic());

        // Late words of those who were released.
        stage.tell(Stage.commit(1, 1, 2, true));
        fail(Role.GENERATOR, 1, "late");
        stage.teacher.expectMessageClass(TeacherMessage.Load.class);
        stage.ready(Role.TEACHER, 0);
        stage.ready(Role.GENERATOR, 1);
        stage.ready(Role.CRITIC, 1);
        stage.expectEvent("phase-begun");
        assertThat(stage.expectEvent("recovery-done"))
                .containsEntry("phase", 1L)
                .containsEntry("cycle", 2L)
                .containsKey("millis");
        stage.expectRun(1, 3);
    }

    @Test
    void failuresWaitLongerEachTimeAndAfterTheCapTheRunFailsWithTheCause() {
        stage = new Stage(kit);
        stage.run();
        fail(Role.CRITIC, 1, "broken");
        stage.expectEvent("fault-seen");
        stage.expectNewEpoch(1, Stage.BACK_OFF);
        fail(Role.GENERATOR, stage.epoch, "broken again");
        stage.expectEvent("fault-seen");
        stage.expectRingReleased();
        stage.pass(Stage.BACK_OFF);
        stage.recorder.expectNoMessage(Duration.ofMillis(20));
        stage.pass(Stage.BACK_OFF);
        stage.epoch++;
        stage.expectEvent("role-started");
        stage.expectEvent("role-started");
        stage.expectBegin(1);
        fail(Role.GENERATOR, stage.epoch, "and again");

        assertThat(stage.listener.expectMessageClass(Outcome.Failed.class).cause())
                .isEqualTo("the generator failed: and again (and 2 times before without a checkpoint kept between"
                        + " them)");
        stage.expectRingReleased();
    }

    @Test
    void aCheckpointForgivesTheFailuresBeforeIt() {
        stage = new Stage(kit, Stage.plan(1, Optional.empty(), 1), Stage.NO_PICTURES);
        stage.run(1);
        for (int cycle = 0; cycle < Stage.CYCLES - 1; cycle++) {
            for (int failure = 0; failure < Stage.RESTARTS; failure++) {
                fail(Role.CRITIC, stage.epoch, "broken");
                stage.expectEvent("fault-seen");
                stage.expectNewEpoch(1, Stage.BACK_OFF.multipliedBy(1L << failure));
            }
            stage.ready(Role.TEACHER, 0);
            stage.ready(Role.GENERATOR, 1);
            stage.ready(Role.CRITIC, 1);
            stage.expectEvent("phase-begun");
            stage.expectEvent("recovery-done");
            stage.expectRun(1, cycle + 1);
            stage.tell(Stage.commit(stage.epoch, 1, cycle, true));
            stage.expectCycle(1, cycle);
            stage.tell(new BudgetSpent(stage.epoch, 1, cycle + 1));
            stage.keep(1, cycle + 1);
            stage.generator.expectMessageClass(GeneratorMessage.Run.class);
        }
        stage.listener.expectNoMessage(Duration.ofMillis(1));
    }

    @Test
    void aRingThatCommitsNothingGoesBackLikeOneThatFails() {
        stage = new Stage(kit);
        stage.run();
        stage.pass(Stage.STALL);

        assertThat(stage.expectEvent("fault-seen"))
                .containsEntry("role", "ring")
                .containsEntry("cause", "waited 20 s for phase 1 to commit a cycle");
        stage.expectNewEpoch(1, Stage.BACK_OFF);
    }

    @Test
    void aTeacherThatFailsIsReplacedWithoutARewind() {
        stage = new Stage(kit);
        stage.run();
        fail(Role.TEACHER, 1, "CUDA error: out of memory");

        stage.expectEvent("fault-seen");
        stage.generator.expectMessage(new GeneratorMessage.UseTeachers(1, List.of()));
        stage.teacher.expectMessage(new TeacherMessage.Release(stage.supervisor));
        stage.pass(Stage.BACK_OFF);
        assertThat(stage.expectEvent("role-started")).containsEntry("role", "teacher");
        stage.teacher.expectMessageClass(TeacherMessage.Load.class);
        stage.ready(Role.TEACHER, 0);
        stage.generator.expectMessage(new GeneratorMessage.UseTeachers(1, List.of(stage.teacher.getRef())));
        stage.tell(Stage.commit(1, 1, 0, true));
        stage.expectCycle(1, 0);
    }

    @Test
    void whoGetsNoBatchesIsReplacedAndAStrangerIsNobodysLoss() {
        stage = new Stage(kit);
        stage.run();
        stage.tell(new SupervisorMessage.RoleUnreachable(kit.createTestProbe().getRef(), "it has left the cluster"));
        stage.tell(new SupervisorMessage.RoleUnreachable(stage.teacher.getRef(), "silent for 60 s"));

        assertThat(stage.expectEvent("fault-seen"))
                .containsEntry("role", "teacher")
                .containsEntry("cause", "the teacher got no batch: silent for 60 s");
        stage.generator.expectMessage(new GeneratorMessage.UseTeachers(1, List.of()));
        stage.teacher.expectMessage(new TeacherMessage.Release(stage.supervisor));
        // A second batch that was lost with the first is no second failure.
        stage.tell(new SupervisorMessage.RoleUnreachable(stage.teacher.getRef(), "silent for 60 s"));
        stage.pass(Stage.BACK_OFF);
        assertThat(stage.expectEvent("role-started")).containsEntry("role", "teacher");
    }

    @Test
    void aTrainerThatGetsNoBatchesSendsBothBack() {
        stage = new Stage(kit);
        stage.run();

        stage.tell(new SupervisorMessage.RoleUnreachable(stage.critic.getRef(), "it has left the cluster"));

        assertThat(stage.expectEvent("fault-seen"))
                .containsEntry("role", "critic")
                .containsEntry("cause", "the critic got no batch: it has left the cluster");
        stage.expectRingReleased();
    }

    @Test
    void aTeacherThatDiesLeavesItsWorkToTheOthers() {
        stage = new Stage(kit);
        stage.run();
        TestProbe<TeacherMessage> second = kit.createTestProbe();
        stage.join("second", Map.of(Role.TEACHER, second.getRef()));
        stage.expectEvent("role-started");
        stage.tell(new RoleReady(1, Role.TEACHER, 0, second.getRef()));
        stage.generator.expectMessageClass(GeneratorMessage.UseTeachers.class);

        stage.teacher.stop();

        stage.generator.expectMessage(new GeneratorMessage.UseTeachers(1, List.of(second.getRef())));
        stage.expectEvent("role-stopped");
        stage.expectEvent("fault-seen");
    }

    @Test
    void trainingGoesOnWhileNobodyServesAndALateSamplerIsToldEverything() {
        stage = new Stage(kit);
        stage.run();
        stage.sampler.stop();
        assertThat(stage.expectEvent("role-stopped")).containsEntry("role", "sampler");
        stage.expectEvent("fault-seen");
        TestProbe<SamplerMessage> second = kit.createTestProbe();
        stage.spendBudget(1);
        stage.tell(new ExpertPublished(1, 1, Stage.expert(1)));
        stage.expectEvent("expert-published");
        stage.expectBegin(2);

        stage.join("second", Map.of(Role.SAMPLER, second.getRef()));

        stage.expectEvent("role-started");
        second.expectMessageClass(SamplerMessage.Serve.class);
        second.expectMessage(new SamplerMessage.SwapExpert(1, Stage.expert(1), stage.supervisor));
    }

    @Test
    void aNodeThatDoesNotAnswerAnOrderIsPassedOver() {
        stage = new Stage(kit);
        TestProbe<CriticMessage> dumb = kit.createTestProbe();
        stage.awaitOffer(stage.join("a-silent-one", Map.of(Role.CRITIC, dumb.getRef()), false));
        stage.offer(Role.GENERATOR, Role.CRITIC, Role.TEACHER, Role.SAMPLER);
        stage.sampler.expectMessageClass(SamplerMessage.Serve.class);
        stage.critic.expectNoMessage(Duration.ofMillis(20));

        stage.pass(Stage.PLACE);

        stage.critic.expectMessageClass(CriticMessage.BeginPhase.class);
    }

    @Test
    void aNodeThatWasNotHeardOfIsAskedAgainUntilItSaysWhatItOffers() {
        stage = new Stage(kit);
        TestProbe<NodeMessage> deaf = kit.createTestProbe();
        stage.register(deaf.getRef());
        deaf.expectMessage(new NodeMessage.Attend(stage.supervisor));

        stage.pass(Duration.ofSeconds(2));
        deaf.expectMessage(new NodeMessage.Attend(stage.supervisor));
        stage.tell(new SupervisorMessage.NodeOffer(
                deaf.getRef(), "deaf", List.of(Role.CRITIC), List.of(new DeviceOffer("cpu", 0, 0)), false));
        deaf.expectMessageClass(NodeMessage.Play.class);

        stage.pass(Duration.ofSeconds(4));
        deaf.expectNoMessage(Duration.ofMillis(20));
        stage.pass(Stage.PLACE);
        deaf.expectMessageClass(NodeMessage.Attend.class);
    }

    @Test
    void aNodeThatLeavesInOrderHandsItsTrainersOverAtTheNextCycleWithoutARewind() {
        stage = new Stage(kit);
        ActorRef<NodeMessage> first = stage.runOn();
        TestProbe<GeneratorMessage> generator = kit.createTestProbe();
        TestProbe<CriticMessage> critic = kit.createTestProbe();
        TestProbe<TeacherMessage> teacher = kit.createTestProbe();
        stage.join(
                "second",
                Map.of(
                        Role.GENERATOR,
                        generator.getRef(),
                        Role.CRITIC,
                        critic.getRef(),
                        Role.TEACHER,
                        teacher.getRef()));
        stage.expectEvent("role-started");
        stage.tell(new RoleReady(1, Role.TEACHER, 0, teacher.getRef()));
        stage.generator.expectMessageClass(GeneratorMessage.UseTeachers.class);

        first.tell(new FakeNode.Leave());

        stage.generator.expectMessage(new GeneratorMessage.UseTeachers(1, List.of(teacher.getRef())));
        stage.generator.expectMessage(new GeneratorMessage.Run(1, 1, 0));
        stage.tell(Stage.commit(1, 1, 0, true));
        stage.expectCycle(1, 0);
        stage.tell(new BudgetSpent(1, 1, 1));
        Checkpoint kept = stage.keep(1, 1);
        assertThat(stage.expectEvent("handed-over")).containsEntry("cycle", 1L);
        stage.expectRingReleased();
        stage.settle();
        stage.time.timePasses(Duration.ofMillis(1));

        GeneratorMessage.BeginPhase begin = generator.expectMessageClass(GeneratorMessage.BeginPhase.class);
        assertThat(begin.from()).contains(kept.generator());
        assertThat(begin.epoch()).isEqualTo(2);
        assertThat(critic.expectMessageClass(CriticMessage.BeginPhase.class).from())
                .contains(kept.critic());
    }

    private void fail(Role role, int epoch, String cause) {
        stage.tell(new RoleFailed(epoch, role, cause, stage.player(role).getRef()));
    }

    @Test
    void trainersThatDieAfterTheirWorkIsDoneAreNotMissed() {
        stage = new Stage(kit);
        stage.train();
        stage.expectTrainersReleased();
        stage.generator.stop();
        stage.critic.stop();
        stage.teacher.stop();
        stage.settle();

        stage.swap(2);

        stage.listener.expectMessageClass(Outcome.Finished.class);
    }

    @Test
    void theLastSamplersDeathDuringTheLastSwapLeavesTheRunWaitingForAnother() {
        stage = new Stage(kit);
        stage.train();
        stage.sampler.stop();
        stage.expectEvent("role-stopped");
        stage.expectEvent("fault-seen");
        stage.nodeGone();

        assertThat(stage.expectFailedAfter(Stage.ROLES)).isEqualTo("waited 60 s for a node that offers sampler");
    }

    @Test
    void theFirstFailureIsTheOneThatIsTold() {
        stage = Stage.unforgiving(kit);
        stage.run();
        fail(Role.CRITIC, 1, "first");
        fail(Role.GENERATOR, 1, "second");
        stage.generator.stop();
        assertThat(stage.expectFailed()).isEqualTo("the critic failed: first");

        stage.settle();

        stage.listener.expectNoMessage(Duration.ofMillis(20));
        stage.recorder.expectNoMessage(Duration.ofMillis(1));
    }

    @Test
    void aRefusedSwapIsTriedAgainAndThenEndsTheRunWithItsReason() {
        stage = new Stage(kit);
        stage.run();
        stage.spendBudget(1);
        stage.publish(1);
        stage.expectBegin(2);
        SwapRefused refused = new SwapRefused(1, Stage.expert(1), "its SHA-256 is another", stage.sampler.getRef());
        for (int i = 0; i < Stage.RESTARTS; i++) {
            stage.tell(refused);
            assertThat(stage.expectEvent("swap-refused")).containsEntry("reason", "its SHA-256 is another");
            stage.pass(Stage.BACK_OFF.multipliedBy(1L << i));
            stage.expectEvent("swap-begun");
            stage.sampler.expectMessageClass(SamplerMessage.SwapExpert.class);
        }
        stage.tell(refused);
        stage.expectEvent("swap-refused");

        assertThat(stage.expectFailed())
                .startsWith(
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
    void aPhaseWithoutAStepIsNotPublishedHoweverShortItIs() {
        stage = new Stage(kit, Stage.skippingAll(), Stage.NO_PICTURES);
        stage.run();
        skipAll();
        assertThat((String) stage.expectEvent("fault-seen").get("cause"))
                .startsWith(
                        "phase 1: the gradient was not finite in any of its 3 cycles, so there is nothing to publish;"
                                + " lower the learning rates");
        stage.expectEvent("went-back");
        stage.expectNewEpoch(1, Duration.ofMillis(1));
        stage.ready(Role.TEACHER, 0);
        stage.runPhase(1);
        skipAll();

        assertThat(stage.expectFailed()).endsWith("(going back to cycle 0 did not help)");
    }

    private void skipAll() {
        for (int cycle = 0; cycle < Stage.CYCLES; cycle++) {
            stage.tell(Stage.commit(stage.epoch, 1, cycle, false));
            stage.expectCycle(1, cycle);
            stage.expectEvent("cycle-skipped");
        }
        stage.tell(new BudgetSpent(stage.epoch, 1, Stage.CYCLES));
    }

    @Test
    void aRunThatEndsInSkippedCyclesOrWithoutItsLastCheckpointSaysSo() {
        stage = new Stage(kit);
        stage.run();
        stage.spendBudget(1);
        stage.publish(1);
        stage.expectBegin(2);
        stage.swap(1);
        stage.runPhase(2);
        for (int cycle = 0; cycle < Stage.CYCLES; cycle++) {
            stage.tell(Stage.commit(1, 2, cycle, cycle == 0));
            stage.expectCycle(2, cycle);
            if (cycle > 0) {
                stage.expectEvent("cycle-skipped");
            }
        }
        stage.tell(new BudgetSpent(1, 2, Stage.CYCLES));
        stage.expectSaveOfGenerator(2, Stage.CYCLES);
        stage.tell(new StateNotSaved(1, Role.CRITIC, 2, Stage.CYCLES, "No space left on device"));
        stage.expectEvent("checkpoint-failed");
        stage.expectEvent("phase-ended");
        stage.generator.expectMessageClass(GeneratorMessage.Publish.class);
        stage.publish(2);
        stage.swap(2);

        List<String> warnings =
                stage.listener.expectMessageClass(Outcome.Finished.class).warnings();
        assertThat(warnings).hasSize(2);
        assertThat(warnings.get(0))
                .startsWith("the last 2 of the 3 cycles of phase 2 were skipped, as their gradients were not finite");
        assertThat(warnings.get(1))
                .isEqualTo(
                        "the last checkpoint, of phase 2, cycle 3, could not be kept: the critic says: No space left on"
                                + " device");
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
        stage.tell(new RoleFailed(0, Role.CRITIC, "of an older epoch", stage.critic.getRef()));
        stage.tell(new SwapDone(1, Stage.expert(1), 3, stage.sampler.getRef()));
        stage.tell(new SwapRefused(1, Stage.expert(1), "nobody asked", stage.sampler.getRef()));
        stage.tell(new RoleReady(0, Role.SAMPLER, 0, stage.sampler.getRef()));
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
        stage.tell(new SwapDone(1, Stage.expert(1), 12, stage.sampler.getRef()));
        stage.ready(Role.SAMPLER, 0);

        stage.runPhase(2);
        stage.ready(Role.GENERATOR, 2);
        stage.spendBudget(2);
        stage.publish(2);
        stage.expectTrainersReleased();
    }

    @Test
    void reportsBeforeAnybodyWasToldAnythingAreIgnored() {
        stage = new Stage(kit);
        stage.ready(Role.SAMPLER, 0);
        stage.ready(Role.TEACHER, 0);
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
        stage.ready(Role.SAMPLER, 0);
        stage.expectEvent("serving");
        stage.sampler.receiveMessage();

        LoggingTestKit.warn("the gallery died; the run goes on without sheets of samples")
                .expect(kit.system(), () -> {
                    Adapter.toClassic(kit.system())
                            .actorSelection(stage.supervisor.path().child("gallery"))
                            .tell(PoisonPill.getInstance(), null);
                    return null;
                });

        stage.ready(Role.TEACHER, 0);
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
