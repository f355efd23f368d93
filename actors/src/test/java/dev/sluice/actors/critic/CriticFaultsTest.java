package dev.sluice.actors.critic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sluice.actors.fake.FullCourier;
import dev.sluice.actors.fake.LinearNetworks;
import dev.sluice.actors.fake.LinearNetworks.Operation;
import dev.sluice.actors.fake.SmallRun;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GeneratorMessage.Gradient;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.runtime.network.NetworkCard;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.LoggingTestKit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The critic among partners that repeat themselves, lie or die, and with networks that break. */
class CriticFaultsTest {
    private static ActorTestKit kit;

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
    void batchesThatComeTwiceCountOnce() {
        stage.ready(1);
        stage.critic.tell(Stage.scored(0));
        stage.critic.tell(Stage.scored(0));
        stage.critic.tell(Stage.samples(0, 1));
        stage.critic.tell(Stage.samples(0, 1));
        stage.critic.tell(Stage.samples(0, 0));
        stage.tellCycle(0);
        stage.tellCycle(1);

        stage.plain(1, 2).forEach(stage.generator::expectMessage);
        stage.settle(1);
        stage.expectNoGradient();
    }

    @Test
    void batchesOfAnotherEpochOrPhaseAreIgnored() {
        stage.ready(2);
        for (int update = 0; update < SmallRun.CRITIC_UPDATES; update++) {
            stage.critic.tell(Stage.samples(1, 1, 0, update));
            stage.critic.tell(Stage.samples(3, 1, 0, update));
            stage.critic.tell(Stage.samples(2, 2, 0, update));
        }
        stage.critic.tell(Stage.scored(1, 1, 0));
        stage.critic.tell(Stage.scored(3, 1, 0));
        stage.critic.tell(Stage.scored(2, 2, 0));
        stage.settle(2);
        stage.expectNoGradient();

        stage.critic.tell(Stage.samples(2, 1, 0, 0));
        stage.critic.tell(Stage.samples(2, 1, 0, 1));
        stage.critic.tell(Stage.scored(2, 1, 0));

        stage.generator.expectMessage(stage.plain(2, 1).get(0));
    }

    @Test
    void updatesThatACycleDoesNotHaveAreIgnored() {
        stage.ready(1);
        stage.critic.tell(Stage.samples(0, -1));
        stage.critic.tell(Stage.samples(0, SmallRun.CRITIC_UPDATES));
        stage.critic.tell(Stage.samples(-1, 0));
        stage.critic.tell(Stage.scored(-1));
        stage.tellCycle(0);
        stage.tellCycle(1);

        stage.plain(1, 2).forEach(stage.generator::expectMessage);
    }

    @Test
    void whatIsBeyondTheGeneratorsCreditIsIgnoredAndLogged() {
        stage.ready(1);
        LoggingTestKit.warn("a batch of cycle 2 came while cycle 0 is not scored: beyond its credit, ignored")
                .withOccurrences(2)
                .expect(kit.system(), () -> {
                    stage.critic.tell(Stage.samples(2, 0));
                    stage.critic.tell(Stage.scored(2));
                    return null;
                });

        for (Gradient expected : stage.plain(1, 3)) {
            stage.tellCycle(expected.cycle());
            stage.generator.expectMessage(expected);
        }
    }

    @Test
    void anUpdateThatIsNotFiniteIsSkippedAndCountedAndTheNextOneTrains() {
        stage.ready(1);
        float[] values = new float[6];
        values[0] = Float.NaN;
        CriticMessage.Samples good = Stage.samples(0, 1);
        stage.critic.tell(new CriticMessage.Samples(1, 1, 0, 0, Tensor.of(values, 3, 2), good.labels()));
        stage.critic.tell(good);
        stage.critic.tell(Stage.scored(0));

        Gradient gradient = stage.generator.expectMessageClass(Gradient.class);
        assertThat(gradient.report().skipped()).isEqualTo(1);
        assertThat(gradient.report().losses().get(0)).isNaN();
        assertThat(gradient.report().losses().get(1)).isFinite();
        assertThat(gradient.gradient().isFinite()).isTrue();
        stage.tellCycle(1);
        assertThat(stage.generator.expectMessageClass(Gradient.class).report().skipped())
                .isZero();
    }

    @Test
    void aTeachersNaNGoesOnToTheGeneratorWhichSkipsIt() {
        stage.ready(1);
        stage.critic.tell(Stage.samples(0, 0));
        stage.critic.tell(Stage.samples(0, 1));
        float[] values = new float[6];
        values[5] = Float.NaN;
        stage.critic.tell(
                new CriticMessage.ScoredSamples(1, 1, 0, Stage.scored(0).noisy(), Tensor.of(values, 3, 2)));

        Gradient gradient = stage.generator.expectMessageClass(Gradient.class);
        assertThat(gradient.gradient().isFinite()).isFalse();
        assertThat(gradient.report().skipped()).isZero();
    }

    @Test
    void aTeachersAnswerOfAnotherShapeIsHeardAsAFailure() {
        stage.ready(1);
        stage.critic.tell(Stage.samples(0, 0));
        stage.critic.tell(Stage.samples(0, 1));
        NoisySamples noisy = Stage.scored(0).noisy();
        stage.critic.tell(new CriticMessage.ScoredSamples(1, 1, 0, noisy, Tensor.of(new float[4], 2, 2)));

        assertThat(stage.expectFailed(1)).contains("shapes differ");
        stage.expectNoGradient();
    }

