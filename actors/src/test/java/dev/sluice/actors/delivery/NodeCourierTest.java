package dev.sluice.actors.delivery;

import static dev.sluice.actors.delivery.Nodes.PATIENCE;
import static dev.sluice.actors.delivery.Nodes.batch;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.sluice.actors.delivery.Courier.Pressure;
import dev.sluice.actors.delivery.Nodes.Node;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.wire.FrameTooLargeException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.pekko.actor.testkit.typed.javadsl.LoggingTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Two nodes that stay: what arrives, how much is held meanwhile, and what the sender hears of what does not arrive. */
class NodeCourierTest {
    private static Node sender;
    private static Node receiver;

    @BeforeAll
    static void start() {
        sender = Nodes.start("");
        receiver = Nodes.start("");
    }

    @AfterAll
    static void stop() {
        sender.close();
        receiver.close();
    }

    @Test
    void inThisJvmTheMessageItselfIsTold() {
        TestProbe<CriticMessage> probe = receiver.kit().createTestProbe(CriticMessage.class);
        CriticMessage message = batch(1, 64 << 20);
        assertThat(receiver.courier().deliver(receiver.receiver(probe), message))
                .isEqualTo(Pressure.NONE);
        assertThat(probe.receiveMessage(PATIENCE)).isSameAs(message);
        assertThat(receiver.courier().deliver(probe.getRef(), message)).isEqualTo(Pressure.NONE);
        assertThat(probe.receiveMessage(PATIENCE)).isSameAs(message);
    }

    @Test
    void manyMessagesOfManySizesArriveOnceAndInOrder() {
        TestProbe<CriticMessage> probe = receiver.kit().createTestProbe(CriticMessage.class);
        ActorRef<CriticMessage> actor = sender.know(receiver, receiver.receiver(probe));
        for (int i = 0; i < 200; i++) {
            sender.courier().deliver(actor, batch(i, 4 * (i * i)));
            if (i % 20 == 19) {
                await().atMost(PATIENCE).until(() -> sender.courier().outgoingBytes() < 4 << 20);
            }
        }
        for (int i = 0; i < 200; i++) {
            assertThat(probe.receiveMessage(PATIENCE)).isEqualTo(batch(i, 4 * (i * i)));
        }
        await().atMost(PATIENCE).until(() -> sender.courier().outgoingBytes() == 0);
        await().atMost(PATIENCE).until(() -> receiver.courier().incomingBytes() == 0);
        probe.expectNoMessage(Duration.ofMillis(100));
    }

    @Test
    void aMessageAboveEveryFrameArrives() {
        TestProbe<CriticMessage> probe = receiver.kit().createTestProbe(CriticMessage.class);
        ActorRef<CriticMessage> actor = sender.know(receiver, receiver.receiver(probe));
        CriticMessage message = batch(1, (8 << 20) - 4096);
        sender.courier().deliver(actor, message);
        assertThat(probe.receiveMessage(PATIENCE)).isEqualTo(message);
    }

    @Test
    void aMessageAboveTheLimitIsRefusedWhereItIsHandedOver() {
        TestProbe<CriticMessage> probe = receiver.kit().createTestProbe(CriticMessage.class);
        ActorRef<CriticMessage> actor = sender.know(receiver, receiver.receiver(probe));
        assertThatThrownBy(() -> sender.courier().deliver(actor, batch(1, 8 << 20)))
                .isInstanceOf(FrameTooLargeException.class)
                .hasMessageStartingWith("CriticMessage.Samples takes 83")
                .hasMessageContaining("the limit sluice.wire.max-message is 8388608: send smaller batches");
        sender.courier().deliver(actor, batch(2, 8));
        assertThat(probe.receiveMessage(PATIENCE)).isEqualTo(batch(2, 8));
    }

