package dev.sluice.protocol.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.esotericsoftware.kryo.io.Output;
import com.sun.management.ThreadMXBean;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import java.io.NotSerializableException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Bytes that lie are refused, in one way, and cost no more than the bytes that are there (contract F13). */
class HostileFramesTest {
    /** Bytes that a refusal may take beside the frame's own: exceptions, and what the JVM links on first use. */
    private static final long SLACK = 1 << 20;

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int HEADER = 1 + Integer.BYTES;

    private static ActorTestKit testKit;
    private static Samples samples;
    private static MessageSerializer serializer;

    @BeforeAll
    static void start() {
        testKit = ActorTestKit.create();
        samples = new Samples(testKit);
        serializer = new MessageSerializer((ExtendedActorSystem) Adapter.toClassic(testKit.system()));
    }

    @AfterAll
    static void stop() {
        testKit.shutdownTestKit();
    }

    static Stream<Class<? extends Record>> messageTypes() {
        return Samples.messageTypes().stream();
    }

    @ParameterizedTest
    @MethodSource("messageTypes")
    void cutShortAnywhere(Class<? extends Record> type) {
        byte[] frame = serializer.toBinary(samples.sample(type, 2));
        for (int length = 0; length < frame.length; length++) {
            byte[] cut = Arrays.copyOf(frame, length);
            assertThatThrownBy(() -> serializer.fromBinary(cut, manifest(type)))
                    .as("cut to %d of %d bytes", length, frame.length)
                    .isExactlyInstanceOf(NotSerializableException.class);
        }
    }

    @ParameterizedTest
    @MethodSource("messageTypes")
    void anyByteChanged(Class<? extends Record> type) {
        byte[] frame = serializer.toBinary(samples.sample(type, 2));
        int refused = 0;
        for (int i = 0; i < frame.length; i++) {
            for (int flip : new int[] {1, 0x80, 0xff, 0x7f, frame[i] & 0xff}) {
                byte[] changed = frame.clone();
                changed[i] ^= (byte) flip;
                refused += isRefused(changed, type) ? 1 : 0;
            }
        }
        assertThat(refused).as("the version byte at least").isGreaterThanOrEqualTo(4);
    }

    @ParameterizedTest
    @MethodSource("messageTypes")
    void anyNumberMadeHuge(Class<? extends Record> type) {
        byte[] frame = serializer.toBinary(samples.sample(type, 2));
        byte[] hugeVarInt = {-1, -1, -1, -1, 7};
        byte[] negativeVarInt = {-1, -1, -1, -1, 15};
        byte[] hugeInt = {-1, -1, -1, 127};
        int refused = 0;
        for (byte[] number : List.of(hugeVarInt, negativeVarInt, hugeInt)) {
            for (int i = 0; i + number.length <= frame.length; i++) {
                byte[] changed = frame.clone();
                System.arraycopy(number, 0, changed, i, number.length);
                refused += isRefused(changed, type) ? 1 : 0;
            }
        }
        assertThat(refused).isPositive();
    }

    @Test
    void noiseUnderEveryManifest() {
        Random random = new Random(20_260);
        List<Class<? extends Record>> types = Samples.messageTypes();
        int refused = 0;
        int tried = 20_000;
        for (int i = 0; i < tried; i++) {
            Class<? extends Record> type = types.get(random.nextInt(types.size()));
            byte[] noise = new byte[random.nextInt(200)];
            random.nextBytes(noise);
            // Half of it gets past the header, to try what lies behind.
            byte[] bytes = random.nextBoolean()
                    ? noise
                    : structure(noise, Registrations.ofType(type).id());
            refused += isRefused(bytes, type) ? 1 : 0;
        }
        assertThat(refused).isBetween(tried / 2, tried);
    }

    @ParameterizedTest
    @MethodSource("messageTypes")
    void manifestOfAnotherMessage(Class<? extends Record> type) {
        byte[] frame = serializer.toBinary(samples.sample(type, 1));
        for (Class<? extends Record> other : Samples.messageTypes()) {
            if (other != type) {
                assertThatThrownBy(() -> serializer.fromBinary(frame, manifest(other)))
                        .isExactlyInstanceOf(NotSerializableException.class)
                        .hasMessageContaining("is no " + manifest(other) + ": it holds a " + type.getSimpleName());
            }
        }
    }

