package dev.sluice.actors.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.actors.sampler.SamplerClient;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SupervisorMessage.ExpertPublished;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.ManualTime;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Somebody lives and says nothing: every wait of the supervisor has an end, and names whom it waited for. */
class SilenceTest {
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
    void nobodyOffersAnyRole() {
        stage = Stage.unforgiving(kit);

        assertThat(stage.expectFailedAfter(Stage.ROLES))
                .isEqualTo("waited 60 s for a node that offers generator, critic, teacher, sampler");
    }

    @Test
    void oneRoleIsNotOfferedHoweverOftenTheOthersAre() {
        stage = Stage.unforgiving(kit);
        stage.offer(Role.GENERATOR, Role.CRITIC, Role.SAMPLER);
        stage.sampler.expectMessageClass(SamplerMessage.Serve.class);
        stage.ready(Role.SAMPLER, 0);
        for (int i = 0; i < 3; i++) {
            stage.expectEvent("role-started");
        }
        stage.expectEvent("serving");
        stage.pass(Duration.ofSeconds(30));
        TestProbe<GeneratorMessage> another = kit.createTestProbe();
        stage.join("another", Map.of(Role.GENERATOR, another.getRef()));

        assertThat(stage.expectFailedAfter(Duration.ofSeconds(30)))
                .isEqualTo("waited 60 s for a node that offers teacher");
    }

    @Test
    void aTrainerDoesNotLoad() {
        stage = Stage.unforgiving(kit);
        stage.cast();
        stage.ready(Role.SAMPLER, 0);
        stage.expectEvent("serving");
        stage.ready(Role.TEACHER, 0);
        stage.ready(Role.CRITIC, 1);

        assertThat(stage.expectFailedAfter(Stage.LOAD)).isEqualTo("waited 40 s for the generator to load phase 1");
        stage.expectTrainersReleased();
    }

    @Test
    void nobodyLoadsTheSecondPhase() {
        stage = Stage.unforgiving(kit);
        stage.run();
        stage.spendBudget(1);
        stage.publish(1);
        stage.expectBegin(2);
        stage.swap(1);

        assertThat(stage.expectFailedAfter(Stage.LOAD))
                .isEqualTo("waited 40 s for the generator, critic to load phase 2");
    }

    @Test
    void theSamplerDoesNotServeTheTeacher() {
        stage = Stage.unforgiving(kit);
        stage.cast();
        stage.ready(Role.TEACHER, 0);
        stage.runPhase(1);
        for (int cycle = 0; cycle < 2; cycle++) {
            stage.pass(Duration.ofSeconds(15));
            stage.tell(Stage.commit(1, 1, cycle, true));
            stage.expectCycle(1, cycle);
        }

        assertThat(stage.expectFailedAfter(Duration.ofSeconds(10)))
                .isEqualTo("waited 40 s for the sampler to serve the teacher");
    }

    @Test
    void noCycleIsCommitted() {
        stage = Stage.unforgiving(kit);
        stage.run();

        assertThat(stage.expectFailedAfter(Stage.STALL)).isEqualTo("waited 20 s for phase 1 to commit a cycle");
        stage.expectTrainersReleased();
    }

    @Test
    void everyCommittedCycleGivesTheNextOneItsFullTime() {
        stage = Stage.unforgiving(kit);
        stage.run();
        for (int cycle = 0; cycle < Stage.CYCLES; cycle++) {
            stage.pass(Stage.STALL.minusMillis(1));
            stage.tell(Stage.commit(1, 1, cycle, true));
            stage.expectCycle(1, cycle);
        }

        assertThat(stage.expectFailedAfter(Stage.STALL))
                .as("the budget is spent and the generator does not say so")
                .isEqualTo("waited 20 s for phase 1 to commit a cycle");
    }

