package dev.sluice.actors.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SupervisorMessage.BudgetSpent;
import dev.sluice.protocol.message.SupervisorMessage.RoleReady;
import dev.sluice.protocol.message.SupervisorMessage.StateNotSaved;
import dev.sluice.protocol.message.SupervisorMessage.StateSaved;
import dev.sluice.runtime.checkpoint.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.ManualTime;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** When the supervisor has checkpoints kept, goes on from them, and goes back to them. */
class SupervisorCheckpointsTest {
    private static ActorTestKit kit;
    private Stage stage;

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create(ManualTime.config());
    }

    @AfterAll
    static void shutdown() {
        kit.shutdownTestKit();
    }

    @AfterEach
    void stop() {
        stage.stop();
    }

    /** Every second cycle of three. */
    private void runWithCheckpoints() {
        stage = new Stage(kit, Stage.plan(1, Optional.empty(), 2), Stage.NO_PICTURES);
        stage.run(2);
    }

    private void commit(int cycle) {
        stage.tell(Stage.commit(stage.epoch, 1, cycle, true));
        stage.expectCycle(1, cycle);
    }

    private void commitTwo() {
        commit(0);
        commit(1);
        stage.tell(new BudgetSpent(1, 1, 2));
    }

    @Test
    void theGeneratorStandsWhileBothSaveAndThenRunsToTheNext() {
        runWithCheckpoints();
        commitTwo();
        stage.keep(1, 2);
        stage.generator.expectMessage(new GeneratorMessage.Run(1, 1, 3));
        commit(2);
        stage.tell(new BudgetSpent(1, 1, 3));
        stage.keep(1, 3);
        stage.expectEvent("phase-ended");
        stage.generator.expectMessageClass(GeneratorMessage.Publish.class);
    }

    @Test
    void aPartAloneIsNoCheckpoint() {
        runWithCheckpoints();
        commitTwo();
        Path file = stage.expectSaveOfGenerator(1, 2);
        stage.expectSaveOfCritic(1, 2);
        StateRef part = Stage.save(Role.GENERATOR, file, 1, 2);
        stage.tell(new StateSaved(1, part));
        stage.tell(new StateSaved(1, part));
        stage.settle();
        stage.recorder.expectNoMessage(Duration.ofMillis(50));

        stage.pass(Stage.LOAD);
        assertThat(stage.expectEvent("fault-seen"))
                .containsEntry("cause", "waited 40 s for the checkpoint of phase 1, cycle 2");
    }

    @Test
    void partsOfAnotherEpochPhaseOrCycleAreIgnored() {
        runWithCheckpoints();
        commitTwo();
        Path file = stage.expectSaveOfGenerator(1, 2);
        stage.tell(new StateSaved(2, Stage.save(Role.GENERATOR, file, 1, 2)));
        stage.tell(new StateSaved(1, Stage.save(Role.CRITIC, file.resolveSibling("critic.safetensors"), 1, 1)));
        stage.tell(new StateNotSaved(0, Role.CRITIC, 1, 2, "of an older epoch"));
        stage.tell(new StateNotSaved(1, Role.CRITIC, 1, 1, "of an older cycle"));
        stage.settle();
        stage.recorder.expectNoMessage(Duration.ofMillis(50));
    }

    @Test
    void whatATrainerCannotSaveCostsTheCheckpointAndNotTheRun() {
        runWithCheckpoints();
        commitTwo();
        stage.expectSaveOfGenerator(1, 2);
        stage.expectSaveOfCritic(1, 2);
        stage.tell(new StateNotSaved(1, Role.CRITIC, 1, 2, "No space left on device"));

        assertThat(stage.expectEvent("checkpoint-failed"))
                .containsEntry("reason", "the critic says: No space left on device");
        stage.generator.expectMessage(new GeneratorMessage.Run(1, 1, 3));
    }

    @Test
    void aPartThatIsTornOnTheDiskCostsTheCheckpointAndNotTheRun() throws IOException {
        runWithCheckpoints();
        commitTwo();
        StateRef generator = Stage.save(Role.GENERATOR, stage.expectSaveOfGenerator(1, 2), 1, 2);
        StateRef critic = Stage.save(Role.CRITIC, stage.expectSaveOfCritic(1, 2), 1, 2);
        Files.writeString(Path.of(critic.path()), "torn");
        stage.tell(new StateSaved(1, generator));
        stage.tell(new StateSaved(1, critic));

        assertThat((String) stage.expectEvent("checkpoint-failed").get("reason"))
                .contains("critic.safetensors: is torn");
        stage.generator.expectMessage(new GeneratorMessage.Run(1, 1, 3));
    }

    @Test
    void nothingIsKeptInTheMiddleOfSkippedCycles() {
        runWithCheckpoints();
        commit(0);
        stage.tell(Stage.commit(1, 1, 1, false));
        stage.expectCycle(1, 1);
        stage.expectEvent("cycle-skipped");
        stage.tell(new BudgetSpent(1, 1, 2));

        stage.generator.expectMessage(new GeneratorMessage.Run(1, 1, 3));
        stage.critic.expectNoMessage(Duration.ofMillis(20));
    }

    @Test
    void aStopEndsAtTheNextCycleBoundaryWithACheckpoint() {
        stage = new Stage(kit);
        stage.run();
        commit(0);
        stage.tell(new PhaseSupervisor.Stop());
        stage.tell(new PhaseSupervisor.Stop());
        stage.generator.expectMessage(new GeneratorMessage.Run(1, 1, 0));
        commit(1);
        stage.tell(new BudgetSpent(1, 1, 2));
        stage.keep(1, 2);

        stage.listener.expectMessage(new Outcome.Stopped("phase 1, cycle 2"));
        assertThat(stage.expectEvent("run-stopped")).containsEntry("resumes-from", "phase 1, cycle 2");
        stage.expectTrainersReleased();
    }

    @Test
    void aStopWhileACheckpointIsMadeWaitsForIt() {
        runWithCheckpoints();
        commitTwo();
        stage.tell(new PhaseSupervisor.Stop());
        stage.keep(1, 2);

        stage.listener.expectMessage(new Outcome.Stopped("phase 1, cycle 2"));
    }

    @Test
    void aStopThatCannotBeKeptSaysWhereTheRunGoesOnFrom() {
        stage = new Stage(kit);
        stage.run();
        stage.tell(new PhaseSupervisor.Stop());
        stage.generator.expectMessage(new GeneratorMessage.Run(1, 1, 0));
        commit(0);
        stage.tell(new BudgetSpent(1, 1, 1));
        stage.expectSaveOfGenerator(1, 1);
        stage.tell(new StateNotSaved(1, Role.GENERATOR, 1, 1, "No space left on device"));

        stage.expectEvent("checkpoint-failed");
        stage.listener.expectMessage(new Outcome.Stopped("the beginning, as no checkpoint was due yet"));
    }

    @Test
    void aStopBeforeAnythingRunsIsAtOnce() {
        stage = new Stage(kit);
        stage.cast();
        stage.tell(new PhaseSupervisor.Stop());

        stage.listener.expectMessage(new Outcome.Stopped("the beginning, as no checkpoint was due yet"));
        stage.expectEvent("run-stopped");
        stage.expectTrainersReleased();
    }

    @Test
    void goesOnFromACheckpointUnderItsOwnEpoch() {
        Checkpoint from = checkpoint(1, 1);
        stage = new Stage(kit, Stage.plan(5, Optional.of(from), 2), Stage.NO_PICTURES);
        stage.offerEverything();
        assertThat(stage.sampler.expectMessageClass(SamplerMessage.Serve.class).epoch())
                .isEqualTo(5);
        assertThat(stage.generator
                        .expectMessageClass(GeneratorMessage.BeginPhase.class)
                        .from())
                .contains(from.generator());
        assertThat(stage.critic
                        .expectMessageClass(CriticMessage.BeginPhase.class)
                        .from())
                .contains(from.critic());
        assertThat(stage.rewound).isTrue();

        stage.ready(Role.TEACHER, 0);
        stage.ready(Role.GENERATOR, 1);
        stage.ready(Role.CRITIC, 1);
        assertThat(stage.expectEvent("phase-begun")).containsEntry("cycle", 1L);
        stage.expectRun(1, 2);
        commit(1);
        stage.tell(new BudgetSpent(5, 1, 2));
        stage.keep(1, 2);
    }

    @Test
    void finishedExpertsAreServedAgainAndFrozenForThePhaseThatGoesOn() {
        stage = new Stage(kit, Stage.plan(2, Optional.of(checkpoint(2, 1)), 2), Stage.NO_PICTURES);
        stage.offerEverything();
        stage.expectEvent("swap-begun");
        stage.sampler.expectMessageClass(SamplerMessage.Serve.class);
        stage.sampler.expectMessage(new SamplerMessage.SwapExpert(1, Stage.expert(1), stage.supervisor));
        GeneratorMessage.BeginPhase begin = stage.generator.expectMessageClass(GeneratorMessage.BeginPhase.class);
        assertThat(begin.phase()).isEqualTo(2);
        assertThat(begin.frozen()).containsExactly(Stage.expert(1));
    }

    @Test
    void aPhaseThatIsCompleteIsPublishedAndNotTrainedAgain() {
        stage = new Stage(kit, Stage.plan(2, Optional.of(checkpoint(1, 3)), 2), Stage.NO_PICTURES);
        stage.offerEverything();
        stage.expectBegin(1);
        stage.ready(Role.TEACHER, 0);
        stage.ready(Role.GENERATOR, 1);
        stage.ready(Role.CRITIC, 1);

        stage.expectEvent("phase-begun");
        stage.expectEvent("phase-ended");
        stage.generator.expectMessageClass(GeneratorMessage.UseTeachers.class);
        stage.generator.expectMessageClass(GeneratorMessage.Publish.class);
    }

    @Test
    void gradientsThatStayNonFiniteSendThePhaseBackOnceAndThenEndTheRun() {
        stage = new Stage(kit);
        stage.run();
        skipThree();
        stage.expectFault();
        assertThat(stage.expectEvent("went-back")).containsEntry("cycle", 0L);
        stage.expectNewEpoch(1, Duration.ofMillis(1));

        // Late ones of the epoch before.
        stage.tell(Stage.commit(1, 1, 0, true));
        stage.tell(new RoleReady(1, Role.GENERATOR, 1, stage.generator.getRef()));
        stage.ready(Role.TEACHER, 0);
        stage.ready(Role.GENERATOR, 1);
        stage.ready(Role.CRITIC, 1);
        stage.expectEvent("phase-begun");
        stage.expectRun(1, 3);
        skipThree();
        stage.expectFault();

        assertThat(stage.expectFailed())
                .isEqualTo("phase 1, cycle 2: the gradient was not finite 3 times in a row; lower the learning rates "
                        + "or the guidance, or raise the margin (going back to cycle 0 did not help)");
    }

    @Test
    void itGoesBackToTheLastCheckpointOfThePhase() throws IOException {
        Checkpoint from = checkpoint(1, 0);
        Stage.RUN.keeping().store().complete(from);
        stage = new Stage(kit, Stage.plan(3, Optional.of(from), 0), Stage.NO_PICTURES);
        stage.offerEverything();
        stage.expectBegin(1);
        stage.ready(Role.TEACHER, 0);
        stage.ready(Role.GENERATOR, 1);
        stage.ready(Role.CRITIC, 1);
        stage.expectEvent("phase-begun");
        skipThree();

        stage.expectRun(1, 3);
        stage.expectFault();
        stage.expectEvent("went-back");
        stage.expectRingReleased();
        stage.pass(Duration.ofMillis(1));
        GeneratorMessage.BeginPhase again = stage.generator.expectMessageClass(GeneratorMessage.BeginPhase.class);
        assertThat(again.from()).contains(from.generator());
        assertThat(again.epoch()).isEqualTo(4);
    }

    private void skipThree() {
        for (int cycle = 0; cycle < 3; cycle++) {
            stage.tell(Stage.commit(stage.epoch, 1, cycle, false));
            stage.expectCycle(1, cycle);
            stage.expectEvent("cycle-skipped");
        }
    }

    private static Checkpoint checkpoint(int phase, int cycle) {
        Path folder = Stage.plan(1, Optional.empty(), 0)
                .keeping()
                .store()
                .part(phase, cycle, Role.GENERATOR)
                .getParent();
        return new Checkpoint(
                1,
                0,
                0,
                "sha-t",
                Map.of(),
                phase == 1 ? List.of() : List.of(Stage.expert(1)),
                Stage.save(Role.GENERATOR, folder.resolve("generator.safetensors"), phase, cycle),
                Stage.save(Role.CRITIC, folder.resolve("critic.safetensors"), phase, cycle));
    }
}
