package dev.sluice.actors.generator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sluice.actors.fake.FullCourier;
import dev.sluice.actors.fake.LinearNetworks;
import dev.sluice.actors.fake.LinearNetworks.Operation;
import dev.sluice.actors.fake.SmallRun;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.SupervisorMessage.BudgetSpent;
import dev.sluice.protocol.message.SupervisorMessage.CycleCommitted;
import dev.sluice.protocol.message.TeacherMessage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The generator among partners that repeat themselves, lie or die, and with networks that break. */
class GeneratorFaultsTest {
    private static final double[] TEACHER = {0.5, -0.25, 0.125};
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
    void aPhaseThatIsBegunTwiceIsReportedTwiceAndLoadedOnce() {
        stage.ready(SmallRun.RECIPE);
        stage.run(1);
        stage.expectCycle(0);

        stage.settle(1, 1, SmallRun.RECIPE);

        assertThat(stage.networks.left()).isEqualTo(1);
        stage.answer(0);
        stage.expectCommitted(0);
    }

    @Test
    void aGradientThatComesTwiceCountsOnce() {
        stage.ready(SmallRun.recipe(1));
        stage.run(2);
        stage.expectCycle(0);
        stage.expectCycle(1);

        stage.answer(1);
        stage.answer(1, 1, 1, Tensor.of(new float[6], 3, 2));
        stage.answer(0);
        stage.answer(0);
        stage.answer(1);

        double norm = stage.expectCommitted(0).report().gradientNorm();
        CycleCommitted second = stage.expectCommitted(1);
        assertThat(second.report().gradientNorm()).isPositive().isNotEqualTo(norm);
        stage.supervisor.expectMessage(new BudgetSpent(1, 1, 2));
        stage.settle(1, 1, SmallRun.recipe(1));
    }

    @Test
    void gradientsOfAnotherEpochPhaseOrCycleAreIgnored() {
        stage.generator.tell(stage.begin(2, 1, SmallRun.RECIPE));
        stage.expectReady(2, 1);
        stage.useTeachers(2);
        stage.generator.tell(new GeneratorMessage.Run(2, 1, 1));
        stage.teachers.get(0).receiveMessage();

        Tensor lie = Tensor.of(new float[] {9, 9, 9, 9, 9, 9}, 3, 2);
        stage.answer(1, 1, 0, lie);
        stage.answer(3, 1, 0, lie);
        stage.answer(2, 2, 0, lie);
        stage.answer(2, 1, -1, lie);
        stage.answer(2, 1, 1, lie);
        stage.settle(2, 1, SmallRun.RECIPE);
        stage.answer(2, 1, 0, Stage.gradient(0));

        CycleCommitted committed = stage.supervisor.expectMessageClass(CycleCommitted.class);
        assertThat(committed.report().cycle()).isZero();
        assertThat(committed.report().gradientMagnitude()).isLessThan(9);
        stage.supervisor.expectMessage(new BudgetSpent(2, 1, 1));
    }

    @Test
    void aGradientThatIsNotFiniteMovesNothingAndTheNextCycleGoesOn() {
        stage.ready(SmallRun.RECIPE);
        stage.run(2);
        stage.expectCycle(0);
        float[] values = new float[6];
        values[4] = Float.NaN;

        stage.answer(1, 1, 0, Tensor.of(values, 3, 2));

        CycleCommitted skipped = stage.expectCommitted(0);
        assertThat(skipped.report().stepped()).isFalse();
        assertThat(skipped.report().gradientNorm()).isNaN();
        ExpertRef unmoved = stage.publish(folder.resolve("unmoved.pt"));
        assertThat(stage.networks.weightsIn(unmoved)).isEqualTo(TEACHER);
        stage.expectCycle(1);
        stage.answer(1);
        assertThat(stage.expectCommitted(1).report().stepped()).isTrue();
    }

    @Test
    void aGradientOfAnotherShapeIsHeardAsAFailure() {
        stage.ready(SmallRun.RECIPE);
        stage.run(1);
        stage.expectCycle(0);

        stage.answer(1, 1, 0, Tensor.of(new float[4], 2, 2));

        assertThat(stage.expectFailed(1)).isEqualTo("a gradient of FLOAT32[2, 2] on samples of FLOAT32[3, 2]");
        assertThat(stage.networks.left()).isZero();
        assertThat(stage.networks.graphsLeft()).isZero();
    }

    @Test
    void aSecondPhaseWithoutTheFirstsExpertIsHeardAsAFailure() {
        stage.generator.tell(stage.begin(1, 2, SmallRun.RECIPE));

        assertThat(stage.expectFailed(1)).isEqualTo("phase 2 needs the experts before it, got 0");
        assertThat(stage.networks.left()).isZero();
    }

    @Test
    void aPhaseThatThePlanDoesNotHaveIsHeardAsAFailure() {
        stage.generator.tell(stage.begin(1, 3, SmallRun.RECIPE));

        assertThat(stage.expectFailed(1)).isEqualTo("there is no phase 3, the plan has phases 1 to 2");
    }

