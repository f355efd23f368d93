package dev.sluice.actors.critic;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.actors.fake.SmallRun;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GeneratorMessage.Gradient;
import dev.sluice.protocol.message.RecorderMessage.Snapshot;
import java.time.Duration;
import java.util.List;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the critic does while everybody keeps to the protocol, in whatever order they are done. */
class FakeScoreCriticTest {
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
    void aPhaseIsReadyOnceItsFakeScoreIsLoaded() {
        stage.critic.tell(stage.begin(4, 2, SmallRun.RECIPE, 0));

        stage.expectReady(4, 2);
        assertThat(stage.networks.left()).isEqualTo(1);
    }

    @Test
    void aCycleIsKUpdatesAndOneGradientAsThePlainLoopHasThem() {
        stage.ready(1);

        for (Gradient expected : stage.plain(1, 3)) {
            stage.tellCycle(expected.cycle());
            assertThat(expected.report().losses()).hasSize(SmallRun.CRITIC_UPDATES);
            stage.generator.expectMessage(expected);
        }
    }

    @Test
    void everyOrderOfArrivalGivesTheSameGradient() {
        Gradient expected = stage.plain(1, 1).get(0);
        List<List<Integer>> orders = List.of(
                List.of(0, 1, 2),
                List.of(0, 2, 1),
                List.of(1, 0, 2),
                List.of(1, 2, 0),
                List.of(2, 0, 1),
                List.of(2, 1, 0));
        int epoch = 1;
        for (List<Integer> order : orders) {
            stage.ready(epoch);
            for (int which : order) {
                stage.critic.tell(
                        which == SmallRun.CRITIC_UPDATES
                                ? Stage.scored(epoch, 1, 0)
                                : Stage.samples(epoch, 1, 0, which));
            }
            Gradient got = stage.generator.expectMessageClass(Gradient.class);
            assertThat(got)
                    .as("told in the order " + order)
                    .isEqualTo(new Gradient(epoch, 1, 0, expected.gradient(), expected.report()));
            epoch++;
        }
    }

    @Test
    void theScoredBatchWaitsForTheLastUpdateOfItsCycle() {
        stage.ready(1);
        stage.critic.tell(Stage.scored(0));
        stage.critic.tell(Stage.samples(0, 0));
        stage.settle(1);
        stage.expectNoGradient();

        stage.critic.tell(Stage.samples(0, 1));

        stage.generator.expectMessage(stage.plain(1, 1).get(0));
    }

    @Test
    void cyclesThatAGeneratorIsAheadWaitForTheirTurn() {
        stage.ready(1, SmallRun.recipe(2));
        stage.tellCycle(2);
        stage.tellCycle(1);
        stage.critic.tell(stage.begin(1, 1, SmallRun.recipe(2), 0));
        stage.expectReady(1, 1);
        stage.expectNoGradient();

        stage.tellCycle(0);

        stage.plain(1, 3).forEach(stage.generator::expectMessage);
    }

    @Test
    void aNewPhaseBeginsWithTheTeachersWeightsAndCountsFromZero() {
        stage.ready(1);
        stage.tellCycle(0);
        Gradient first = stage.generator.expectMessageClass(Gradient.class);
        stage.critic.tell(stage.begin(1, 2, SmallRun.RECIPE, 0));
        stage.expectReady(1, 2);
        stage.critic.tell(Stage.samples(1, 2, 0, 0));
        stage.critic.tell(Stage.samples(1, 2, 0, 1));
        stage.critic.tell(Stage.scored(1, 2, 0));
        assertThat(stage.generator.expectMessageClass(Gradient.class).phase()).isEqualTo(2);

        stage.ready(2);
        stage.critic.tell(Stage.samples(2, 1, 0, 0));
        stage.critic.tell(Stage.samples(2, 1, 0, 1));
        stage.critic.tell(Stage.scored(2, 1, 0));

        stage.generator.expectMessage(new Gradient(2, 1, 0, first.gradient(), first.report()));
    }

    @Test
    void everySoManyCyclesTheRecorderSeesTeacherCriticAndGeneratorOnOneBatch() {
        stage.critic.tell(stage.begin(1, 1, SmallRun.RECIPE, 2));
        stage.expectReady(1, 1);
        for (int cycle = 0; cycle < 3; cycle++) {
            stage.tellCycle(cycle);
            assertThat(stage.generator.expectMessageClass(Gradient.class).cycle())
                    .isEqualTo(cycle);
        }

        for (int cycle : List.of(0, 2)) {
            NoisySamples shown = Stage.scored(cycle).noisy();
            Snapshot snapshot = stage.recorder.expectMessageClass(Snapshot.class);
            assertThat(snapshot.phase()).isEqualTo(1);
            assertThat(snapshot.cycle()).isEqualTo(cycle);
            assertThat(snapshot.generator()).isEqualTo(shown.x0());
            assertThat(snapshot.teacher().shape()).isEqualTo(shown.x0().shape());
            assertThat(snapshot.critic().shape()).isEqualTo(shown.x0().shape());
            assertThat(snapshot.critic()).isNotEqualTo(snapshot.teacher());
        }
    }

    @Test
    void withoutSnapshotsTheRecorderHearsNothing() {
        stage.ready(1);
        stage.tellCycle(0);
        stage.tellCycle(1);
        stage.generator.receiveSeveralMessages(2);

        stage.recorder.expectNoMessage(Duration.ofMillis(20));
    }

    @Test
    void batchesThatComeBeforeTheNetworkIsLoadedAreNotLost() {
        CriticMessage.BeginPhase begin = stage.begin(1, 1, SmallRun.RECIPE, 0);
        stage.critic.tell(begin);
        stage.tellCycle(0);

        stage.expectReady(1, 1);
        stage.generator.expectMessage(stage.plain(1, 1).get(0));
    }
}