    @Test
    void aRoleThatAnswersWithoutCommittingMakesNoProgress() {
        stage = Stage.unforgiving(kit);
        stage.run();
        stage.tell(Stage.commit(1, 1, 0, true));
        stage.expectCycle(1, 0);
        stage.pass(Duration.ofSeconds(19));
        stage.ready(Role.GENERATOR, 1);
        stage.ready(Role.TEACHER, 0);
        stage.tell(Stage.commit(1, 1, 0, true));
        stage.tell(Stage.commit(1, 1, 2, true));
        stage.tell(Stage.commit(0, 1, 1, true));

        assertThat(stage.expectFailedAfter(Duration.ofSeconds(1)))
                .isEqualTo("waited 20 s for phase 1 to commit a cycle");
    }

    @Test
    void theExpertIsNotPublishedThoughTheGeneratorGoesOnCommitting() {
        stage = Stage.unforgiving(kit);
        stage.run();
        stage.spendBudget(1);
        stage.pass(Duration.ofSeconds(30));
        stage.tell(Stage.commit(1, 1, Stage.CYCLES, true));

        assertThat(stage.expectFailedAfter(Duration.ofSeconds(10)))
                .isEqualTo("waited 40 s for the expert of phase 1 to be published");
    }

    @Test
    void theSamplerDoesNotAnswerASwap() {
        stage = Stage.unforgiving(kit);
        stage.run();
        stage.spendBudget(1);
        stage.publish(1);

        assertThat(stage.expectFailedAfter(Stage.SWAP))
                .isEqualTo("waited 30 s for the sampler to swap in the expert of phase 1");
    }

    @Test
    void theSamplerDoesNotAnswerTheLastSwapAfterTheTrainersAreDone() {
        stage = Stage.unforgiving(kit);
        stage.train();
        stage.tell(Stage.commit(1, 2, Stage.CYCLES, true));
        stage.tell(new ExpertPublished(1, 2, Stage.expert(2)));
        stage.ready(Role.GENERATOR, 2);

        assertThat(stage.expectFailedAfter(Stage.SWAP))
                .isEqualTo("waited 30 s for the sampler to swap in the expert of phase 2");
    }

    @Test
    void aSamplerThatDoesNotAnswerTheGalleryCostsTheSheetsAndNotTheRun() {
        Duration deadline = Duration.ofSeconds(2);
        Duration silence = deadline.plus(SamplerClient.BEYOND_DEADLINE);
        stage = Stage.unforgiving(kit, new Gallery.Settings(2, 0, 4, deadline, Set.of()));
        stage.cast();
        stage.ready(Role.SAMPLER, 0);
        stage.expectEvent("serving");
        stage.sampler.expectMessageClass(SamplerMessage.Generate.class);
        stage.pass(silence);
        stage.ready(Role.TEACHER, 0);
        stage.runPhase(1);
        stage.spendBudget(1);
        stage.publish(1);
        stage.expectBegin(2);
        stage.swap(1);
        stage.sampler.expectMessageClass(SamplerMessage.Generate.class);
        stage.runPhase(2);
        stage.pass(silence);
        stage.spendBudget(2);
        stage.publish(2);
        stage.swap(2);
        stage.sampler.expectMessageClass(SamplerMessage.Generate.class);
        stage.pass(silence.minusMillis(10));

        stage.time.timePasses(Duration.ofMillis(20));

        stage.listener.expectMessageClass(Outcome.Finished.class);
    }

    @Test
    void afterTheEndNoWaitIsOverdue() {
        stage = Stage.unforgiving(kit);
        stage.train();
        stage.expectTrainersReleased();
        stage.swap(2);
        stage.listener.expectMessageClass(Outcome.Finished.class);
        stage.expectEvent("run-finished");

        stage.pass(Duration.ofHours(1));

        stage.recorder.expectNoMessage(Duration.ofMillis(1));
        stage.generator.expectNoMessage(Duration.ofMillis(1));
    }

    @Test
    void aFailureIsToldOnceHoweverManyWaitsRunOutAfterIt() {
        stage = Stage.unforgiving(kit);
        stage.cast();
        stage.expectFailedAfter(Stage.LOAD);
        stage.expectTrainersReleased();

        stage.pass(Duration.ofHours(1));

        stage.recorder.expectNoMessage(Duration.ofMillis(1));
        stage.generator.expectNoMessage(Duration.ofMillis(1));
    }
}