    @Test
    void whatMayNotLeaveTheJvmIsRefusedWhereItIsHandedOver() {
        record Secret() implements CriticMessage.Local {}
        TestProbe<CriticMessage> probe = receiver.kit().createTestProbe(CriticMessage.class);
        ActorRef<CriticMessage> actor = sender.know(receiver, receiver.receiver(probe));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> sender.courier().deliver(actor, new Secret()))
                .withMessageContaining("is a Local message, which never leaves the JVM");
    }

    @Test
    void aProducerTenTimesFasterThanItsConsumerHoldsWhatItMayAndLosesNothing() throws Exception {
        int count = 60;
        int bytes = 500_000;
        List<Integer> handled = new ArrayList<>();
        CountDownLatch done = new CountDownLatch(count);
        AtomicLong worstIn = new AtomicLong();
        CountDownLatch pace = new CountDownLatch(1);
        ActorRef<CriticMessage> slow = receiver.receiver(
                Behaviors.receiveMessage(message -> {
                    // Ten times what a message takes to be sent.
                    pace.await(10, TimeUnit.MILLISECONDS);
                    worstIn.accumulateAndGet(receiver.courier().incomingBytes(), Math::max);
                    handled.add(((CriticMessage.Samples) message).cycle());
                    done.countDown();
                    return Behaviors.same();
                }),
                DispatcherSelector.blocking());
        ActorRef<CriticMessage> actor = sender.know(receiver, slow);
        TestProbe<CriticMessage> probe = receiver.kit().createTestProbe(CriticMessage.class);
        ActorRef<CriticMessage> quick = sender.know(receiver, receiver.receiver(probe));

        long worstOut = 0;
        int high = 0;
        for (int i = 0; i < count; i++) {
            if (sender.courier().deliver(actor, batch(i, bytes)) == Pressure.HIGH) {
                high++;
                await().atMost(PATIENCE).until(() -> sender.courier().outgoingBytes() < 2 << 20);
            }
            worstOut = Math.max(worstOut, sender.courier().outgoingBytes());
        }
        sender.courier().deliver(quick, batch(7, 8));
        assertThat(probe.receiveMessage(PATIENCE))
                .as("another actor is not held up")
                .isEqualTo(batch(7, 8));

        assertThat(done.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(handled).hasSize(count).isSorted().doesNotHaveDuplicates();
        assertThat(high).as("the sender was told to slow down").isPositive();
        assertThat(worstOut).as("half of the queue and one").isLessThanOrEqualTo((4 << 20) + bytes + 1000);
        // Two in the mailbox fill the window; a third is being read only once the sender knows that one was handled.
        assertThat(worstIn.get()).isPositive().isLessThanOrEqualTo((1 << 20) + bytes + 1000);
    }

    @Test
    void whoIgnoresThePressureGetsAnErrorAndWhatWasTakenStillArrives() throws Exception {
        CountDownLatch open = new CountDownLatch(1);
        AtomicInteger handled = new AtomicInteger();
        ActorRef<CriticMessage> stuck = receiver.receiver(
                Behaviors.receiveMessage(message -> {
                    open.await();
                    handled.incrementAndGet();
                    return Behaviors.same();
                }),
                DispatcherSelector.blocking());
        try (Node eager = Nodes.start(Nodes.GIVES_UP_SOON)) {
            connect(eager);
            TestProbe<Undeliverable> lost = eager.kit().createTestProbe(Undeliverable.class);
            Courier courier = eager.courier().reportingTo(lost.getRef());
            ActorRef<CriticMessage> actor = eager.know(receiver, stuck);
            try {
                for (int i = 0; i < 8; i++) {
                    courier.deliver(actor, batch(i, 1_000_000));
                }
                assertThatThrownBy(() -> courier.deliver(actor, batch(8, 1_000_000)))
                        .isInstanceOf(QueueFullException.class)
                        .hasMessageStartingWith("CriticMessage.Samples of 10000")
                        .hasMessageContaining("was not taken: 8000")
                        .hasMessageContaining("the limit sluice.delivery.queue is 8388608; make the batches smaller");
                // Longer than give-up-after: an actor that works is not a node that is gone.
                lost.expectNoMessage(Duration.ofMillis(3500));
            } finally {
                open.countDown();
            }
            await().atMost(PATIENCE)
                    .until(() -> handled.get() == 8 && eager.courier().outgoingBytes() == 0);
        }
    }

    /** Until a message has got through: the first ones may be given up while the nodes still find each other. */
    private static void connect(Node node) {
        AtomicInteger arrived = new AtomicInteger();
        ActorRef<CriticMessage> actor = node.know(receiver, receiver.receiver(Behaviors.receiveMessage(message -> {
            arrived.incrementAndGet();
            return Behaviors.same();
        })));
        await().atMost(PATIENCE).until(() -> {
            node.courier().deliver(actor, batch(0, 8));
            return arrived.get() > 0;
        });
        await().atMost(PATIENCE).until(() -> node.courier().outgoingBytes() == 0);
    }

    @Test
    void whatAnActorDidNotHandleBeforeItsEndIsReported() {
        CountDownLatch first = new CountDownLatch(1);
        ActorRef<CriticMessage> dying = receiver.receiver(
                Behaviors.receiveMessage(message -> {
                    first.await();
                    throw new IllegalStateException("it dies of its first message");
                }),
                DispatcherSelector.blocking());
        ActorRef<CriticMessage> actor = sender.know(receiver, dying);
        TestProbe<Undeliverable> own = sender.kit().createTestProbe(Undeliverable.class);
        Courier courier = sender.courier().reportingTo(own.getRef());
        LoggingTestKit.warn("Not delivered: 3 messages of [CriticMessage.Samples]")
                .expect(sender.kit().system(), () -> {
                    for (int i = 0; i < 3; i++) {
                        courier.deliver(actor, batch(i, 100));
                    }
                    await().atMost(PATIENCE).until(() -> receiver.courier().incomingBytes() > 300);
                    first.countDown();
                    return null;
                });
        for (int i = 0; i < 3; i++) {
            assertThat(own.receiveMessage(PATIENCE))
                    .isEqualTo(new Undeliverable(
                            actor, "CriticMessage.Samples", "the actor has ended, or takes no deliveries"));
        }
        courier.deliver(actor, batch(3, 100));
        assertThat(own.receiveMessage(PATIENCE).receiver()).isEqualTo(actor);
        sender.lost().expectNoMessage(Duration.ofMillis(50));
        assertThat(sender.courier().outgoingBytes()).isZero();
        assertThat(receiver.courier().incomingBytes()).isZero();
    }

    @Test
    void anActorThatTakesNoDeliveriesIsReported() {
        TestProbe<CriticMessage> probe = receiver.kit().createTestProbe(CriticMessage.class);
        ActorRef<CriticMessage> plain = sender.know(receiver, probe.getRef());
        sender.courier().deliver(plain, batch(1, 8));
        assertThat(sender.lost().receiveMessage(PATIENCE).cause())
                .isEqualTo("the actor has ended, or takes no deliveries");
    }

    @Test
    void anActorThatItsSupervisionStartsAgainInPlaceGoesOn() {
        TestProbe<CriticMessage> probe = receiver.kit().createTestProbe(CriticMessage.class);
        ActorRef<CriticMessage> actor = sender.know(
                receiver,
                receiver.receiver(Behaviors.<CriticMessage>supervise(Behaviors.receiveMessage(message -> {
                            if (((CriticMessage.Samples) message).cycle() == 1) {
                                throw new IllegalStateException("it fails on the second");
                            }
                            probe.getRef().tell(message);
                            return Behaviors.same();
                        }))
                        .onFailure(org.apache.pekko.actor.typed.SupervisorStrategy.restart())));
        for (int i = 0; i < 3; i++) {
            sender.courier().deliver(actor, batch(i, 8));
        }
        assertThat(probe.receiveMessage(PATIENCE)).isEqualTo(batch(0, 8));
        assertThat(probe.receiveMessage(PATIENCE)).isEqualTo(batch(2, 8));
        await().atMost(PATIENCE).until(() -> sender.courier().outgoingBytes() == 0);
    }
}
