package dev.sluice.actors.delivery;

import static dev.sluice.actors.delivery.Nodes.PATIENCE;
import static dev.sluice.actors.delivery.Nodes.batch;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sluice.actors.delivery.Nodes.Node;
import dev.sluice.protocol.message.CourierMessage.Welcome;
import dev.sluice.protocol.message.CriticMessage;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.UniqueAddress;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.apache.pekko.cluster.typed.Leave;
import org.junit.jupiter.api.Test;

/** Connections that break, peers that are started anew, that leave, or that were never there. */
class BrokenConnectionTest {
    @Test
    void connectionsThatBreakInTheMiddleCostTimeOnly() throws Exception {
        try (Node sender = Nodes.start("");
                Node receiver = Nodes.start("")) {
            TestProbe<CriticMessage> probe = receiver.kit().createTestProbe(CriticMessage.class);
            ActorRef<CriticMessage> actor = sender.know(receiver, receiver.receiver(probe));
            int count = 120;
            int breaks = 0;
            for (int i = 0; i < count; i++) {
                sender.courier().deliver(actor, batch(i, 100_000));
                if (i % 30 == 10) {
                    takeTheConnectionOf(sender, receiver);
                    breaks++;
                }
                await().atMost(PATIENCE).until(() -> sender.courier().outgoingBytes() < 4 << 20);
            }
            for (int i = 0; i < count; i++) {
                assertThat(probe.receiveMessage(PATIENCE)).isEqualTo(batch(i, 100_000));
            }
            assertThat(breaks).isEqualTo(4);
            await().atMost(PATIENCE).until(() -> sender.courier().outgoingBytes() == 0);
            probe.expectNoMessage(Duration.ofMillis(100));
            sender.lost().expectNoMessage(Duration.ofMillis(10));
        }
    }

    /** A second connection under the name of the sender: it takes the place of the first, which the receiver closes. */
    private static void takeTheConnectionOf(Node sender, Node receiver) {
        await().atMost(PATIENCE)
                .until(() -> sender.courier().routes().values().stream().noneMatch(Route::wantsConnection));
        long uid =
                Cluster.get(sender.kit().system()).selfMember().uniqueAddress().longUid();
        // Again where the sender's own connection, in the making just then, came first and voided the thief's welcome.
        await().atMost(PATIENCE).ignoreExceptionsInstanceOf(IOException.class).until(() -> isAdmitted(receiver, uid));
    }

    private static boolean isAdmitted(Node receiver, long uid) throws IOException {
        Welcome welcome = receiver.courier().doorway().welcome(1, uid, "thief");
        try (SocketChannel socket = SocketChannel.open(new InetSocketAddress("127.0.0.1", welcome.port()))) {
            Line line = new Line(socket, 1024, 1024);
            line.out().putInt(Outbound.MAGIC).putLong(welcome.tokenHigh()).putLong(welcome.tokenLow());
            line.flush();
            return line.need(1).get() == Outbound.ADMITTED;
        }
    }

    @Test
    void aPeerThatIsStartedAnewLosesWhatWasForTheOldOneAndTakesWhatIsForTheNew() {
        try (Node sender = Nodes.start("")) {
            TestProbe<Undeliverable> lost = sender.lost();
            ActorRef<CriticMessage> old;
            int port;
            try (Node receiver = Nodes.start("")) {
                port = receiver.port();
                old = sender.know(receiver, receiver.receiver(Behaviors.ignore()));
                sender.courier().deliver(old, batch(1, 100));
                await().atMost(PATIENCE).until(() -> sender.courier().outgoingBytes() == 0);
                // As when the process is killed: nobody is told that the actor ends.
                receiver.courier().close();
            }
            sender.courier().deliver(old, batch(2, 100));
            try (Node receiver = Nodes.start("", port)) {
                TestProbe<CriticMessage> probe = receiver.kit().createTestProbe(CriticMessage.class);
                ActorRef<CriticMessage> actor = sender.know(receiver, receiver.receiver(probe));
                sender.courier().deliver(actor, batch(3, 100));
                assertThat(lost.receiveMessage(PATIENCE))
                        .isEqualTo(new Undeliverable(
                                old, "CriticMessage.Samples", "the actor has ended, or takes no deliveries"));
                assertThat(probe.receiveMessage(PATIENCE)).isEqualTo(batch(3, 100));

                sender.courier().deliver(old, batch(4, 100));
                assertThat(lost.receiveMessage(PATIENCE).cause())
                        .isEqualTo("the actor has ended, or takes no deliveries");
            }
        }
    }