    @Test
    void aBatchOfAClassThatTheNetworkDoesNotHaveIsHeardAsAFailure() {
        stage.ready(1);
        Tensor labels = Tensor.of(new long[] {0, 1, 3}, 3);
        stage.critic.tell(
                new CriticMessage.Samples(1, 1, 0, 0, Stage.samples(0, 0).xS(), labels));

        assertThat(stage.expectFailed(1)).isEqualTo("label 3 is no class");
    }

    @Test
    void aPhaseThatThePlanDoesNotHaveIsHeardAsAFailure() {
        stage.critic.tell(stage.begin(1, 3, SmallRun.RECIPE, 0));

        assertThat(stage.expectFailed(1)).isEqualTo("there is no phase 3, the plan has phases 1 to 2");
    }

    @Test
    void aTeacherOfAnotherScheduleIsHeardAsAFailureAndClosed() {
        NetworkCard card =
                new NetworkCard(List.of(2), List.of(), Recipe.Schedule.VARIANCE_PRESERVING, 0, List.of(), Map.of());
        ExpertRef other = stage.networks.file("other", card, 1, 1, 1);
        CriticMessage.BeginPhase begin = stage.begin(1, 1, SmallRun.RECIPE, 0);
        stage.critic.tell(new CriticMessage.BeginPhase(
                1,
                1,
                begin.plan(),
                begin.recipe(),
                other,
                Optional.empty(),
                0,
                begin.generator(),
                begin.recorder(),
                begin.supervisor()));

        assertThat(stage.expectFailed(1))
                .isEqualTo("the teacher was trained on the schedule VARIANCE_PRESERVING, the recipe says "
                        + "RECTIFIED_FLOW: set the recipe's schedule to the teacher's");
        assertThat(stage.networks.left()).isZero();
    }

    @Test
    void anUpdateThatBreaksIsHeardAsAFailureAndTheActorCanBeginAgain() {
        stage.ready(1);
        stage.networks.breakAt(Operation.STEP, "CUDA error: out of memory");
        stage.tellCycle(0);

        assertThat(stage.expectFailed(1)).isEqualTo("CUDA error: out of memory");
        assertThat(stage.networks.left()).isZero();
        assertThat(stage.networks.graphsLeft()).isZero();
        stage.expectNoGradient();

        stage.networks.mend();
        stage.ready(2);
        stage.critic.tell(Stage.samples(2, 1, 0, 0));
        stage.critic.tell(Stage.samples(2, 1, 0, 1));
        stage.critic.tell(Stage.scored(2, 1, 0));
        stage.generator.expectMessage(stage.plain(2, 1).get(0));
    }

    @Test
    void aFullQueueIsHeardAsAFailure() {
        stage.stop();
        stage = new Stage(kit, new FullCourier(Gradient.class));
        stage.ready(1);
        stage.tellCycle(0);

        assertThat(stage.expectFailed(1)).isEqualTo("the queue is full");
        awaitLeft(0);
    }

    @Test
    void aSnapshotThatFindsAFullQueueIsLeftOutAndTrainingGoesOn() {
        stage.stop();
        stage = new Stage(kit, new FullCourier(RecorderMessage.Snapshot.class));
        stage.critic.tell(stage.begin(1, 1, SmallRun.RECIPE, 1));
        stage.expectReady(1, 1);

        LoggingTestKit.warn("The snapshot of cycle 0 is left out: the queue is full")
                .expect(kit.system(), () -> {
                    stage.tellCycle(0);
                    return null;
                });
        stage.tellCycle(1);

        stage.plain(1, 2).forEach(stage.generator::expectMessage);
        stage.recorder.expectNoMessage(Duration.ofMillis(20));
    }

    @Test
    void ordersOfAnOlderEpochAreIgnored() {
        stage.ready(2);
        stage.critic.tell(Stage.samples(2, 1, 0, 0));

        stage.critic.tell(stage.begin(1, 1, SmallRun.RECIPE, 0));
        stage.critic.tell(new CriticMessage.Release(1));
        stage.critic.tell(Stage.samples(2, 1, 0, 1));
        stage.critic.tell(Stage.scored(2, 1, 0));

        stage.generator.expectMessage(stage.plain(2, 1).get(0));
    }

    @Test
    void aReleasedCriticLetsGoOfItsNetworkAndAnswersNothing() {
        stage.ready(1);
        stage.critic.tell(Stage.samples(0, 0));
        stage.critic.tell(new CriticMessage.Release(1));
        stage.critic.tell(Stage.samples(0, 1));
        stage.critic.tell(Stage.scored(0));

        stage.supervisor.expectTerminated(stage.critic);
        awaitLeft(0);
        stage.expectNoGradient();
    }

    @Test
    void aSupervisorThatDiesTakesItsCriticsWorkWithIt() {
        stage.ready(1);

        stage.supervisor.stop();

        awaitLeft(0);
        stage.tellCycle(0);
        stage.expectNoGradient();
    }

    @Test
    void aWedgedNetworkDoesNotKeepTheControllerFromANewEpochNorIsItsWorkMixedIn() {
        stage.ready(1);
        LinearNetworks.Hold hold = stage.networks.holdAt(Operation.EVALUATE);
        stage.tellCycle(0);
        hold.awaitStuck();
        stage.networks.mend();

        stage.ready(2);
        stage.critic.tell(Stage.samples(2, 1, 0, 0));
        stage.critic.tell(Stage.samples(2, 1, 0, 1));
        stage.critic.tell(Stage.scored(2, 1, 0));
        stage.generator.expectMessage(stage.plain(2, 1).get(0));

        hold.letGo();
        awaitLeft(1);
        stage.expectNoGradient();
    }

    private void awaitLeft(int networks) {
        await().atMost(Duration.ofSeconds(10))
                .untilAsserted(() -> assertThat(stage.networks.left()).isEqualTo(networks));
    }
}
