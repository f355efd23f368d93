package dev.sluice.actors.sampler;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SupervisorMessage.RoleFailed;
import java.time.Duration;
import java.util.Optional;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A run is submitted again under its name, with the same teacher and the same plan: nothing of the one is the other's. */
class TwoRunsOfOneNameTest {
    private static ActorTestKit kit;

    private Bench bench;
    private ExpertRef expert;

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create();
    }

    @AfterAll
    static void shutDown() {
        kit.shutdownTestKit();
    }

    @BeforeEach
    void serveTheOlder() {
        bench = Bench.serving(kit, Bench.SETTINGS);
        expert = bench.expert(1);
        bench.swapIn(1, expert);
    }

    @AfterEach
    void nothingIsLeftOpen() {
        bench.stop();
    }

    private SamplerMessage.Serve orderOfTheNewer(int epoch) {
        SamplerMessage.Serve order = bench.serve(epoch);
        return new SamplerMessage.Serve(
                order.epoch(),
                new ModelCard("toy", Optional.of("newer"), Bench.MODEL.sampleShape(), Bench.CLASSES),
                order.plan(),
                order.schedule(),
                order.teacher(),
                order.teacherSteps(),
                order.guidance(),
                order.supervisor(),
                order.recorder());
    }

    @Test
    void anotherRunIsRefusedWhateverItsEpochAndTheFirstGoesOn() {
        for (int epoch : new int[] {0, 1, 7}) {
            bench.sampler.tell(orderOfTheNewer(epoch));
            bench.expect(new RoleFailed(
                    epoch,
                    Role.SAMPLER,
                    "it serves toy@phase-1+teacher and one sampler serves one model; start another for"
                            + " toy:newer@teacher",
                    bench.sampler));
        }

        bench.ask("a", 0, 1);
        bench.expectSamples("a", bench.plan(expert), 0, 1);
    }

    @Test
    void theOlderIsNotToBeHadAnyMoreAndAnswersAsItselfWhoeverIsThereOrOnTheWay() {
        bench.occupy("there", 0, 1);
        bench.ask("waits", 0, 2);

        bench.sampler.tell(new Sampler.Retire());

        assertThat(bench.status().card()).isEmpty();
        assertThat(bench.status().ready()).isFalse();
        bench.ask("on the way", 0, 3);
        bench.orderSwap(2, bench.expert(2));
        assertThat(bench.expectSwapRefused(2)).contains("a newer run is served under its name");
        bench.networks.openGate();
        bench.expectSamplesWhileGated("there");
        bench.expectSamples("waits", bench.plan(expert), 0, 2);
        bench.expectSamples("on the way", bench.plan(expert), 0, 3);
        TestProbe<Object> death = kit.createTestProbe();
        death.expectTerminated(bench.sampler, Sampler.RETIRES_AFTER.plus(Duration.ofSeconds(20)));
    }

    @Test
    void oneThatDoesNotServeEndsAtOnce() {
        Bench idle = new Bench(kit, Bench.SETTINGS);

        idle.sampler.tell(new Sampler.Retire());

        TestProbe<Object> death = kit.createTestProbe();
        death.expectTerminated(idle.sampler, Duration.ofSeconds(10));
    }
}