    @Test
    void anExpertOfOtherTimestepsIsHeardAsAFailureAndNothingStaysOpen() {
        ExpertRef other =
                stage.networks.file("other", SmallRun.CARD.ofExpert(1, List.of(1.0, 0.25), Map.of()), 0.25, 0, 0);
        stage.generator.tell(stage.begin(1, 2, SmallRun.RECIPE, other));

        assertThat(stage.expectFailed(1)).contains("phase 1 of the plan has timesteps [1.0, 0.5]", "[1.0, 0.25]");
        assertThat(stage.networks.left()).isZero();
    }

    @Test
    void aFileThatIsNotThereIsHeardAsAFailureThatNamesIt() {
        ExpertRef gone = new ExpertRef("phase-1", "sha", 1, "/store/gone.pt");
        stage.generator.tell(stage.begin(1, 2, SmallRun.RECIPE, gone));

        assertThat(stage.expectFailed(1)).isEqualTo("/store/gone.pt: there is no such network file");
        assertThat(stage.networks.left()).isZero();
    }

    @Test
    void aRollOutThatBreaksIsHeardAsAFailureAndTheActorCanBeginAgain() {
        stage.ready(SmallRun.RECIPE);
        stage.networks.breakAt(Operation.EVALUATE, "CUDA error: out of memory");
        stage.run(1);

        assertThat(stage.expectFailed(1)).isEqualTo("CUDA error: out of memory");
        assertThat(stage.networks.left()).isZero();

        stage.networks.mend();
        stage.generator.tell(stage.begin(2, 1, SmallRun.RECIPE));
        stage.expectReady(2, 1);
    }

    @ParameterizedTest
    @ValueSource(classes = {CriticMessage.Samples.class, TeacherMessage.Score.class})
    void aFullQueueIsHeardAsAFailureAndTheActorCanBeginAgain(Class<?> batch) {
        stage.stop();
        stage = new Stage(kit, SmallRun.WORK_WITHIN, new FullCourier(batch));
        stage.ready(SmallRun.RECIPE);
        stage.run(1);

        assertThat(stage.expectFailed(1)).isEqualTo("the queue is full");
        awaitLeft(0);

        stage.generator.tell(stage.begin(2, 1, SmallRun.RECIPE));
        stage.expectReady(2, 1);
    }

    @Test
    void aQueueThatIsFullWhenATeacherIsReplacedIsHeardAsAFailure() {
        stage.stop();
        stage = new Stage(kit, SmallRun.WORK_WITHIN, new FullCourier(TeacherMessage.Score.class));
        stage.generator.tell(stage.begin(1, 1, SmallRun.RECIPE));
        stage.expectReady(1, 1);
        stage.run(1);
        await().atMost(Duration.ofSeconds(10)).until(() -> stage.networks.graphsLeft() == 1);

        stage.useTeachers(1);

        assertThat(stage.expectFailed(1)).isEqualTo("the queue is full");
    }

    @Test
    void aStepThatBreaksIsHeardAsAFailureAndCommitsNothing() {
        stage.ready(SmallRun.RECIPE);
        stage.run(1);
        stage.expectCycle(0);
        stage.networks.breakAt(Operation.STEP, "CUDA error: out of memory");

        stage.answer(0);

        assertThat(stage.expectFailed(1)).isEqualTo("CUDA error: out of memory");
    }

    @Test
    void anExpertThatCannotBeWrittenIsHeardAsAFailureThatNamesTheFile() {
        stage.ready(SmallRun.RECIPE);
        Path file = folder.resolve("missing").resolve("phase-1.pt");
        stage.generator.tell(new GeneratorMessage.Publish(1, 1, file.toString()));

        assertThat(stage.expectFailed(1))
                .isEqualTo("publishing phase-1: cannot write " + file + ": its folder " + file.getParent()
                        + " does not exist");
    }

