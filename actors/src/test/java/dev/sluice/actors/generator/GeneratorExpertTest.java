package dev.sluice.actors.generator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.actors.fake.SmallRun;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.protocol.message.SupervisorMessage.BudgetSpent;
import dev.sluice.protocol.message.TeacherMessage;
import dev.sluice.runtime.distillation.GeneratorTraining;
import dev.sluice.runtime.distillation.PhaseSetting;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.objective.Magnitude;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the generator does while everybody keeps to the protocol, in whatever order they are done. */
class GeneratorExpertTest {
    private static ActorTestKit kit;

    @TempDir
    Path folder;

    private Stage stage;

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create(SmallRun.config());
    }

    @AfterAll
    static void shutDown() {
        kit.shutdownTestKit();
    }

    @BeforeEach
    void set() {
        stage = new Stage(kit);
    }

    @AfterEach
    void nothingIsLeftOpen() {
        stage.stop();
    }

    @Test
    void aPhaseIsReadyOnceItsNetworksAreLoaded() {
        ExpertRef first =
                stage.networks.file("phase-1", SmallRun.CARD.ofExpert(1, List.of(1.0, 0.5), Map.of()), 0.25, 0, 0);

        stage.generator.tell(stage.begin(3, 2, SmallRun.RECIPE, first));

        stage.expectReady(3, 2);
        assertThat(stage.networks.left()).isEqualTo(2);
    }

    @Test
    void nothingIsRolledOutBeforeItIsToldToRun() {
        stage.ready(SmallRun.RECIPE);
        stage.publish(folder.resolve("phase-1.pt"));

        stage.expectNothingForwarded();
    }

    @Test
    void aCycleIsKBatchesForTheCriticAndOneForATeacherAsThePlainLoopHasThem() {
        stage.ready(SmallRun.RECIPE);
        stage.run(1);

        try (GeneratorTraining plain = plain(SmallRun.RECIPE)) {
            for (int update = 0; update < SmallRun.CRITIC_UPDATES; update++) {
                GeneratorTraining.Samples samples = plain.rollOut(0, update);
                stage.critic.expectMessage(new CriticMessage.Samples(1, 1, 0, update, samples.xS(), samples.labels()));
            }
            NoisySamples noisy = plain.rollOutScored(0);
            stage.teachers
                    .get(0)
                    .expectMessage(new TeacherMessage.Score(
                            1, 1, 0, 2, noisy, stage.critic.getRef(), stage.supervisor.getRef()));
        }
    }

    @Test
    void theNextCycleWaitsForTheStepOfTheOneBefore() {
        stage.ready(SmallRun.RECIPE);
        stage.run(2);
        stage.expectCycle(0);
        stage.publish(folder.resolve("meanwhile.pt"));
        stage.expectNothingForwarded();

        stage.answer(0);

        stage.expectCycle(1);
        stage.expectCommitted(0);
    }

    @Test
    void withStalenessItRunsAheadByThatManyCyclesAndNoMore() {
        stage.ready(SmallRun.recipe(2));
        stage.run(10);
        stage.expectCycle(0);
        stage.expectCycle(1);
        stage.expectCycle(2);
        stage.publish(folder.resolve("meanwhile.pt"));
        stage.expectNothingForwarded();

        stage.answer(0);

        stage.expectCycle(3);
        stage.expectCommitted(0);
        stage.publish(folder.resolve("meanwhile.pt"));
        stage.expectNothingForwarded();
    }

    @Test
    void everyCycleIsReportedWithItsNumbersAndThenThatTheBudgetIsSpent() {
        stage.ready(SmallRun.RECIPE);
        stage.run(2);
        for (int cycle = 0; cycle < 2; cycle++) {
            stage.expectCycle(cycle);
            stage.answer(cycle);
            SupervisorMessage.CycleCommitted committed = stage.expectCommitted(cycle);
            assertThat(committed.report().critic()).isEqualTo(Stage.REPORT);
            assertThat(committed.report().gradientMagnitude()).isEqualTo(Magnitude.mean(Stage.gradient(cycle)));
            assertThat(committed.report().gradientNorm()).isPositive().isFinite();
            assertThat(committed.report().stepped()).isTrue();
        }

        stage.supervisor.expectMessage(new BudgetSpent(1, 1, 2));
    }

    @Test
    void aLargerBudgetGoesOnWhereTheSmallerEnded() {
        stage.ready(SmallRun.RECIPE);
        stage.run(1);
        stage.expectCycle(0);
        stage.answer(0);
        stage.expectCommitted(0);
        stage.supervisor.expectMessage(new BudgetSpent(1, 1, 1));

        stage.run(2);
        stage.expectCycle(1);
        stage.answer(1);
        stage.expectCommitted(1);
        stage.supervisor.expectMessage(new BudgetSpent(1, 1, 2));
    }

    @Test
    void theExpertThatIsPublishedIsThePlainLoopsAverageAndItsReferenceNamesTheFile() throws IOException {
        stage.ready(SmallRun.RECIPE);
        stage.run(3);
        for (int cycle = 0; cycle < 3; cycle++) {
            stage.expectCycle(cycle);
            stage.answer(cycle);
            stage.expectCommitted(cycle);
        }
        stage.supervisor.expectMessage(new BudgetSpent(1, 1, 3));
        Path file = folder.resolve("phase-1.pt");

        ExpertRef expert = stage.publish(file);

        assertThat(expert).isEqualTo(NetworkFile.reference("phase-1", file));
        assertThat(stage.networks.weightsIn(expert)).isEqualTo(plainWeights(0, 3));
        assertThat(stage.networks.cardIn(expert).phase()).isEqualTo(1);
        assertThat(stage.networks.cardIn(expert).timesteps()).containsExactly(1.0, 0.5);
        assertThat(stage.networks.cardIn(expert).provenance())
                .containsEntry("teacher-sha256", stage.teacherFile.sha256())
                .containsEntry("steps", "3");
    }

    @Test
    void gradientsThatComeOutOfOrderAreAppliedInOrder() throws IOException {
        stage.ready(SmallRun.recipe(2));
        stage.run(3);
        stage.expectCycle(0);
        stage.expectCycle(1);
        stage.expectCycle(2);

        stage.answer(2);
        stage.answer(1);
        stage.settle(1, 1, SmallRun.recipe(2));
        stage.answer(0);

        stage.expectCommitted(0);
        stage.expectCommitted(1);
        stage.expectCommitted(2);
        stage.supervisor.expectMessage(new BudgetSpent(1, 1, 3));
        assertThat(stage.networks.weightsIn(stage.publish(folder.resolve("phase-1.pt"))))
                .isEqualTo(plainWeights(2, 3));
    }

    @Test
    void scoredBatchesAreSpreadOverTheTeachers() {
        stage.ready(SmallRun.recipe(3));
        stage.run(4);

        for (int cycle = 0; cycle < 4; cycle++) {
            assertThat(stage.expectScore(cycle).critic()).isEqualTo(stage.critic.getRef());
        }
    }

    @Test
    void theSecondPhaseStartsFromTheTeacherAgainAndWalksThroughTheFirstExpert() throws IOException {
        stage.ready(SmallRun.RECIPE);
        stage.run(1);
        stage.expectCycle(0);
        stage.answer(0);
        stage.expectCommitted(0);
        stage.supervisor.expectMessage(new BudgetSpent(1, 1, 1));
        ExpertRef first = stage.publish(folder.resolve("phase-1.pt"));

        stage.generator.tell(stage.begin(1, 2, SmallRun.RECIPE, first));
        stage.expectReady(1, 2);
        stage.generator.tell(new GeneratorMessage.Run(1, 2, 1));

        try (GeneratorTraining plain = new GeneratorTraining(
                new PhaseSetting(SmallRun.PLAN, 2, SmallRun.RECIPE),
                stage.networks,
                stage.teacherFile,
                List.of(first),
                Optional.empty())) {
            GeneratorTraining.Samples samples = plain.rollOut(0, 0);
            stage.critic.expectMessage(new CriticMessage.Samples(1, 2, 0, 0, samples.xS(), samples.labels()));
        }
    }

    private GeneratorTraining plain(Recipe recipe) {
        return new GeneratorTraining(
                new PhaseSetting(SmallRun.PLAN, 1, recipe),
                stage.networks,
                stage.teacherFile,
                List.of(),
                Optional.empty());
    }

    /** The average after {@code cycles} steps of one thread that is as far ahead of its gradients. */
    private double[] plainWeights(int staleness, int cycles) throws IOException {
        Path file = folder.resolve("plain.pt");
        try (GeneratorTraining plain = plain(SmallRun.recipe(staleness))) {
            int begun = 0;
            for (int cycle = 0; cycle < cycles; cycle++) {
                while (begun < cycles && begun - cycle <= staleness) {
                    plain.rollOutScored(begun++);
                }
                plain.step(cycle, Stage.gradient(cycle));
            }
            plain.publish(file, Map.of());
        }
        return stage.networks.weightsIn(NetworkFile.reference("plain", file));
    }
}
