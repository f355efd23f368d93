package dev.sluice.actors.teacher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.delivery.Undeliverable;
import dev.sluice.actors.fake.LinearNetworks;
import dev.sluice.actors.fake.LinearNetworks.Operation;
import dev.sluice.actors.fake.SmallRun;
import dev.sluice.actors.workbench.Workplace;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.CriticMessage.ScoredSamples;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.protocol.message.TeacherMessage;
import dev.sluice.runtime.network.Guidance;
import dev.sluice.runtime.network.Network;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.FishingOutcomes;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class FrozenTeacherTest {
    private static ActorTestKit kit;

    private final LinearNetworks networks = new LinearNetworks();
    private final ExpertRef file = networks.file("teacher", SmallRun.CARD, 0.5, -0.25, 0.125);
    private final TestProbe<SupervisorMessage> supervisor = kit.createTestProbe();
    private final TestProbe<CriticMessage> critic = kit.createTestProbe();
    private ActorRef<TeacherMessage> teacher;

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create(SmallRun.config());
    }

    @AfterAll
    static void shutDown() {
        kit.shutdownTestKit();
    }

    @BeforeEach
    void spawn() {
        teacher = kit.spawn(FrozenTeacher.create(SmallRun.place(networks, SmallRun.WORK_WITHIN)));
    }

    @AfterEach
    void nothingIsLeftOpen() {
        networks.mend();
        kit.stop(teacher, Duration.ofSeconds(10));
        assertThat(networks.left()).as("networks left open").isZero();
    }

    private void load(int epoch) {
        teacher.tell(new TeacherMessage.Load(epoch, file, supervisor.getRef()));
    }

    private void expectReady(int epoch) {
        supervisor.expectMessage(new SupervisorMessage.RoleReady(epoch, Role.TEACHER, 0, teacher));
    }

    private void ready(int epoch) {
        load(epoch);
        expectReady(epoch);
    }

    private String expectFailed(int epoch) {
        SupervisorMessage.RoleFailed failed = supervisor.expectMessageClass(SupervisorMessage.RoleFailed.class);
        assertThat(failed.epoch()).isEqualTo(epoch);
        assertThat(failed.role()).isEqualTo(Role.TEACHER);
        return failed.cause();
    }

    /** A batch that no other cycle has. */
    private static NoisySamples batch(int cycle, long... labels) {
        float[] values = new float[2 * labels.length];
        double[] times = new double[labels.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) Math.cos(cycle + 0.3 * i);
            times[i / 2] = 0.55 + 0.1 * (i / 2);
        }
        Tensor x = Tensor.of(values, labels.length, 2);
        return new NoisySamples(x, x, x, Tensor.of(times, labels.length), Tensor.of(labels, labels.length));
    }

    private void score(int epoch, int cycle, double guidance, NoisySamples noisy) {
        teacher.tell(new TeacherMessage.Score(epoch, 1, cycle, guidance, noisy, critic.getRef(), supervisor.getRef()));
    }

    private Tensor velocity(double guidance, NoisySamples noisy) {
        try (Network network = networks.open(file)) {
            return Guidance.velocity(network, guidance, noisy.xT(), noisy.t(), noisy.labels());
        }
    }

    @Test
    void aBatchGoesOnToTheCriticWithTheGuidedVelocity() {
        ready(1);
        NoisySamples noisy = batch(0, 0, 1, 1);

        score(1, 0, 3, noisy);

        Tensor guided = velocity(3, noisy);
        critic.expectMessage(new ScoredSamples(1, 1, 0, noisy, guided));
        assertThat(guided).isNotEqualTo(velocity(1, noisy));
    }

    @Test
    void withoutGuidanceTheVelocityIsTheNetworksOwn() {
        ready(1);
        NoisySamples noisy = batch(0, 0, 1, 1);

        score(1, 0, 1, noisy);

        ScoredSamples scored = critic.expectMessageClass(ScoredSamples.class);
        for (int i = 0; i < 6; i++) {
            double expected = 0.5 * noisy.xT().floatAt(i)
                    - 0.25 * noisy.t().doubleAt(i / 2)
                    + 0.125 * noisy.labels().longAt(i / 2);
            assertThat(scored.teacherVelocity().floatAt(i)).isEqualTo((float) expected);
        }
    }

    @Test
    void batchesThatComeWhileTheNetworkLoadsAreScoredInTheirOrder() {
        LinearNetworks.Hold hold = networks.holdAt(Operation.OPEN);
        load(1);
        hold.awaitStuck();
        for (int cycle = 0; cycle < 5; cycle++) {
            score(1, cycle, 1, batch(cycle, 0, 1, 1));
        }
        hold.letGo();

        expectReady(1);
        for (int cycle = 0; cycle < 5; cycle++) {
            assertThat(critic.expectMessageClass(ScoredSamples.class).cycle()).isEqualTo(cycle);
        }
    }

    @Test
    void eachBatchGoesToTheCriticThatItNames() {
        ready(1);
        TestProbe<CriticMessage> other = kit.createTestProbe();
        teacher.tell(new TeacherMessage.Score(1, 2, 7, 1, batch(7, 0), other.getRef(), supervisor.getRef()));

        ScoredSamples scored = other.expectMessageClass(ScoredSamples.class);
        assertThat(scored.phase()).isEqualTo(2);
        assertThat(scored.cycle()).isEqualTo(7);
        critic.expectNoMessage(Duration.ofMillis(20));
    }

    @Test
    void batchesOfAnotherEpochAreIgnored() {
        ready(2);
        score(1, 0, 1, batch(0, 0));
        score(3, 1, 1, batch(1, 0));
        score(2, 2, 1, batch(2, 0));

        assertThat(critic.expectMessageClass(ScoredSamples.class).cycle()).isEqualTo(2);
    }

    @Test
    void aBatchBeforeAnythingIsLoadedIsIgnored() {
        score(1, 0, 1, batch(0, 0));
        ready(1);
        score(1, 1, 1, batch(1, 0));

        assertThat(critic.expectMessageClass(ScoredSamples.class).cycle()).isEqualTo(1);
    }

    @Test
    void samplesOfAnotherShapeAreHeardAsAFailure() {
        ready(1);
        Tensor x = Tensor.of(new float[3], 1, 3);
        score(1, 0, 2, new NoisySamples(x, x, x, Tensor.of(new double[] {0.5}, 1), Tensor.of(new long[1], 1)));

        assertThat(expectFailed(1))
                .isEqualTo("it cannot score the batch of cycle 0: the network takes samples of shape [2]");
    }

    @Test
    void aClassThatTheTeacherDoesNotHaveIsHeardAsAFailure() {
        ready(1);
        score(1, 0, 2, batch(0, 0, 3));

        assertThat(expectFailed(1)).isEqualTo("it cannot score the batch of cycle 0: label 3 is no class");
    }

    @Test
    void aFileThatIsNotThereIsHeardAsAFailureThatNamesIt() {
        ExpertRef gone = new ExpertRef("teacher", "sha", 1, "/store/gone.pt");
        teacher.tell(new TeacherMessage.Load(1, gone, supervisor.getRef()));

        assertThat(expectFailed(1)).isEqualTo("/store/gone.pt: there is no such network file");
    }

    @Test
    void aBatchThatCannotBeScoredIsItsExperimentsFailureAlone() {
        ready(1);
        TestProbe<SupervisorMessage> neighbour = kit.createTestProbe();
        teacher.tell(new TeacherMessage.Load(5, file, neighbour.getRef()));
        neighbour.expectMessage(new SupervisorMessage.RoleReady(5, Role.TEACHER, 0, teacher));
        score(1, 0, 2, batch(0, 0, 3));
        teacher.tell(new TeacherMessage.Score(5, 1, 9, 1, batch(9, 0), critic.getRef(), neighbour.getRef()));

        assertThat(expectFailed(1)).contains("label 3 is no class");
        assertThat(critic.expectMessageClass(ScoredSamples.class).cycle()).isEqualTo(9);
        neighbour.expectNoMessage(Duration.ofMillis(20));
        assertThat(networks.left()).as("one network for both").isEqualTo(1);
    }

    @Test
    void theTeacherGoesWithTheLastOfItsExperiments() {
        ready(1);
        TestProbe<SupervisorMessage> neighbour = kit.createTestProbe();
        teacher.tell(new TeacherMessage.Load(5, file, neighbour.getRef()));
        neighbour.expectMessageClass(SupervisorMessage.RoleReady.class);

        neighbour.stop();
        score(1, 0, 1, batch(0, 0));
        critic.expectMessageClass(ScoredSamples.class);
        teacher.tell(new TeacherMessage.Release(supervisor.getRef()));

        supervisor.expectTerminated(teacher);
        awaitLeft(0);
    }

    @Test
    void anotherTeachersFileIsRefusedAndTheOneThatIsThereGoesOn() {
        ready(1);
        TestProbe<SupervisorMessage> neighbour = kit.createTestProbe();
        ExpertRef other = networks.file("other", SmallRun.CARD, 1, 1, 1);
        teacher.tell(new TeacherMessage.Load(5, other, neighbour.getRef()));

        assertThat(neighbour
                        .expectMessageClass(SupervisorMessage.RoleFailed.class)
                        .cause())
                .contains(file.sha256(), other.sha256());
        score(1, 0, 1, batch(0, 0));
        critic.expectMessageClass(ScoredSamples.class);
    }

    /** From now on a teacher whose worker is soon taken for stuck. */
    private void spawnImpatient() {
        teacher.tell(new TeacherMessage.Release(supervisor.getRef()));
        teacher = kit.spawn(FrozenTeacher.create(SmallRun.place(networks, Duration.ofSeconds(1))));
    }

    /** Another experiment with the same teacher. */
    private TestProbe<SupervisorMessage> neighbour(int epoch) {
        TestProbe<SupervisorMessage> neighbour = kit.createTestProbe();
        teacher.tell(new TeacherMessage.Load(epoch, file, neighbour.getRef()));
        neighbour.expectMessage(new SupervisorMessage.RoleReady(epoch, Role.TEACHER, 0, teacher));
        return neighbour;
    }

    private void score(int epoch, int cycle, TestProbe<SupervisorMessage> of) {
        teacher.tell(new TeacherMessage.Score(epoch, 1, cycle, 1, batch(cycle, 0), critic.getRef(), of.getRef()));
    }

    @Test
    void aBatchThatAWorkerIsStuckAtIsItsExperimentsFailureAloneAndTheOthersBatchesAreScored() {
        spawnImpatient();
        ready(1);
        TestProbe<SupervisorMessage> neighbour = neighbour(5);
        LinearNetworks.Hold hold = networks.holdAt(Operation.EVALUATE);
        score(1, 0, supervisor);
        score(5, 8, neighbour);
        score(5, 9, neighbour);
        hold.awaitStuck();
        networks.mend();

        assertThat(expectFailed(1)).isEqualTo("the batch of cycle 0: its worker has been at one piece of work for 1 s");
        assertThat(critic.expectMessageClass(ScoredSamples.class).cycle()).isEqualTo(8);
        assertThat(critic.expectMessageClass(ScoredSamples.class).cycle()).isEqualTo(9);
        neighbour.expectMessageClass(SupervisorMessage.RoleReady.class);
        neighbour.expectNoMessage(Duration.ofMillis(20));
        hold.letGo();
        awaitLeft(1);
    }

    @Test
    void aBatchThatKillsAWorkerIsItsExperimentsFailureAlone() {
        ready(1);
        TestProbe<SupervisorMessage> neighbour = neighbour(5);
        LinearNetworks.Hold hold = networks.holdAt(Operation.EVALUATE);
        score(5, 7, neighbour);
        hold.awaitStuck();
        networks.before(Operation.EVALUATE, () -> {
            networks.mend();
            throw new OutOfMemoryError("Java heap space");
        });
        score(1, 0, supervisor);
        score(5, 8, neighbour);
        hold.letGo();

        assertThat(critic.expectMessageClass(ScoredSamples.class).cycle()).isEqualTo(7);
        assertThat(expectFailed(1)).isEqualTo("the batch of cycle 0: it ran out of memory (Java heap space)");
        assertThat(critic.expectMessageClass(ScoredSamples.class).cycle()).isEqualTo(8);
        awaitLeft(1);
    }

    @Test
    void workersThatAreStuckAreNotReplacedForEver() {
        spawnImpatient();
        TestProbe<SupervisorMessage> innocent = neighbour(9);
        List<LinearNetworks.Hold> holds = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            TestProbe<SupervisorMessage> guilty = neighbour(1);
            LinearNetworks.Hold hold = networks.holdAt(Operation.EVALUATE);
            holds.add(hold);
            score(1, i, guilty);
            hold.awaitStuck();
            networks.mend();
            guilty.fishForMessage(
                    Duration.ofSeconds(10),
                    heard -> heard instanceof SupervisorMessage.RoleFailed
                            ? FishingOutcomes.complete()
                            : FishingOutcomes.continueAndIgnore());
        }

        innocent.fishForMessage(
                Duration.ofSeconds(10),
                heard -> heard instanceof SupervisorMessage.RoleFailed
                        ? FishingOutcomes.complete()
                        : FishingOutcomes.continueAndIgnore());
        holds.forEach(LinearNetworks.Hold::letGo);
        innocent.expectTerminated(teacher);
    }

    @Test
    void aLoadThatComesTwiceLosesNoBatchAndIsAnsweredTwice() {
        ready(1);
        LinearNetworks.Hold hold = networks.holdAt(Operation.EVALUATE);
        score(1, 0, 1, batch(0, 0));
        score(1, 1, 1, batch(1, 0));
        hold.awaitStuck();

        load(1);

        expectReady(1);
        hold.letGo();
        assertThat(critic.expectMessageClass(ScoredSamples.class).cycle()).isZero();
        assertThat(critic.expectMessageClass(ScoredSamples.class).cycle()).isEqualTo(1);
        assertThat(networks.left()).isEqualTo(1);
    }

    @Test
    void aLoadThatComesTwiceWhileTheNetworkLoadsIsAnsweredOnce() {
        LinearNetworks.Hold hold = networks.holdAt(Operation.OPEN);
        load(1);
        hold.awaitStuck();
        load(1);
        hold.letGo();

        expectReady(1);
        supervisor.expectNoMessage(Duration.ofMillis(20));
        assertThat(networks.left()).isEqualTo(1);
    }

    @Test
    void ordersOfAnOlderEpochAreIgnored() {
        ready(2);
        load(1);
        score(2, 0, 1, batch(0, 0));

        assertThat(critic.expectMessageClass(ScoredSamples.class).epoch()).isEqualTo(2);
        supervisor.expectNoMessage(Duration.ofMillis(20));
    }

    @Test
    void aSupervisorThatDiesTakesItsTeachersWorkWithIt() {
        ready(1);

        supervisor.stop();

        awaitLeft(0);
        score(1, 0, 1, batch(0, 0));
        critic.expectNoMessage(Duration.ofMillis(20));
    }

    private void awaitLeft(int left) {
        await().atMost(Duration.ofSeconds(10))
                .untilAsserted(() -> assertThat(networks.left()).isEqualTo(left));
    }

    @Test
    void aBatchThatCannotBeSentIsItsExperimentsFailureAndNotTheNextOnes() {
        teacher.tell(new TeacherMessage.Release(supervisor.getRef()));
        Workplace place = SmallRun.place(networks, SmallRun.WORK_WITHIN);
        Semaphore queued = new Semaphore(0);
        Courier refusing = new Courier() {
            @Override
            public <T> Pressure deliver(ActorRef<T> to, T message) {
                if (message instanceof ScoredSamples scored && scored.cycle() == 7) {
                    queued.acquireUninterruptibly();
                    throw new IllegalStateException("the message is too long");
                }
                to.tell(message);
                return Pressure.NONE;
            }

            @Override
            public <T> Behavior<T> intake(Class<T> type, Behavior<T> behavior) {
                return behavior;
            }

            @Override
            public Courier reportingTo(ActorRef<Undeliverable> listener) {
                return this;
            }
        };
        teacher = kit.spawn(
                FrozenTeacher.create(new Workplace(place.networks(), place.pinned(), place.workWithin(), refusing)));
        ready(1);
        TestProbe<SupervisorMessage> neighbour = neighbour(5);
        score(1, 7, supervisor);
        score(5, 8, neighbour);
        // Answered when both batches are with the worker.
        neighbour(6);
        queued.release();

        assertThat(expectFailed(1)).isEqualTo("the batch of cycle 7: the message is too long");
        assertThat(critic.expectMessageClass(ScoredSamples.class).cycle()).isEqualTo(8);
    }
}