    @Test
    void manifestOfNoMessage() {
        for (String manifest : List.of("", "critic.sample", "java.lang.Runtime")) {
            assertRefused(new byte[0], manifest, "no message is called \"" + manifest + "\" here");
        }
    }

    @Test
    void anotherVersion() {
        byte[] frame = serializer.toBinary(new CriticMessage.Release(1));
        frame[0] = 2;
        assertRefused(frame, "critic.release", "its version is 2, this node speaks 1");
    }

    @Test
    void bytesBehindTheEnd() {
        byte[] frame = serializer.toBinary(new CriticMessage.Release(1));
        assertRefused(Arrays.copyOf(frame, frame.length + 3), "critic.release", "3 bytes follow its last tensor");
        assertRefused(
                frame(out -> {
                    out.writeVarInt(53 + 2, true);
                    out.writeVarInt(1, true);
                    out.writeLong(0);
                }),
                "critic.release",
                "8 bytes follow the message");
    }

    @Test
    void structureLongerThanTheFrame() {
        byte[] frame = serializer.toBinary(new CriticMessage.Release(1));
        ByteBuffer.wrap(frame).order(ByteOrder.LITTLE_ENDIAN).putInt(1, Integer.MAX_VALUE);
        assertRefused(frame, "critic.release", "its structure takes 2147483647 bytes, only 4 are there");
        ByteBuffer.wrap(frame).order(ByteOrder.LITTLE_ENDIAN).putInt(1, -1);
        assertRefused(frame, "critic.release", "its structure takes 4294967295 bytes");
    }

