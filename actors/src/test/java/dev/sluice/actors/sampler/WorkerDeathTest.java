package dev.sluice.actors.sampler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.GenerationReply.Reason;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SupervisorMessage.RoleFailed;
import dev.sluice.protocol.message.SupervisorMessage.RoleReady;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The worker dies in an evaluation; the controller brings another one up on what was served last. */
class WorkerDeathTest {
    private static ActorTestKit kit;

    /** Makes the expert of phase 1 throw at everything that is asked of it for class 2. */
    private final AtomicBoolean broken = new AtomicBoolean();

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
    void serve() {
        bench = Bench.serving(kit, Bench.SETTINGS);
        expert = bench.expert(1, (x, t, label) -> {
            if (broken.get() && label == 2) {
                throw new IllegalStateException("CUDA error: an illegal memory access");
            }
            return 0.5f * x;
        });
        bench.swapIn(1, expert);
    }

    @AfterEach
    void nothingIsLeftOpen() {
        bench.stop();
    }

    @Test
    void theBatchIsRefusedWithTheCauseAndTheQueueIsServedAfterwards() {
        broken.set(true);
        bench.occupy("dies", 2, 1);
        bench.ask("waits", 0, 2);
        bench.status();
        int opened = bench.networks.opened.get();
        bench.networks.openGate();

        assertThat(bench.expectRefused("dies", Reason.FAILED))
                .isEqualTo("the sampler broke: CUDA error: an illegal memory access");
        bench.expectSamples("waits", bench.plan(expert), 0, 2);
        assertThat(bench.status().modelVersion()).isEqualTo("toy@phase-1+teacher");
        assertThat(bench.networks.open())
                .as("what the dead worker had open was closed")
                .isEqualTo(2);
        assertThat(bench.networks.opened.get()).isGreaterThan(opened);
        bench.supervisor.expectNoMessage(Duration.ofMillis(50));
    }

    @Test
    void aSwapUnderWayIsRefusedAndCanBeAskedForAgain() {
        ExpertRef second = bench.expert(2);
        broken.set(true);
        bench.occupy("dies", 2, 1);
        bench.orderSwap(2, second);
        bench.status();
        bench.networks.openGate();

        assertThat(bench.expectSwapRefused(2))
                .isEqualTo("the sampler's worker died meanwhile: CUDA error: an illegal memory access");
        bench.swapIn(2, second);
        bench.expectRefused("dies", Reason.FAILED);
    }

    @Test
    void aCrashLoopEndsInAFailureThatNamesItsCauseAndAnotherServeBeginsAfresh() {
        broken.set(true);
        bench.networks.delete(expert);
        bench.occupy("dies", 2, 1);
        bench.ask("waits", 0, 2);
        bench.status();
        bench.networks.openGate();

        bench.expect(new RoleFailed(
                1,
                Role.SAMPLER,
                "/store/phase-1.pt: not the file that phase-1 names (after 2 restarts)",
                bench.sampler));
        bench.expectRefused("dies", Reason.FAILED);
        assertThat(bench.expectRefused("waits", Reason.FAILED)).contains("the sampler gave up: /store/phase-1.pt");
        assertThat(bench.status().ready()).isFalse();
        bench.ask("refused", 0, 1);
        assertThat(bench.expectRefused("refused", Reason.NOT_READY)).contains("it gave up: /store/phase-1.pt");
        assertThat(bench.networks.open()).isZero();

        bench.sampler.tell(bench.serve(2));
        bench.expect(new RoleReady(2, Role.SAMPLER, 0, bench.sampler));
        bench.ask("served", 0, 1);
        bench.expectSamples("served", bench.plan(), 0, 1);
    }

