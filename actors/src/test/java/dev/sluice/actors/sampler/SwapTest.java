package dev.sluice.actors.sampler;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.GenerationReply;
import dev.sluice.protocol.message.GenerationReply.Generated;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SupervisorMessage.SwapDone;
import dev.sluice.runtime.sampling.MixturePlan;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.ManualTime;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Finished experts are swapped in beside the one that serves, and no request fails because of it (docs/guarantees.md:
 * swap-never-fails, bad-expert-refused, teacher-fills-in).
 */
class SwapTest {
    private static ActorTestKit kit;

    private Bench bench;

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create();
    }

    @AfterAll
    static void shutDown() {
        kit.shutdownTestKit();
    }

    @BeforeEach
    void serve() {
        bench = Bench.serving(kit, Bench.SETTINGS);
    }

    @AfterEach
    void nothingIsLeftOpen() {
        bench.stop();
    }

    @Test
    void everySwapLowersTheNfeAndTheLastClosesTheTeacher() {
        ExpertRef first = bench.expert(1);
        ExpertRef second = bench.expert(2);
        bench.swapIn(1, first);
        bench.ask("a", 1, 5);
        assertThat(bench.expectSamples("a", bench.plan(first), 1, 5).nfe()).isEqualTo(2 + 2 * 2);
        assertThat(bench.status().experts()).containsExactly(first, bench.teacher);

        bench.swapIn(2, second);
        bench.ask("b", 1, 5);
        Generated made = bench.expectSamples("b", bench.plan(first, second), 1, 5);

        assertThat(made.nfe()).isEqualTo(3);
        assertThat(made.modelVersion()).isEqualTo("toy@phase-1+phase-2");
        assertThat(bench.networks.open()).as("the teacher is closed").isEqualTo(2);
    }

    @Test
    void aBatchEndsOnTheExpertsThatItBeganWith() {
        ExpertRef first = bench.expert(1);
        bench.occupy("before", 0, 1);
        bench.ask("waiting", 0, 2);
        bench.orderSwap(1, first);
        bench.networks.permit(Bench.TEACHER_STEPS - 1);
        bench.supervisor.expectNoMessage();
        assertThat(bench.status().modelVersion())
                .as("the swap waits for the batch")
                .isEqualTo("toy@teacher");
        bench.networks.openGate();

        bench.expectSamples("before", bench.plan(), 0, 1);
        bench.supervisor.expectMessageClass(SwapDone.class);
        assertThat(bench.client.expectMessageClass(Generated.class).modelVersion())
                .as("whoever waited meanwhile has either")
                .isIn("toy@teacher", "toy@phase-1+teacher");
        bench.ask("after", 0, 1);
        bench.expectSamples("after", bench.plan(first), 0, 1);
    }

    @Test
    void theSameSeedGivesTheSameBytesAfterASwapAwayAndBack() {
        ExpertRef first = bench.expert(1);
        ExpertRef other = bench.expert(1, (x, t, label) -> -x);
        bench.swapIn(1, first);
        bench.ask("a", 1, 5);
        Tensor before = bench.expectSamples("a", bench.plan(first), 1, 5).samples();
        bench.swapIn(1, other);
        bench.ask("b", 1, 5);
        assertThat(bench.expectSamples("b", bench.plan(other), 1, 5).samples()).isNotEqualTo(before);
        bench.swapIn(1, first);
        bench.ask("c", 1, 5);

        assertThat(bench.expectSamples("c", bench.plan(first), 1, 5).samples()).isEqualTo(before);
    }

    @Test
    void anExpertThatServesAlreadyIsSwappedInAgainForNothing() {
        ExpertRef first = bench.expert(1);
        bench.swapIn(1, first);
        int opened = bench.networks.opened.get();

        bench.orderSwap(1, first);

        bench.expect(new SwapDone(1, first, 0, bench.sampler));
        assertThat(bench.networks.opened).hasValue(opened);
    }

    @Test
    void aRepeatedOrderIsDoneTwiceAndLoadedOnce() {
        ExpertRef first = bench.expert(1);
        bench.networks.closeGate();
        int opened = bench.networks.opened.get();
        bench.orderSwap(1, first);
        bench.orderSwap(1, first);
        bench.networks.openGate();

        assertThat(bench.supervisor.expectMessageClass(SwapDone.class).expert()).isEqualTo(first);
        bench.expect(new SwapDone(1, first, 0, bench.sampler));
        assertThat(bench.networks.opened).hasValue(opened + 1);
    }

    @Test
    void whatCannotServeIsRefusedAndTheOldGoesOn() {
        ExpertRef first = bench.expert(1);
        bench.swapIn(1, first);
        MixturePlan before = bench.plan(first);

        ExpertRef torn = bench.expert(2);
        bench.networks.delete(torn);
        bench.orderSwap(2, torn);
        assertThat(bench.expectSwapRefused(2)).isEqualTo("/store/phase-2.pt: not the file that phase-2 names");

        ExpertRef mislabelled = bench.networks.file("phase-2", bench.cardOf(1), (x, t, label) -> x);
        bench.orderSwap(2, mislabelled);
        assertThat(bench.expectSwapRefused(2)).contains("says that it is the expert of phase 1");

        ExpertRef exploded = bench.expert(2, (x, t, label) -> Float.NaN);
        bench.orderSwap(2, exploded);
        assertThat(bench.expectSwapRefused(2)).contains("values that are not finite");

        bench.orderSwap(3, first);
        assertThat(bench.expectSwapRefused(3)).contains("there is no phase 3");

        assertThat(bench.status().modelVersion()).isEqualTo(before.version());
        bench.ask("a", 2, 7);
        bench.expectSamples("a", before, 2, 7);
        assertThat(bench.networks.open()).isEqualTo(2);
    }

    @Test
    void aPhaseIsNotSwappedInBeforeTheOneAboveIt() {
        bench.orderSwap(2, bench.expert(2));

        assertThat(bench.expectSwapRefused(2))
                .isEqualTo("phase 2 cannot be swapped in before phase 1, which has no expert yet");
    }

    @Test
    void anExpertThatThrowsOnNoiseIsRefusedAndTheWorkerLives() {
        bench.orderSwap(1, bench.expert(1, (x, t, label) -> {
            throw new IllegalStateException("mat1 and mat2 shapes cannot be multiplied\n<stack>");
        }));

        assertThat(bench.expectSwapRefused(1))
                .isEqualTo("phase-1 (/store/phase-1.pt) cannot be evaluated on a batch of 1 at t = 1.0 without a class"
                        + " (label 3): mat1 and mat2 shapes cannot be multiplied");
        bench.ask("a", 0, 1);
        bench.expectSamples("a", bench.plan(), 0, 1);
    }

    @Test
    void aWorkerThatRefusedAnExpertIsNotTakenForStuckAfterwards() {
        ActorTestKit manual = ActorTestKit.create(ManualTime.config());
        try {
            Bench idle = Bench.serving(manual, Bench.SETTINGS);
            idle.orderSwap(1, idle.expert(1, (x, t, label) -> {
                throw new IllegalStateException("not on noise");
            }));
            idle.expectSwapRefused(1);

            ManualTime.get(manual.system()).timePasses(Duration.ofMinutes(2));

            Awaitility.await().during(Duration.ofMillis(300)).until(() -> idle.status()
                    .ready());
            idle.stop();
        } finally {
            manual.shutdownTestKit();
        }
    }

    @Test
    void duringAHundredSwapsNoRequestFailsAndNothingLeaks() {
        Map<String, Tensor> rightByVersion = new HashMap<>();
        ExpertRef[] experts = new ExpertRef[3];
        for (int i = 0; i < experts.length; i++) {
            int shift = i;
            experts[i] = bench.networks.file("expert-" + i, bench.cardOf(1), (x, t, label) -> x + shift);
            MixturePlan plan = bench.plan(experts[i]);
            rightByVersion.put(plan.version(), bench.samples(plan, 1, 42));
        }
        rightByVersion.put("toy@teacher", bench.samples(bench.plan(), 1, 42));
        TestProbe<GenerationReply> clients = kit.createTestProbe();
        Set<String> seen = new HashSet<>();
        int sent = 0;
        for (int swap = 0; swap < 100; swap++) {
            bench.orderSwap(1, experts[swap % experts.length]);
            for (int i = 0; i < 3; i++) {
                bench.sampler.tell(
                        new SamplerMessage.Generate("r" + sent++, List.of(42L), 1, 20_000, clients.getRef()));
            }
            for (int i = 0; i < 3; i++) {
                Generated made = clients.expectMessageClass(Generated.class);
                assertThat(made.samples()).isEqualTo(rightByVersion.get(made.modelVersion()));
                seen.add(made.modelVersion());
            }
            bench.supervisor.expectMessageClass(SwapDone.class);
            // The old one is closed when the new one is in charge, and said to be.
            Awaitility.await("the teacher and one expert").until(() -> bench.networks.open() == 2);
        }
        assertThat(seen).hasSizeGreaterThan(2);
    }
}
