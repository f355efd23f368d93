package dev.sluice.actors.delivery;

import static dev.sluice.actors.delivery.Nodes.PATIENCE;
import static dev.sluice.actors.delivery.Nodes.batch;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sluice.actors.delivery.Nodes.Node;
import dev.sluice.actors.fake.Certificates;
import dev.sluice.protocol.message.CourierMessage.Welcome;
import dev.sluice.protocol.message.CriticMessage;
import java.net.InetSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.List;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** With Artery on TLS the courier is too, by the same certificates, and takes nobody who has none. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class TlsDeliveryTest {
    @TempDir
    private static Path folder;

    private static String tls;

    @BeforeAll
    static void makeCertificates() throws Exception {
        Certificates.make(folder, List.of("127.0.0.1"));
        tls = """
                pekko.remote.artery.transport = tls-tcp
                pekko.remote.artery.ssl.rotating-keys-engine {
                  cert-file = "%1$s/127.0.0.1.crt", key-file = "%1$s/127.0.0.1.key", ca-cert-file = "%1$s/ca.crt"
                }
                """.formatted(folder);
    }

    @Test
    void messagesOfAllSizesArriveAndBothWays() {
        try (Node one = Nodes.start(tls);
                Node other = Nodes.start(tls)) {
            TestProbe<CriticMessage> here = one.kit().createTestProbe(CriticMessage.class);
            TestProbe<CriticMessage> there = other.kit().createTestProbe(CriticMessage.class);
            ActorRef<CriticMessage> toOther = one.know(other, other.receiver(there));
            ActorRef<CriticMessage> toOne = other.know(one, one.receiver(here));
            int[] sizes = {8, 16_000, 16_384, 17_000, 700_000, 7_000_000, 40};
            for (int size : sizes) {
                one.courier().deliver(toOther, batch(size, size));
                other.courier().deliver(toOne, batch(size + 4, size));
                assertThat(there.receiveMessage(PATIENCE)).isEqualTo(batch(size, size));
                assertThat(here.receiveMessage(PATIENCE)).isEqualTo(batch(size + 4, size));
            }
            await().atMost(PATIENCE)
                    .until(() -> one.courier().outgoingBytes() + other.courier().outgoingBytes() == 0);
        }
    }

    @Test
    void aTokenWithoutACertificateIsWorthNothing() throws Exception {
        try (Node node = Nodes.start(tls)) {
            Welcome welcome = node.courier().doorway().welcome(1, 2, "plain");
            try (SocketChannel socket = SocketChannel.open(new InetSocketAddress("127.0.0.1", welcome.port()))) {
                Line line = new Line(socket, 4096, 4096);
                line.out().putInt(Outbound.MAGIC).putLong(welcome.tokenHigh()).putLong(welcome.tokenLow());
                line.flush();
                // The beginning of an alert of TLS, or the end; the byte that admits would come from behind TLS.
                byte[] answer = socket.socket().getInputStream().readNBytes(1);
                assertThat(answer).isNotEqualTo(new byte[] {Outbound.ADMITTED});
                assertThat(node.courier().incomingBytes()).isZero();
            }
        }
    }
}