    @Test
    void deathsWithServedBatchesBetweenThemAreNoCrashLoop() {
        broken.set(true);
        for (int i = 0; i < 5; i++) {
            bench.ask("dies", 2, 1);
            bench.expectRefused("dies", Reason.FAILED);
            await().atMost(Duration.ofSeconds(10)).until(() -> bench.status().ready());
            bench.ask("served", 0, i);
            bench.expectSamples("served", bench.plan(expert), 0, i);
        }
        bench.supervisor.expectNoMessage(Duration.ofMillis(50));
    }

    @Test
    void aWorkerThatStaysAtOneEvaluationIsReplacedAndNotHeardWhenItWakes() {
        bench.stop();
        bench = new Bench(kit, Bench.SETTINGS, Duration.ofSeconds(1)).serving();
        Semaphore wakes = new Semaphore(0); // a permit for every value of the batch
        ExpertRef first = bench.expert(1);
        // The last evaluation: when it comes back, its batch is done.
        ExpertRef last = bench.expert(2, (x, t, label) -> {
            if (label == 2) {
                wakes.acquireUninterruptibly();
            }
            return x;
        });
        bench.swapIn(1, first);
        bench.swapIn(2, last);

        bench.ask("stuck", 2, 1);
        assertThat(bench.expectRefused("stuck", Reason.FAILED))
                .isEqualTo("the sampler broke: its worker has been at one piece of work for 1 s");
        await().atMost(Duration.ofSeconds(10)).until(() -> bench.status().ready());
        bench.ask("served", 0, 1);
        bench.expectSamples("served", bench.plan(first, last), 0, 1);

        wakes.release(1000);
        await("the experts of both phases, of one worker")
                .atMost(Duration.ofSeconds(10))
                .until(() -> bench.networks.open() == 2);
        bench.ask("after", 0, 2);
        bench.expectSamples("after", bench.plan(first, last), 0, 2);
    }

    /** Long enough for a test to act in it. */
    private void serveWithABackOffOf(Duration delay, Duration workWithin) {
        bench.stop();
        SamplerSettings patient = new SamplerSettings(8, 4, Duration.ofMillis(1), List.of(1, 2, 4), 5, delay);
        bench = new Bench(kit, patient, workWithin).serving();
        expert = bench.expert(1, (x, t, label) -> {
            if (broken.get() && label == 2) {
                throw new IllegalStateException("CUDA error: an illegal memory access");
            }
            return 0.5f * x;
        });
        bench.swapIn(1, expert);
    }

    @Test
    void whoLeavesOrIsTooLateWhileThereIsNoWorkerTakesNobodyAlong() {
        serveWithABackOffOf(Duration.ofSeconds(2), Duration.ofSeconds(30));
        broken.set(true);
        bench.occupy("dies", 2, 1);
        bench.ask("leaves", 0, 2);
        bench.askWithin(500, "late", 0, 3);
        bench.ask("waits", 0, 4);
        bench.status();
        bench.networks.openGate();
        bench.expectRefused("dies", Reason.FAILED);

        bench.sampler.tell(new SamplerMessage.Cancel("leaves"));
        bench.sampler.tell(new SamplerMessage.Cancel("never was"));

        bench.expectRefused("leaves", Reason.CANCELLED);
        bench.expectRefused("late", Reason.DEADLINE);
        bench.expectSamples("waits", bench.plan(expert), 0, 4);
    }

    @Test
    void aCancelBeforeThereIsAnythingToServeIsNothing() {
        Bench idle = new Bench(kit, Bench.SETTINGS);
        idle.sampler.tell(new SamplerMessage.Cancel("a"));

        idle.serving();

        idle.stop();
    }

