package dev.sluice.actors.delivery;

import static dev.sluice.actors.delivery.Nodes.PATIENCE;
import static dev.sluice.actors.delivery.Nodes.batch;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.sluice.actors.delivery.Nodes.Node;
import dev.sluice.protocol.message.CourierMessage.Welcome;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.wire.MessageSerializer;
import dev.sluice.protocol.wire.WireMessage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.testkit.typed.javadsl.LoggingTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A peer that lies costs its own transfer and a line in the log; an honest one beside it notices nothing
 * (docs/guarantees.md: hostile-input-refused).
 */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class HostilePeerTest {
    private static long uids = 1000;

    private static Node victim;
    private static Node honest;
    private static MessageSerializer serializer;
    private static TestProbe<CriticMessage> probe;
    private static ActorRef<CriticMessage> actor;

    private final List<SocketChannel> opened = new ArrayList<>();
    private Line line;

    @BeforeAll
    static void start() {
        victim = Nodes.start("");
        honest = Nodes.start("");
        serializer = new MessageSerializer(
                (ExtendedActorSystem) Adapter.toClassic(victim.kit().system()));
        probe = victim.kit().createTestProbe(CriticMessage.class);
        actor = victim.receiver(probe);
    }

    @AfterAll
    static void stop() {
        victim.close();
        honest.close();
    }

    @BeforeEach
    void connect() throws IOException {
        Welcome welcome = victim.courier().doorway().welcome(1, ++uids, "hostile");
        connect(welcome);
        hello(welcome.tokenHigh(), welcome.tokenLow());
        assertThat(line.need(1).get()).isEqualTo(Outbound.ADMITTED);
    }

    @AfterEach
    void nobodyElseIsConcerned() throws IOException {
        for (SocketChannel each : opened) {
            each.close();
        }
        honest.courier().deliver(honest.know(victim, actor), batch(77, 1000));
        assertThat(probe.receiveMessage(PATIENCE)).isEqualTo(batch(77, 1000));
        await().atMost(PATIENCE).until(() -> victim.courier().incomingBytes() == 0);
    }

    @Test
    void anHonestMessageOfTheSameClientArrives() throws IOException {
        send(1, 1, name(), serializer.prepare(batch(1, 100)));
        assertThat(probe.receiveMessage(PATIENCE)).isEqualTo(batch(1, 100));
        assertThat(notice()).isEqualTo(new Notice.Settled(1, 1));
    }

    @Test
    void aSizeAboveTheLimit() {
        assertExpelled("a message takes 8388609 bytes, the limit sluice.wire.max-message is 8388608", () -> {
            header(1, 1, name(), "critic.samples", (8 << 20) + 1);
            line.flush();
        });
    }

    @Test
    void aNegativeSize() {
        assertExpelled("a message takes 4294967295 bytes, the limit", () -> {
            header(1, 1, name(), "critic.samples", -1);
            line.flush();
        });
    }

    @Test
    void aNameWithoutEnd() {
        assertExpelled("the name of a receiver takes 65535 bytes, the limit is 4096", () -> {
            line.out().putInt(1).putLong(0).putLong(1).putShort((short) 0xffff);
            line.flush();
        });
    }

    @Test
    void skippedNumbers() {
        assertExpelled("message 2 of lane 1 claims to follow 1, and follows 0", () -> {
            header(1, 2, name(), "critic.samples", 10);
            line.flush();
        });
    }

    @Test
    void aMessageTwice() throws IOException {
        WireMessage message = serializer.prepare(batch(1, 100));
        send(1, 1, name(), message);
        assertThat(probe.receiveMessage(PATIENCE)).isEqualTo(batch(1, 100));
        assertExpelled("message 1 of lane 1 claims to follow 0, and follows 1", () -> send(1, 1, "", message));
        probe.expectNoMessage(java.time.Duration.ofMillis(50));
    }

    @Test
    void aLaneThatChangesItsReceiver() throws IOException {
        WireMessage message = serializer.prepare(batch(1, 100));
        send(1, 1, name(), message);
        assertThat(probe.receiveMessage(PATIENCE)).isEqualTo(batch(1, 100));
        assertExpelled("and becomes one to somebody else", () -> send(1, 2, "somebody else", message));
    }

    @Test
    void anActorThatIsNotThere() throws IOException {
        send(1, 1, "pekko://sluice@127.0.0.1:1/user/nobody#1", serializer.prepare(batch(1, 100)));
        assertThat(notice()).isEqualTo(new Notice.Gone(1));
    }

    @Test
    void garbageInPlaceOfAMessageCostsThatMessageAndOneLine() {
        LoggingTestKit.error("Refused a message of hostile: a frame of 100 bytes is no critic.samples")
                .withOccurrences(1)
                .expect(victim.kit().system(), told(() -> {
                    garbage(1, name());
                    assertThat(notice()).isInstanceOfSatisfying(Notice.Refused.class, refused -> {
                        assertThat(refused.number()).isEqualTo(1);
                        assertThat(refused.cause()).contains("its version is 0");
                    });
                    garbage(2, "");
                    assertThat(notice()).isInstanceOf(Notice.Refused.class);
                    send(1, 3, "", serializer.prepare(batch(3, 100)));
                }));
        assertThat(probe.receiveMessage(PATIENCE)).isEqualTo(batch(3, 100));
    }

    @Test
    void aTensorThatLiesAboutItsSize() throws IOException {
        WireMessage message = serializer.prepare(batch(1, 100));
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        message.writeTo(Channels.newChannel(bytes), ByteBuffer.allocate(1000).order(ByteOrder.LITTLE_ENDIAN));
        header(1, 1, name(), message.manifest(), message.size() - 50);
        line.out().put(bytes.toByteArray(), 0, message.size() - 50);
        line.flush();
        assertThat(notice()).isInstanceOfSatisfying(Notice.Refused.class, refused -> assertThat(refused.cause())
                .contains("bytes, only"));
    }

    @Test
    void aMessageThatTheActorDoesNotUnderstand() throws IOException {
        send(1, 1, name(), serializer.prepare(new SamplerMessage.Cancel("x")));
        assertThat(notice()).isInstanceOfSatisfying(Notice.Refused.class, refused -> assertThat(refused.cause())
                .isEqualTo("the actor takes CriticMessage, not dev.sluice.protocol.message.SamplerMessage$Cancel"));
    }

    @Test
    void whoHasNoTokenStaysOutside() throws IOException {
        Welcome welcome = victim.courier().doorway().welcome(1, ++uids, "late");
        connect(welcome);
        hello(welcome.tokenHigh(), welcome.tokenLow() + 1);
        assertThatThrownBy(() -> line.need(1)).isInstanceOf(IOException.class);
        connect(welcome);
        hello(welcome.tokenHigh(), welcome.tokenLow());
        assertThat(line.need(1).get()).isEqualTo(Outbound.ADMITTED);
        connect(welcome);
        hello(welcome.tokenHigh(), welcome.tokenLow());
        assertThatThrownBy(() -> line.need(1)).as("a token is good once").isInstanceOf(IOException.class);
    }

    @Test
    void whoSaysNothingIsShownOutAndMakesRoom() throws IOException {
        Welcome welcome = victim.courier().doorway().welcome(1, ++uids, "slow");
        for (int i = 0; i < 100; i++) {
            connect(welcome);
        }
        for (SocketChannel silent : opened.subList(1, opened.size())) {
            Line one = new Line(silent, 100, 100);
            assertThatThrownBy(() -> one.need(1)).isInstanceOf(IOException.class);
        }
        connect(welcome);
        hello(welcome.tokenHigh(), welcome.tokenLow());
        assertThat(line.need(1).get()).isEqualTo(Outbound.ADMITTED);
    }

    @Test
    void anHonestPeerFindsRoomWhileSilentOnesHoldTheDoor() throws IOException {
        Welcome welcome = victim.courier().doorway().welcome(1, ++uids, "honest");
        for (int i = 0; i < 200; i++) {
            connect(welcome);
        }
        connect(welcome);
        hello(welcome.tokenHigh(), welcome.tokenLow());
        assertThat(line.need(1).get()).isEqualTo(Outbound.ADMITTED);
    }

    @Test
    void whoGreetsAndNeverConnectsIsForgotten() {
        int before = victim.courier().doorway().known();
        for (int i = 0; i < 5000; i++) {
            victim.courier().doorway().welcome(1, ++uids, "passer-by");
        }
        assertThat(victim.courier().doorway().known()).isBetween(before, before + 1024);
    }

    @Test
    void aReceiverThatAcknowledgesWhatWasNotSentIsNotBelieved() throws Exception {
        assertReported("its node cannot be trusted: it acknowledges message 5 of lane 1", new Notice.Settled(1, 5));
    }

    @Test
    void aReceiverThatClosesSaysWhy() throws Exception {
        assertReported("its node closed the connection: enough", new Notice.Closing("enough"));
    }

    /** A receiver of the test's own answers the sender's first message with {@code notice}. */
    private static void assertReported(String cause, Notice notice) throws Exception {
        TestProbe<Undeliverable> lost = honest.kit().createTestProbe(Undeliverable.class);
        ActorRef<CriticMessage> to =
                ActorRefResolver.get(honest.kit().system()).resolveActorRef("pekko://sluice@127.0.0.1:9/user/critic#1");
        Route route = new Route("liar", honest.courier().settings());
        try (ServerSocketChannel server = ServerSocketChannel.open().bind(new InetSocketAddress("127.0.0.1", 0))) {
            route.offer("critic", new Parcel(to, serializer.prepare(batch(1, 100)), lost.getRef()));
            Outbound connection = new Outbound(
                    route,
                    honest.courier().lines(),
                    "127.0.0.1",
                    new Welcome(1, server.socket().getLocalPort(), 1, 2),
                    PATIENCE);
            assertThat(route.connect(connection)).isTrue();
            connection.start(ended -> {});
            try (SocketChannel liar = server.accept()) {
                Line line = new Line(liar, 1000, Notice.MAX_BYTES);
                line.skip(Integer.BYTES + 2 * Long.BYTES);
                line.out().put(Outbound.ADMITTED);
                line.flush();
                line.need(100);
                notice.write(line.out());
                line.flush();
                assertThat(lost.receiveMessage(PATIENCE).cause()).startsWith(cause);
            }
        } finally {
            route.close();
        }
    }

    private interface Lie {
        void tell() throws IOException;
    }

    private static Supplier<Void> told(Lie lie) {
        return () -> {
            try {
                lie.tell();
                return null;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        };
    }

    private void assertExpelled(String cause, Lie lie) {
        LoggingTestKit.error("Closing a connection of hostile")
                .withOccurrences(1)
                .expect(victim.kit().system(), told(() -> {
                    lie.tell();
                    Notice notice = notice();
                    while (!(notice instanceof Notice.Closing)) {
                        notice = notice();
                    }
                    assertThat(((Notice.Closing) notice).cause()).contains(cause);
                }));
        long since = System.nanoTime();
        assertThatThrownBy(() -> {
                    while (true) {
                        notice();
                    }
                })
                .isInstanceOf(IOException.class);
        assertThat(System.nanoTime() - since).isLessThan(TimeUnit.SECONDS.toNanos(10));
    }

    private static String name() {
        return ActorRefResolver.get(victim.kit().system()).toSerializationFormat(actor);
    }

    private void connect(Welcome welcome) throws IOException {
        SocketChannel socket = SocketChannel.open(new InetSocketAddress("127.0.0.1", welcome.port()));
        opened.add(socket);
        line = new Line(socket, 4096, 16 * 1024);
    }

    private void hello(long high, long low) throws IOException {
        line.out().putInt(Outbound.MAGIC).putLong(high).putLong(low);
        line.flush();
    }

    private void send(int lane, long number, String receiver, WireMessage message) throws IOException {
        header(lane, number, receiver, message.manifest(), message.size());
        message.writeTo(line.channel(), line.out());
    }

    private void garbage(long number, String receiver) throws IOException {
        header(1, number, receiver, "critic.samples", 100);
        line.out().put(new byte[100]);
        line.flush();
    }

    private void header(int lane, long number, String receiver, String manifest, int size) {
        byte[] name = receiver.getBytes(StandardCharsets.UTF_8);
        line.out()
                .putInt(lane)
                .putLong(number - 1)
                .putLong(number)
                .putShort((short) name.length)
                .put(name);
        line.out()
                .put((byte) manifest.length())
                .put(manifest.getBytes(StandardCharsets.US_ASCII))
                .putInt(size);
    }

    /** The next that is no beat. */
    private Notice notice() throws IOException {
        Notice notice = Notice.read(line);
        return notice instanceof Notice.Beat ? notice() : notice;
    }
}