    @Test
    void ordersOfAnotherEpochOrPhaseAreIgnored() {
        stage.generator.tell(stage.begin(2, 1, SmallRun.RECIPE));
        stage.expectReady(2, 1);

        stage.generator.tell(new GeneratorMessage.Run(1, 1, 5));
        stage.generator.tell(new GeneratorMessage.Run(2, 2, 5));
        stage.generator.tell(
                new GeneratorMessage.Publish(1, 1, folder.resolve("old.pt").toString()));
        stage.generator.tell(
                new GeneratorMessage.Publish(2, 2, folder.resolve("next.pt").toString()));
        stage.generator.tell(stage.begin(1, 1, SmallRun.RECIPE));
        stage.generator.tell(new GeneratorMessage.Release(1));
        stage.settle(2, 1, SmallRun.RECIPE);

        stage.generator.tell(new GeneratorMessage.Run(2, 1, 1));
        assertThat(stage.critic.expectMessageClass(CriticMessage.Samples.class).epoch())
                .isEqualTo(2);
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void aReleasedGeneratorLetsGoOfItsNetworksAndAnswersNothingOfTheOldEpoch() {
        stage.ready(SmallRun.RECIPE);
        stage.run(1);
        stage.expectCycle(0);

        stage.generator.tell(new GeneratorMessage.Release(1));
        awaitLeft(0);
        stage.supervisor.expectTerminated(stage.generator);
        stage.expectNothingForwarded();
    }

    @Test
    void aBatchWhoseTeacherIsReplacedGoesToAnother() {
        stage.ready(SmallRun.recipe(1));
        stage.run(2);
        NoisySamples first = stage.expectCycle(0);
        NoisySamples second = stage.expectCycle(1);

        stage.generator.tell(new GeneratorMessage.UseTeachers(
                1, List.of(stage.teachers.get(1).getRef())));

        assertThat(stage.teachers.get(1).expectMessageClass(TeacherMessage.Score.class))
                .matches(again -> again.cycle() == 0 && again.noisy().equals(first));
        stage.answer(0);
        stage.expectCommitted(0);

        stage.generator.tell(new GeneratorMessage.UseTeachers(1, List.of()));
        stage.generator.tell(new GeneratorMessage.UseTeachers(
                1, List.of(stage.teachers.get(0).getRef())));
        assertThat(stage.teachers.get(0).expectMessageClass(TeacherMessage.Score.class))
                .as("only what has no gradient yet")
                .matches(again -> again.cycle() == 1 && again.noisy().equals(second));
        stage.expectNothingForwarded();
    }

    @Test
    void withoutATeacherBatchesWaitForOne() {
        stage.generator.tell(stage.begin(1, 1, SmallRun.RECIPE));
        stage.expectReady(1, 1);
        stage.run(1);
        stage.critic.receiveSeveralMessages(SmallRun.CRITIC_UPDATES);
        stage.expectNothingForwarded();

        stage.useTeachers(2);
        stage.expectNothingForwarded();
        stage.useTeachers(1);

        stage.expectScore(0);
    }

    @Test
    void aWorkerThatIsStuckIsHeardAsAFailureThoughTheControllerAnswers() {
        stage.stop();
        stage = new Stage(kit, Duration.ofMillis(100));
        stage.ready(SmallRun.RECIPE);
        LinearNetworks.Hold hold = stage.networks.holdAt(Operation.EVALUATE);
        stage.run(1);
        hold.awaitStuck();

        assertThat(stage.expectFailed(1)).isEqualTo("its worker has been at one piece of work for 100 ms");
        hold.letGo();
    }

    @Test
    void aSupervisorThatDiesTakesItsGeneratorsWorkWithIt() {
        stage.ready(SmallRun.RECIPE);
        stage.run(2);
        stage.expectCycle(0);

        stage.supervisor.stop();

        awaitLeft(0);
        stage.answer(0);
        stage.expectNothingForwarded();
    }

    @Test
    void aWedgedNetworkDoesNotKeepTheControllerFromANewEpochAndItsLateMessagesBearTheOldOne() {
        stage.ready(SmallRun.RECIPE);
        LinearNetworks.Hold hold = stage.networks.holdAt(Operation.EVALUATE);
        stage.run(1);
        hold.awaitStuck();
        stage.networks.mend();

        stage.generator.tell(stage.begin(2, 1, SmallRun.RECIPE));
        stage.expectReady(2, 1);
        assertThat(stage.networks.left()).as("the wedged one and the new one").isEqualTo(2);

        hold.letGo();
        awaitLeft(1);
        assertThat(stage.critic.expectMessageClass(CriticMessage.Samples.class).epoch())
                .isEqualTo(1);
        stage.generator.tell(new GeneratorMessage.Run(2, 1, 1));
        for (int update = 0; update < SmallRun.CRITIC_UPDATES; update++) {
            assertThat(stage.critic
                            .expectMessageClass(CriticMessage.Samples.class)
                            .epoch())
                    .isEqualTo(2);
        }
    }

    @Test
    void everyGraphIsFreedWhenAPhaseEndsWithGradientsOutstanding() {
        stage.ready(SmallRun.recipe(3));
        stage.run(4);
        stage.expectScore(0);
        stage.expectScore(1);
        stage.expectScore(2);
        stage.expectScore(3);
        assertThat(stage.networks.graphsLeft()).isEqualTo(4);

        stage.generator.tell(stage.begin(2, 1, SmallRun.RECIPE));
        stage.expectReady(2, 1);

        await().atMost(Duration.ofSeconds(10)).until(() -> stage.networks.graphsLeft() == 0);
        awaitLeft(1);
    }

    private void awaitLeft(int networks) {
        await().atMost(Duration.ofSeconds(10))
                .untilAsserted(() -> assertThat(stage.networks.left()).isEqualTo(networks));
    }
}
