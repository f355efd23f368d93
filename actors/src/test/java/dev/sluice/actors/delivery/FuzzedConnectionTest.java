package dev.sluice.actors.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.wire.MessageSerializer;
import dev.sluice.protocol.wire.WireMessage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ByteChannel;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

/**
 * What a courier's connection carries, both ways, broken in any way: it ends the connection or costs a message, and neither
 * throws anything else nor hangs nor takes memory that was only claimed. Cases are numbered; each is made from its number.
 */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class FuzzedConnectionTest {
    private static final int CASES = 10_000;

    private static Nodes.Node node;
    private static MessageSerializer serializer;
    private static String name;
    private static TestProbe<CriticMessage> probe;
    private static byte[] honest;
    private static Level level;

    @BeforeAll
    static void start() throws IOException {
        node = Nodes.start("");
        serializer = new MessageSerializer(
                (ExtendedActorSystem) Adapter.toClassic(node.kit().system()));
        probe = node.kit().createTestProbe(CriticMessage.class);
        ActorRef<CriticMessage> actor = node.receiver(probe);
        name = ActorRefResolver.get(node.kit().system()).toSerializationFormat(actor);
        honest = conversation();
        level = log().getLevel();
        log().setLevel(Level.OFF);
    }

    @AfterAll
    static void stop() {
        log().setLevel(level);
        node.close();
    }

    /** Every refusal is logged, which is tested elsewhere. */
    private static Logger log() {
        return (Logger) LoggerFactory.getLogger(Inbound.class);
    }

    /** Everything that a sender says: three messages in two lanes, one that its actor does not understand. */
    private static byte[] conversation() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        message(bytes, 1, 0, 1, name, serializer.prepare(Nodes.batch(1, 64)));
        message(bytes, 2, 0, 1, "pekko://sluice@127.0.0.1:1/user/nobody#1", serializer.prepare(Nodes.batch(2, 64)));
        message(bytes, 1, 1, 2, "", serializer.prepare(new SamplerMessage.Cancel("x")));
        message(bytes, 1, 2, 3, "", serializer.prepare(Nodes.batch(3, 64)));
        return bytes.toByteArray();
    }

    private static void message(
            ByteArrayOutputStream to, int lane, long previous, long number, String receiver, WireMessage message)
            throws IOException {
        byte[] name = receiver.getBytes(StandardCharsets.UTF_8);
        ByteBuffer header = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
        header.putInt(lane)
                .putLong(previous)
                .putLong(number)
                .putShort((short) name.length)
                .put(name);
        header.put((byte) message.manifest().length())
                .put(message.manifest().getBytes(StandardCharsets.US_ASCII))
                .putInt(message.size());
        to.write(header.array(), 0, header.position());
        message.writeTo(Channels.newChannel(to), ByteBuffer.allocate(1000).order(ByteOrder.LITTLE_ENDIAN));
    }

    /** The bytes of a connection that is closed behind them; what is written to it is dropped. */
    private record Script(ByteBuffer bytes) implements ByteChannel {
        @Override
        public synchronized int read(ByteBuffer sink) {
            if (!bytes.hasRemaining()) {
                return -1;
            }
            int count = Math.min(sink.remaining(), bytes.remaining());
            sink.put(bytes.slice(bytes.position(), count));
            bytes.position(bytes.position() + count);
            return count;
        }

        @Override
        public int write(ByteBuffer source) {
            int count = source.remaining();
            source.position(source.limit());
            return count;
        }

        @Override
        public boolean isOpen() {
            return true;
        }

        @Override
        public void close() {}
    }

    /** {@code original} with one to four things done to it. */
    private static byte[] broken(byte[] original, Random random) {
        byte[] bytes = original.clone();
        for (int change = random.nextInt(4); change >= 0; change--) {
            if (bytes.length < 16) {
                break;
            }
            int at = random.nextInt(bytes.length - 8);
            switch (random.nextInt(6)) {
                case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> bytes = Arrays.copyOf(bytes, at);
                case 2 -> ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(at, odd(random));
                case 3 -> ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(at, odd(random));
                case 4 -> {
                    int from = random.nextInt(bytes.length - 8);
                    System.arraycopy(
                            bytes, from, bytes, at, Math.min(random.nextInt(200), bytes.length - Math.max(at, from)));
                }
                default -> bytes[at] = (byte) random.nextInt();
            }
        }
        return bytes;
    }

    private static int odd(Random random) {
        int[] odd = {0, -1, 1, Integer.MAX_VALUE, Integer.MIN_VALUE, 8 << 20, (8 << 20) + 1, 0xffff, random.nextInt()};
        return odd[random.nextInt(odd.length)];
    }

    @Test
    void whatASenderSays() {
        int arrived = 0;
        for (int seed = 0; seed < CASES; seed++) {
            byte[] bytes = seed == 0 ? honest : broken(honest, new Random(seed));
            Arrivals arrivals = new Arrivals(
                    "fuzz", 1 << 20, receiver -> receiver.equals(name) ? Optional.of(intake) : Optional.empty());
            Line line = new Line(new Script(ByteBuffer.wrap(bytes)), 8192, Notice.MAX_BYTES);
            try {
                new Inbound(line, arrivals, serializer, Duration.ofSeconds(1)).run();
            } catch (IOException e) {
                // The connection's end.
            } catch (Throwable e) {
                fail("case " + seed, e);
            }
            arrived += intake.given.size();
            if (seed == 0) {
                assertThat(intake.given).as("undisturbed").hasSize(2);
            }
            intake.given.clear();
        }
        assertThat(arrived).as("what was not hurt arrives").isGreaterThan(CASES / 4);
    }

    private final Kept intake = new Kept();

    /** An actor's place for deliveries that keeps them. */
    private static final class Kept extends Intake<CriticMessage> {
        private final List<Object> given = new ArrayList<>();

        private Kept() {
            super(CriticMessage.class, null);
        }

        @Override
        void give(Object message, Runnable handled) {
            given.add(message);
        }
    }

    @Test
    void whatAReceiverSays() {
        ByteBuffer said = ByteBuffer.allocate(8192).order(ByteOrder.LITTLE_ENDIAN);
        for (Notice notice : List.of(
                new Notice.Beat(),
                new Notice.Settled(1, 1),
                new Notice.Refused(2, 1, "no"),
                new Notice.Gone(3),
                new Notice.Settled(1, 2),
                new Notice.Closing("enough"))) {
            notice.write(said);
        }
        byte[] original = Arrays.copyOf(said.array(), said.position());
        int understood = 0;
        for (int seed = 1; seed <= CASES; seed++) {
            Line line = new Line(
                    new Script(ByteBuffer.wrap(broken(original, new Random(seed)))),
                    Notice.MAX_BYTES,
                    Notice.MAX_BYTES);
            Outbox<String> outbox = new Outbox<>(1 << 20);
            for (String receiver : List.of("a", "b", "c", "a")) {
                outbox.offer(receiver, receiver, 1);
                outbox.next();
            }
            try {
                while (true) {
                    Notice notice = Notice.read(line);
                    understood++;
                    if (notice instanceof Notice.Settled settled) {
                        outbox.settled(settled.lane(), settled.number());
                    } else if (notice instanceof Notice.Refused refused) {
                        outbox.refused(refused.lane(), refused.number());
                    } else if (notice instanceof Notice.Gone gone) {
                        outbox.gone(gone.lane());
                    }
                }
            } catch (IOException | IllegalArgumentException e) {
                // The connection's end, or the route's: it is not believed any more.
            } catch (Throwable e) {
                fail("case " + seed, e);
            }
            assertThat(outbox.held()).as("case %d", seed).isBetween(0L, 4L);
        }
        assertThat(understood).isGreaterThan(CASES);
    }
}