    @Test
    void theWayToANodeThatHasLeftIsForgotten() {
        try (Node sender = Nodes.start("");
                Node receiver = Nodes.start("")) {
            ActorRef<CriticMessage> actor = sender.know(receiver, receiver.receiver(Behaviors.ignore()));
            sender.courier().deliver(actor, batch(1, 100));
            await().atMost(PATIENCE).until(() -> sender.courier().outgoingBytes() == 0);
            assertThat(sender.courier().routes()).hasSize(1);

            UniqueAddress gone =
                    Cluster.get(receiver.kit().system()).selfMember().uniqueAddress();
            sender.courier().left(actor.path().address(), gone.longUid());
            await().atMost(PATIENCE).until(() -> sender.courier().routes().isEmpty());
        }
    }

    @Test
    void whatWaitsForANodeThatNeverAnswersIsReportedAfterTheLimit() throws Exception {
        int port;
        try (ServerSocketChannel free = ServerSocketChannel.open().bind(new InetSocketAddress("127.0.0.1", 0))) {
            port = free.socket().getLocalPort();
        }
        try (Node sender = Nodes.start(Nodes.GIVES_UP_SOON)) {
            ActorRef<CriticMessage> nobody = ActorRefResolver.get(sender.kit().system())
                    .resolveActorRef("pekko://sluice@127.0.0.1:" + port + "/user/critic#1");
            sender.courier().deliver(nobody, batch(1, 100));
            assertThat(sender.lost().receiveMessage(PATIENCE))
                    .isEqualTo(new Undeliverable(
                            nobody,
                            "CriticMessage.Samples",
                            "nothing was heard of its node for 2.0 s: it does not answer a greeting"));
            assertThat(sender.courier().outgoingBytes()).isZero();
        }
    }

    @Test
    void whatWaitsForANodeThatLeavesTheClusterIsReportedAtOnce() {
        String patient = "sluice.delivery.give-up-after = 1 h\n";
        CountDownLatch open = new CountDownLatch(1);
        try (Node sender = Nodes.start(patient);
                Node receiver = Nodes.start(patient)) {
            Cluster here = Cluster.get(sender.kit().system());
            Cluster there = Cluster.get(receiver.kit().system());
            here.manager().tell(Join.create(here.selfMember().address()));
            there.manager().tell(Join.create(here.selfMember().address()));
            await().atMost(PATIENCE).until(() -> there.selfMember().status() == MemberStatus.up());
            ActorRef<CriticMessage> stuck = receiver.receiver(
                    Behaviors.receiveMessage(message -> {
                        open.await();
                        return Behaviors.same();
                    }),
                    DispatcherSelector.blocking());
            sender.courier().deliver(sender.know(receiver, stuck), batch(1, 100));
            await().atMost(PATIENCE).until(() -> receiver.courier().incomingBytes() > 0);

            there.manager().tell(Leave.create(there.selfMember().address()));
            assertThat(sender.lost().receiveMessage(PATIENCE).cause()).isEqualTo("its node left the cluster");
            assertThat(sender.courier().outgoingBytes()).isZero();
            open.countDown();
        }
    }

    @Test
    void whatWaitsWhenThisNodeEndsIsLogged() {
        Node sender = Nodes.start("");
        TestProbe<Undeliverable> lost = sender.lost();
        try (Node receiver = Nodes.start("")) {
            ActorRef<CriticMessage> plain = sender.know(receiver, receiver.receiver(Behaviors.ignore()));
            sender.courier().close();
            sender.courier().deliver(plain, batch(1, 100));
            assertThat(lost.receiveMessage(PATIENCE).cause()).isEqualTo("this node is ending");
        } finally {
            sender.close();
        }
    }
}
