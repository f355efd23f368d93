package dev.sluice.actors.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GenerationReply;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SupervisorMessage.RoleReady;
import dev.sluice.protocol.message.SupervisorMessage.SwapDone;
import dev.sluice.protocol.message.TeacherMessage;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.ManualTime;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** How the supervisor carries a run out while everybody does what he is told. */
class PhaseSupervisorTest {
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

    @Test
    void thePhaseBeginsOnceATeacherIsThereToo() {
        stage = new Stage(kit);
        stage.offer(Role.GENERATOR, Role.CRITIC, Role.SAMPLER);
        stage.sampler.expectMessageClass(SamplerMessage.Serve.class);
        stage.generator.expectNoMessage(Duration.ofMillis(20));

        stage.join("second", Map.of(Role.TEACHER, stage.teacher.getRef()));
        stage.teacher.expectMessageClass(TeacherMessage.Load.class);
        stage.expectBegin(1);
        stage.ready(Role.GENERATOR, 1);
        stage.ready(Role.CRITIC, 1);
        stage.settle();
        stage.generator.expectNoMessage(Duration.ofMillis(20));
        stage.ready(Role.TEACHER, 0);

        stage.expectRun(1, Stage.CYCLES);
    }

    @Test
    void everyRoleIsToldWhatToLoadAndWhoItsPartnersAre() {
        stage = new Stage(kit);
        stage.offer(Role.GENERATOR, Role.CRITIC, Role.TEACHER, Role.SAMPLER);
        RunPlan run = Stage.RUN;

        stage.sampler.expectMessage(new SamplerMessage.Serve(
                1,
                run.card(),
                run.plan(),
                run.recipe().schedule(),
                run.teacher(),
                50,
                run.recipe().guidance(),
                stage.supervisor,
                Optional.of(stage.recorder.getRef())));
        stage.teacher.expectMessage(new TeacherMessage.Load(1, run.teacher(), stage.supervisor));
        stage.critic.expectMessage(new CriticMessage.BeginPhase(
                1,
                1,
                run.plan(),
                run.recipe(),
                run.teacher(),
                Optional.empty(),
                20,
                stage.generator.getRef(),
                stage.recorder.getRef(),
                stage.supervisor));
        stage.generator.expectMessage(new GeneratorMessage.BeginPhase(
                1,
                1,
                run.plan(),
                run.recipe(),
                run.teacher(),
                List.of(),
                Optional.empty(),
                stage.critic.getRef(),
                stage.supervisor));
        Set<Object> roles = new HashSet<>();
        for (int i = 0; i < 4; i++) {
            Map<String, Object> started = stage.expectEvent("role-started");
            assertThat(started).containsEntry("node", "first").containsEntry("device", "cpu");
            roles.add(started.get("role"));
        }
        assertThat(roles).isEqualTo(Set.of("teacher", "generator", "critic", "sampler"));
    }

    @Test
    void aPhaseRunsOnceGeneratorCriticAndTeacherAreLoadedWhetherTheSamplerServesOrNot() {
        stage = new Stage(kit);
        stage.cast();
        stage.ready(Role.CRITIC, 1);
        stage.ready(Role.TEACHER, 0);
        stage.generator.expectNoMessage(Duration.ofMillis(20));

        stage.ready(Role.GENERATOR, 1);

        stage.expectRun(1, Stage.CYCLES);
        PhasePlan.Phase phase = Stage.RUN.plan().phase(1);
        assertThat(stage.expectEvent("phase-begun"))
                .containsEntry("phase", 1L)
                .containsEntry("start", phase.start())
                .containsEntry("boundary", phase.boundary())
                .containsEntry("cycles", (long) Stage.CYCLES);
    }

    @Test
    void aTeacherOnANodeThatJoinsIsUsedAtOnce() {
        stage = new Stage(kit);
        stage.run();
        TestProbe<TeacherMessage> second = kit.createTestProbe();
        stage.join("second", Map.of(Role.TEACHER, second.getRef()));
        stage.expectEvent("role-started");
        second.expectMessage(new TeacherMessage.Load(1, Stage.RUN.teacher(), stage.supervisor));

        stage.tell(new RoleReady(1, Role.TEACHER, 0, second.getRef()));

        stage.generator.expectMessage(
                new GeneratorMessage.UseTeachers(1, List.of(stage.teacher.getRef(), second.getRef())));
    }