    @Test
    void aStuckWorkerThatWakesBeforeItsSuccessorIsStartedIsNotHeard() {
        serveWithABackOffOf(Duration.ofSeconds(2), Duration.ofSeconds(1));
        Semaphore wakes = new Semaphore(0);
        ExpertRef second = bench.expert(2, (x, t, label) -> {
            if (label == 2) {
                wakes.acquireUninterruptibly();
            }
            return x;
        });
        bench.swapIn(2, second);
        int before = bench.networks.evaluations.get();
        bench.ask("stuck", 2, 1);
        bench.awaitEvaluations(before + 3);
        bench.ask("waits", 0, 2);
        bench.expectRefused("stuck", Reason.FAILED);

        wakes.release(1000);

        await("it has ended").atMost(Duration.ofSeconds(10)).until(() -> bench.networks.open() == 0);
        assertThat(bench.status().ready()).isFalse();
        bench.expectSamples("waits", bench.plan(expert, second), 0, 2);
        bench.client.expectNoMessage(Duration.ofMillis(20));
    }

    @Test
    void anExpertThatIsStuckWhereItIsWarmedIsRefusedAndWhatServedIsServedAgain() {
        serveWithABackOffOf(Duration.ofMillis(1), Duration.ofSeconds(1));
        Semaphore wakes = new Semaphore(0);
        ExpertRef endless = bench.expert(2, (x, t, label) -> {
            wakes.acquireUninterruptibly();
            return x;
        });

        bench.orderSwap(2, endless);

        assertThat(bench.expectSwapRefused(2))
                .isEqualTo("the sampler's worker died meanwhile: its worker has been at one piece of work for 1 s");
        await().atMost(Duration.ofSeconds(10)).until(() -> bench.status().ready());
        bench.ask("served", 0, 1);
        bench.expectSamples("served", bench.plan(expert), 0, 1);
        wakes.release(1000);
    }

    @Test
    void whoeverWaitsIsAnsweredAtOnceWhenASamplerEndsWhoseWorkerIsStuck() {
        bench.occupy("stuck", 0, 1);
        bench.ask("waits", 0, 2);

        bench.sampler.tell(new SamplerMessage.Release());

        bench.expectRefused("stuck", Reason.NOT_READY);
        bench.expectRefused("waits", Reason.NOT_READY);
    }

    @Test
    void anExpertThatThereIsNoMemoryForIsRefusedAndTheProcessLives() {
        ExpertRef large = bench.expert(2, (x, t, label) -> {
            throw new OutOfMemoryError("Java heap space");
        });

        bench.orderSwap(2, large);

        assertThat(bench.expectSwapRefused(2)).isEqualTo("OutOfMemoryError: Java heap space");
        bench.ask("served", 0, 1);
        bench.expectSamples("served", bench.plan(expert), 0, 1);
    }

    @Test
    void aBatchThatThereIsNoMemoryForIsTheWorkersEndAndNotTheProcesss() {
        ExpertRef greedy = bench.expert(2, (x, t, label) -> {
            if (label == 2) {
                throw new OutOfMemoryError("Java heap space");
            }
            return x;
        });
        bench.swapIn(2, greedy);
        bench.ask("dies", 2, 1);

        assertThat(bench.expectRefused("dies", Reason.FAILED))
                .isEqualTo("the sampler broke: there is no memory for this batch (Java heap space)");
        await().atMost(Duration.ofSeconds(10)).until(() -> bench.status().ready());
        bench.ask("served", 0, 1);
        bench.expectSamples("served", bench.plan(expert, greedy), 0, 1);
    }

    @Test
    void samplesThatAreNotFiniteAreRefusedAndTheirNeighboursServed() {
        ExpertRef half = bench.expert(1, (x, t, label) -> label == 1 ? Float.NaN : x);
        bench.swapIn(1, half);
        bench.occupy("first", 0, 1);
        bench.ask("bad", 1, 2);
        bench.ask("good", 0, 3);
        bench.networks.openGate();

        bench.expectSamples("first", bench.plan(half), 0, 1);
        assertThat(bench.expectRefused("bad", Reason.FAILED))
                .isEqualTo("toy@phase-1+teacher made values that are not finite");
        bench.expectSamples("good", bench.plan(half), 0, 3);
    }
}