    @Test
    void tensorThatLiesAboutItself() {
        RecorderMessage.Grid grid = new RecorderMessage.Grid(1, Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3));
        int tensor = serializer.toBinary(grid).length - 24 - 14;
        record Lie(int offset, int value, boolean isByte, String refusal) {}
        for (Lie lie : List.of(
                new Lie(-2, 65, true, "it claims 65 tensors, the limit is 64"),
                new Lie(-2, 0, true, "bytes follow its last tensor"),
                new Lie(-2, 2, true, "tensor 1 takes 2 bytes, only 0 are there"),
                new Lie(0, 0, true, "tensor 0 has an unknown element type, code 0"),
                new Lie(0, 2, true, "tensor 0 claims 24 bytes, a FLOAT64 of shape [2, 3] takes 48"),
                new Lie(1, 9, true, "tensor 0 has rank 9, the limit is 8"),
                new Lie(1, 255, true, "tensor 0 has rank 255, the limit is 8"),
                new Lie(2, 3, false, "tensor 0 claims 24 bytes, a FLOAT32 of shape [3, 3] takes 36"),
                new Lie(2, -1, false, "a shape has no negative length: [-1, 3]"),
                new Lie(6, Integer.MAX_VALUE, false, "does not fit in one array"),
                new Lie(10, 20, false, "tensor 0 claims 20 bytes, a FLOAT32 of shape [2, 3] takes 24"))) {
            byte[] frame = serializer.toBinary(grid);
            ByteBuffer bytes = ByteBuffer.wrap(frame).order(ByteOrder.LITTLE_ENDIAN);
            if (lie.isByte()) {
                bytes.put(tensor + lie.offset(), (byte) lie.value());
            } else {
                bytes.putInt(tensor + lie.offset(), lie.value());
            }
            assertRefused(frame, "recorder.grid", lie.refusal());
        }
    }

    @Test
    void tensorOfAGigabyteThatIsNotThere() {
        byte[] frame = serializer.toBinary(new RecorderMessage.Grid(1, Tensor.of(new float[1], 1)));
        ByteBuffer bytes = ByteBuffer.wrap(frame).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(frame.length - 12, 250_000_000);
        bytes.putInt(frame.length - 8, 1_000_000_000);
        assertRefused(frame, "recorder.grid", "tensor 0 takes 1000000000 bytes, only 4 are there");
    }

    @Test
    void tensorIndexThatIsNotDue() {
        assertRefused(
                frame(out -> {
                    out.writeVarInt(93 + 2, true);
                    out.writeVarInt(1, false);
                    out.writeByte(1);
                    out.writeVarInt(5, true);
                }),
                "recorder.grid",
                "it asks for tensor 5 where tensor 0 of 0 is due");
    }

    @Test
    void classByName() {
        // What Kryo would do with a name: load the class, required registration or not.
        assertRefused(
                frame(out -> {
                    out.writeVarInt(1, true);
                    out.writeVarInt(0, true);
                    out.writeString("javax.management.loading.MLet");
                }),
                "critic.release",
                "it names a class instead of giving a registered id");
    }

    @Test
    void idOfNoClass() {
        assertRefused(frame(out -> out.writeVarInt(999, true)), "critic.release", "unregistered class ID: 997");
        assertRefused(frame(out -> out.writeVarInt(0, true)), "critic.release", "it holds nothing");
        assertRefused(new byte[] {1, 0, 0, 0, 0, 0, 0}, "critic.release", "it is empty");
    }

    @Test
    void textOfTwoGigabytes() {
        assertRefused(
                frame(out -> {
                    out.writeVarInt(73 + 2, true);
                    out.writeByte(1);
                    out.writeVarInt(Integer.MAX_VALUE, true);
                }),
                "sampler.cancel",
                "it claims 2147483647 bytes of text, only 0 bytes are there");
        assertRefused(
                frame(out -> {
                    out.writeVarInt(73 + 2, true);
                    out.writeByte(1);
                    out.writeVarInt(1, true);
                    out.writeByte(0xC0);
                }),
                "sampler.cancel",
                "text that is not UTF-8");
        assertRefused(
                frame(out -> {
                    out.writeVarInt(73 + 2, true);
                    out.writeByte(0);
                }),
                "sampler.cancel",
                "id is null");
    }

    @Test
    void listsInListsInLists() {
        assertRefused(
                generate(out -> {
                    for (int i = 0; i < 10_000; i++) {
                        out.writeVarInt(1, true);
                        out.writeVarInt(10 + 2, true);
                    }
                }),
                "sampler.generate",
                "Max depth exceeded");
        assertRefused(
                generate(out -> out.writeVarInt(Integer.MAX_VALUE, true)),
                "sampler.generate",
                "it claims 2147483647 list elements, only 0 bytes are there");
    }

    @Test
    void listOfSomethingElse() {
        assertRefused(
                generate(out -> {
                    out.writeVarInt(2, true);
                    out.writeVarInt(7 + 2, true);
                    out.writeVarLong(5, false);
                    out.writeVarInt(1 + 2, true);
                    TextSerializer.write(out, "five");
                }),
                "sampler.generate",
                "seeds[1] is a String, must be a Long");
        assertRefused(
                generate(out -> {
                    out.writeVarInt(1, true);
                    out.writeVarInt(0, true);
                }),
                "sampler.generate",
                "element 0 of a list is null, in seeds (dev.sluice");
    }

    @Test
    void valueThatItsOwnRecordRefuses() {
        byte[] frame = serializer.toBinary(samples.sample(CriticMessage.BeginPhase.class, 1));
        ByteBuffer bytes = ByteBuffer.wrap(frame).order(ByteOrder.LITTLE_ENDIAN);
        int at = IntStream.range(0, frame.length - 7)
                .filter(i -> bytes.getDouble(i) == 0.75)
                .findFirst()
                .orElseThrow();
        bytes.putDouble(at, 1.75);
        assertRefused(frame, "critic.begin-phase", "timesteps must decrease strictly");
    }

    @Test
    void fieldTwice() {
        assertRefused(
                frame(out -> {
                    out.writeVarInt(90 + 2, true);
                    out.writeByte(1);
                    out.writeVarInt(2, true);
                    for (int i = 0; i < 2; i++) {
                        TextSerializer.write(out, "key");
                        out.writeVarInt(3 + 2, true);
                        out.writeBoolean(true);
                    }
                }),
                "recorder.event",
                "field key occurs twice");
    }

    @Test
    void pathOfNoActor() {
        assertRefused(
                frame(out -> {
                    out.writeVarInt(94 + 2, true);
                    out.writeByte(1);
                    TextSerializer.write(out, "http://example.org/");
                }),
                "recorder.flush",
                "not the path of an actor: http://example.org/");
    }

    @Test
    void aRefusalQuotesLittleAndOnOneLine() {
        String text = "broken\n\u001b[31m" + "x".repeat(100_000);
        byte[] frame = frame(out -> {
            out.writeVarInt(94 + 2, true);
            out.writeByte(1);
            TextSerializer.write(out, text);
        });
        for (Object refusal : List.of(read(frame, "recorder.flush"), read(new byte[3], text))) {
            assertThat((Throwable) refusal)
                    .hasMessageContaining("broken [31mxxx")
                    .extracting(Throwable::getMessage)
                    .asString()
                    .hasSizeLessThan(700);
        }
    }

    @Test
    void aRefusalDoesNotSpoilTheNextMessage() throws Exception {
        SupervisorMessage.BudgetSpent message = new SupervisorMessage.BudgetSpent(3, 2, 100);
        byte[] good = serializer.toBinary(message);
        for (int length = 0; length < good.length; length++) {
            assertThat(isRefused(Arrays.copyOf(good, length), message.getClass()))
                    .isTrue();
            assertThat(serializer.fromBinary(good, "supervisor.budget-spent")).isEqualTo(message);
        }
    }

    /** True when refused as it should be, false when it is a message after all; anything else fails the test. */
    private static boolean isRefused(byte[] bytes, Class<? extends Record> type) {
        return read(bytes, manifest(type)) instanceof NotSerializableException;
    }

    private static void assertRefused(byte[] bytes, String manifest, String reason) {
        assertThat(read(bytes, manifest)).isInstanceOfSatisfying(NotSerializableException.class, e -> assertThat(e)
                .hasMessageContaining(reason));
    }

    /** The message or its refusal, whose cost is held to the bytes that were there. */
    private static Object read(byte[] bytes, String manifest) {
        Object result;
        long before = THREADS.getCurrentThreadAllocatedBytes();
        try {
            result = serializer.fromBinary(bytes, manifest);
        } catch (NotSerializableException e) {
            result = e;
        }
        long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
        assertThat(allocated).as("bytes allocated").isLessThan(SLACK + 16L * bytes.length);
        if (result instanceof NotSerializableException refusal) {
            assertThat(refusal).hasMessageFindingMatch("^a frame of \\d+ bytes is no |^no message is called ");
        } else {
            assertThat(result)
                    .isExactlyInstanceOf(Registrations.ofManifest(manifest).type());
            Conformance.require((Record) result);
        }
        return result;
    }

    private static String manifest(Class<? extends Record> type) {
        return Registrations.ofType(type).manifest();
    }

    /** A frame around what {@code structure} writes, without tensors. */
    private static byte[] frame(Consumer<Output> structure) {
        Output out = new Output(64, -1);
        structure.accept(out);
        byte[] bytes = out.toBytes();
        return ByteBuffer.allocate(HEADER + bytes.length + Short.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(Frame.VERSION)
                .putInt(bytes.length)
                .put(bytes)
                .array();
    }

    private static byte[] structure(byte[] noise, int id) {
        return frame(out -> {
            out.writeVarInt(id + 2, true);
            out.writeBytes(noise);
        });
    }

    /** A Generate whose seeds are what {@code list} writes; components stand in the order of their names. */
    private static byte[] generate(Consumer<Output> list) {
        return frame(out -> {
            out.writeVarInt(72 + 2, true);
            out.writeVarLong(1000, false);
            out.writeByte(1);
            TextSerializer.write(out, "id");
            out.writeVarInt(-1, false);
            out.writeByte(1);
            TextSerializer.write(out, "pekko://" + testKit.system().name() + "/user/a");
            out.writeByte(1);
            list.accept(out);
        });
    }
}