    @Test
    void aSamplerOnANodeThatJoinsServesEverythingThatTheOthersServe() {
        stage = new Stage(kit);
        stage.run();
        stage.spendBudget(1);
        stage.publish(1);
        stage.expectBegin(2);
        stage.swap(1);
        TestProbe<SamplerMessage> second = kit.createTestProbe();
        stage.join("second", Map.of(Role.SAMPLER, second.getRef()));
        stage.expectEvent("role-started");

        second.expectMessageClass(SamplerMessage.Serve.class);
        second.expectMessage(new SamplerMessage.SwapExpert(1, Stage.expert(1), stage.supervisor));
        stage.expectEvent("swap-begun");
    }

    @Test
    void anotherTrainersNodeStandsBy() {
        stage = new Stage(kit);
        stage.run();
        TestProbe<GeneratorMessage> late = kit.createTestProbe();
        stage.join("second", Map.of(Role.GENERATOR, late.getRef()));

        stage.spendBudget(1);

        late.expectNoMessage(Duration.ofMillis(1));
    }

    @Test
    void aPublishedExpertIsSwappedInWhileTheNextPhaseBeginsWithItFrozen() {
        stage = new Stage(kit);
        stage.run();
        stage.spendBudget(1);

        stage.publish(1);

        GeneratorMessage.BeginPhase next = stage.generator.expectMessageClass(GeneratorMessage.BeginPhase.class);
        assertThat(next.epoch()).isEqualTo(1);
        assertThat(next.phase()).isEqualTo(2);
        assertThat(next.frozen()).containsExactly(Stage.expert(1));
        assertThat(stage.critic
                        .expectMessageClass(CriticMessage.BeginPhase.class)
                        .phase())
                .isEqualTo(2);
        stage.runPhase(2);
        stage.swap(1);
    }

    @Test
    void theLastSwapEndsTheRunAndTheTrainersAreReleasedBefore() {
        stage = new Stage(kit);
        stage.train();
        stage.expectTrainersReleased();
        stage.listener.expectNoMessage(Duration.ofMillis(20));

        stage.swap(2);

        stage.listener.expectMessage(new Outcome.Finished(List.of(Stage.expert(1), Stage.expert(2)), List.of()));
        assertThat(stage.expectEvent("run-finished")).containsKey("seconds");
    }

    @Test
    void anEarlierPhasesSwapMayBeTheLastToEnd() {
        stage = new Stage(kit);
        stage.run();
        stage.spendBudget(1);
        stage.publish(1);
        stage.expectBegin(2);
        stage.runPhase(2);
        stage.spendBudget(2);
        stage.publish(2);
        stage.swap(2);
        stage.listener.expectNoMessage(Duration.ofMillis(20));

        stage.swap(1);

        stage.listener.expectMessageClass(Outcome.Finished.class);
    }

    @Test
    void everyStageIsDrawnAndTheRunEndsWithTheLastSheet() {
        stage = new Stage(kit, new Gallery.Settings(2, 0, 4, Duration.ofSeconds(5), Set.of()));
        stage.cast();
        stage.ready(Role.SAMPLER, 0);
        stage.expectEvent("serving");
        answerGallery(0);
        stage.ready(Role.TEACHER, 0);
        stage.runPhase(1);
        stage.spendBudget(1);
        stage.publish(1);
        stage.expectBegin(2);
        stage.swap(1);
        answerGallery(1);
        stage.runPhase(2);
        stage.spendBudget(2);
        stage.publish(2);
        stage.tell(new SwapDone(2, Stage.expert(2), 12, stage.sampler.getRef()));
        stage.expectEvent("swap-done");
        stage.listener.expectNoMessage(Duration.ofMillis(20));

        answerGallery(2);

        stage.listener.expectMessageClass(Outcome.Finished.class);
    }

    private void answerGallery(int phase) {
        SamplerMessage.Generate asked = stage.sampler.expectMessageClass(SamplerMessage.Generate.class);
        Tensor samples = Tensor.of(new float[] {phase, 1, 2, 3}, 2, 2);
        asked.replyTo()
                .tell(new GenerationReply.Generated(asked.id(), samples, asked.seeds(), "toy", List.of(), 1, 2, 0, 1));
        stage.recorder.expectMessage(new RecorderMessage.Grid(phase, samples));
    }
}
