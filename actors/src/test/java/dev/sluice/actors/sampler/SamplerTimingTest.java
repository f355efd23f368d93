package dev.sluice.actors.sampler;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.message.GenerationReply.Generated;
import dev.sluice.protocol.message.GenerationReply.Reason;
import java.time.Duration;
import java.util.List;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.ManualTime;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What happens when, with a clock that the test turns. */
class SamplerTimingTest {
    private static final SamplerSettings SETTINGS =
            new SamplerSettings(3, 4, Duration.ofMillis(10), List.of(1, 2, 4), 2, Duration.ofMillis(100));

    private static ActorTestKit kit;
    private static ManualTime time;

    private Bench bench;

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create(ManualTime.config());
        time = ManualTime.get(kit.system());
    }

    @AfterAll
    static void shutDown() {
        kit.shutdownTestKit();
    }

    @BeforeEach
    void serve() {
        bench = Bench.serving(kit, SETTINGS);
    }

    @AfterEach
    void nothingIsLeftOpen() {
        bench.stop();
    }

    @Test
    void aRequestWaitsForOthersButNoLongerThanMaxWait() {
        bench.ask("a", 0, 1);
        assertThat(bench.status().queued()).isEqualTo(1);
        time.timePasses(Duration.ofMillis(6));
        bench.ask("b", 1, 2);
        assertThat(bench.status().queued()).as("the wait is the oldest one's").isEqualTo(2);
        time.timePasses(Duration.ofMillis(4));

        assertThat(bench.expectSamples("a", bench.plan(), 0, 1).batchSize()).isEqualTo(2);
        assertThat(bench.expectSamples("b", bench.plan(), 1, 2).batchSize()).isEqualTo(2);
    }

    @Test
    void aFullBatchDoesNotWait() {
        bench.ask("a", 0, 1, 2);
        bench.ask("b", 0, 3, 4);

        assertThat(bench.expectSamples("a", bench.plan(), 0, 1, 2).batchSize()).isEqualTo(4);
        bench.expectSamples("b", bench.plan(), 0, 3, 4);
    }

    @Test
    void pastItsDeadlineAWaitingRequestIsRefused() {
        occupy("computed");
        bench.askWithin(50, "late", 0, 1);
        assertThat(bench.status().queued()).isEqualTo(1);
        time.timePasses(Duration.ofMillis(50));

        assertThat(bench.expectRefused("late", Reason.DEADLINE))
                .isEqualTo("the deadline passed before the samples were done");
        assertThat(bench.status().queued()).isZero();
    }

    @Test
    void pastItsDeadlineABatchUnderWayIsRefusedAndAbandoned() {
        bench.networks.closeGate();
        int before = bench.networks.evaluations.get();
        bench.askWithin(50, "late", 0, 1, 2, 3, 4);
        bench.awaitEvaluations(before + 1);
        time.timePasses(Duration.ofMillis(50));
        bench.expectRefused("late", Reason.DEADLINE);
        bench.ask("next", 0, 1, 2, 3, 5);
        bench.status();
        bench.networks.openGate();

        bench.expectSamples("next", bench.plan(), 0, 1, 2, 3, 5);
        assertThat(bench.networks.evaluations.get() - before)
                .as("of the late batch the one it was in, of the next 4, and 16 by the test itself")
                .isEqualTo(1 + 4 + 16);
    }

    @Test
    void waitingAndComputingAreToldApart() {
        occupy("computed");
        bench.ask("waits", 0, 7);
        bench.status();
        bench.clock.addAndGet(3_000_000);
        bench.networks.permit(Bench.TEACHER_STEPS);
        bench.expectSamplesWhileGated("computed");
        // Answered when the next batch has begun.
        bench.status();
        bench.clock.addAndGet(5_000_000);
        bench.networks.openGate();

        Generated made = bench.expectSamples("waits", bench.plan(), 0, 7);
        assertThat(made.queueMillis()).isEqualTo(3);
        assertThat(made.computeMillis()).isEqualTo(5);
    }

    @Test
    void anAnswerInTimeIsTheOnlyAnswer() {
        bench.askWithin(50, "a", 0, 1, 2, 3, 4);
        bench.expectSamples("a", bench.plan(), 0, 1, 2, 3, 4);

        time.timePasses(Duration.ofSeconds(10));

        bench.client.expectNoMessage(Duration.ZERO);
        assertThat(bench.status().queued()).isZero();
    }

    @Test
    void aRequestThatTakesTheNameOfAnotherLeavesItItsDeadline() {
        occupy("computed");
        bench.askWithin(50, "late", 0, 1);
        bench.ask("late", 0, 1);
        assertThat(bench.expectRefused("late", Reason.BAD_REQUEST)).contains("is being served already");
        time.timePasses(Duration.ofMillis(50));

        bench.expectRefused("late", Reason.DEADLINE);
    }

    private void occupy(String id) {
        bench.occupy(id, 0, 1, 2, 3, 4);
    }
}
