package dev.sluice.protocol.wire;

import static org.assertj.core.api.Assertions.assertThat;

import com.esotericsoftware.kryo.io.Output;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.RecorderMessage;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Frames made to deceive, each with the lie that it tells. */
class LyingFramesTest {
    private static ActorTestKit testKit;
    private static Samples samples;
    private static HostileReader reader;

    @BeforeAll
    static void start() {
        testKit = ActorTestKit.create();
        samples = new Samples(testKit);
        reader = new HostileReader(testKit);
    }

    @AfterAll
    static void stop() {
        testKit.shutdownTestKit();
    }

    @Test
    void manifestOfNoMessage() {
        for (String manifest : List.of("", "critic.sample", "java.lang.Runtime")) {
            reader.assertRefused(new byte[0], manifest, "no message is called \"" + manifest + "\" here");
        }
    }

    @Test
    void anotherVersion() {
        byte[] frame = reader.serializer().toBinary(new CriticMessage.Release(1));
        frame[0] = Frame.VERSION + 1;
        reader.assertRefused(
                frame,
                "critic.release",
                "its version is " + (Frame.VERSION + 1) + ", this node speaks " + Frame.VERSION);
    }

    @Test
    void bytesBehindTheEnd() {
        byte[] frame = reader.serializer().toBinary(new CriticMessage.Release(1));
        reader.assertRefused(
                Arrays.copyOf(frame, frame.length + 3), "critic.release", "3 bytes follow its last tensor");
        reader.assertRefused(
                HostileReader.frame(out -> {
                    out.writeVarInt(53 + 2, true);
                    out.writeVarInt(1, true);
                    out.writeLong(0);
                }),
                "critic.release",
                "8 bytes follow the message");
    }

    @Test
    void structureLongerThanTheFrame() {
        byte[] frame = reader.serializer().toBinary(new CriticMessage.Release(1));
        ByteBuffer.wrap(frame).order(ByteOrder.LITTLE_ENDIAN).putInt(1, Integer.MAX_VALUE);
        reader.assertRefused(frame, "critic.release", "its structure takes 2147483647 bytes, only 4 are there");
        ByteBuffer.wrap(frame).order(ByteOrder.LITTLE_ENDIAN).putInt(1, -1);
        reader.assertRefused(frame, "critic.release", "its structure takes 4294967295 bytes");
    }

    @Test
    void tensorThatLiesAboutItself() {
        RecorderMessage.Grid grid = new RecorderMessage.Grid(1, Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3));
        int tensor = reader.serializer().toBinary(grid).length - 24 - 14;
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
            byte[] frame = reader.serializer().toBinary(grid);
            ByteBuffer bytes = ByteBuffer.wrap(frame).order(ByteOrder.LITTLE_ENDIAN);
            if (lie.isByte()) {
                bytes.put(tensor + lie.offset(), (byte) lie.value());
            } else {
                bytes.putInt(tensor + lie.offset(), lie.value());
            }
            reader.assertRefused(frame, "recorder.grid", lie.refusal());
        }
    }

    @Test
    void tensorOfAGigabyteThatIsNotThere() {
        byte[] frame = reader.serializer().toBinary(new RecorderMessage.Grid(1, Tensor.of(new float[1], 1)));
        ByteBuffer bytes = ByteBuffer.wrap(frame).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(frame.length - 12, 250_000_000);
        bytes.putInt(frame.length - 8, 1_000_000_000);
        reader.assertRefused(frame, "recorder.grid", "tensor 0 takes 1000000000 bytes, only 4 are there");
    }

    @Test
    void tensorIndexThatIsNotDue() {
        reader.assertRefused(
                HostileReader.frame(out -> {
                    out.writeVarInt(93 + 2, true);
                    out.writeVarInt(1, false);
                    out.writeByte(1);
                    out.writeVarInt(5, true);
                }),
                "recorder.grid",
                "it asks for tensor 5 where tensor 0 of 0 is due");
    }

    @Test
    void tensorThatNoMessageAskedFor() {
        byte[] frame = reader.serializer().toBinary(new CriticMessage.Release(1));
        byte[] scalar = {1, 0, 4, 0, 0, 0, 0, 0, 0, 0};
        byte[] longer = ByteBuffer.allocate(frame.length + scalar.length)
                .put(frame)
                .put(frame.length - 2, (byte) 1)
                .put(scalar)
                .array();
        reader.assertRefused(longer, "critic.release", "it has 1 tensors, the message has places for 0");
    }

    @Test
    void classByName() {
        // What Kryo would do with a name: load the class, required registration or not.
        reader.assertRefused(
                HostileReader.frame(out -> {
                    out.writeVarInt(1, true);
                    out.writeVarInt(0, true);
                    out.writeString("javax.management.loading.MLet");
                }),
                "critic.release",
                "it names a class instead of giving a registered id");
    }

    @Test
    void idOfNoClass() {
        reader.assertRefused(
                HostileReader.frame(out -> out.writeVarInt(999, true)), "critic.release", "unregistered class ID: 997");
        reader.assertRefused(
                HostileReader.frame(out -> out.writeVarInt(0, true)), "critic.release", "it holds nothing");
        reader.assertRefused(new byte[] {Frame.VERSION, 0, 0, 0, 0, 0, 0}, "critic.release", "it is empty");
    }

    @Test
    void textOfTwoGigabytes() {
        reader.assertRefused(
                HostileReader.frame(out -> {
                    out.writeVarInt(73 + 2, true);
                    out.writeByte(1);
                    out.writeVarInt(Integer.MAX_VALUE, true);
                }),
                "sampler.cancel",
                "it claims 2147483647 bytes of text, only 0 bytes are there");
        reader.assertRefused(
                HostileReader.frame(out -> {
                    out.writeVarInt(73 + 2, true);
                    out.writeByte(1);
                    out.writeVarInt(1, true);
                    out.writeByte(0xC0);
                }),
                "sampler.cancel",
                "text that is not UTF-8");
        reader.assertRefused(
                HostileReader.frame(out -> {
                    out.writeVarInt(73 + 2, true);
                    out.writeByte(0);
                }),
                "sampler.cancel",
                "id is null");
    }

    @Test
    void listsInListsInLists() {
        reader.assertRefused(
                generate(out -> {
                    for (int i = 0; i < 10_000; i++) {
                        out.writeVarInt(1, true);
                        out.writeVarInt(10 + 2, true);
                    }
                }),
                "sampler.generate",
                "Max depth exceeded");
        reader.assertRefused(
                generate(out -> out.writeVarInt(Integer.MAX_VALUE, true)),
                "sampler.generate",
                "it claims 2147483647 list elements, only 0 bytes are there");
    }

    @Test
    void nestedListsThatEachClaimAllThatRemains() {
        byte[] rest = new byte[400_000];
        reader.assertRefused(
                generate(out -> {
                    for (int i = 0; i < 4; i++) {
                        out.writeVarInt(rest.length, true);
                        out.writeVarInt(10 + 2, true);
                    }
                    out.writeVarInt(rest.length, true);
                    out.writeBytes(rest);
                }),
                "sampler.generate",
                "element 0 of a list is null");
    }

    @Test
    void listOfSomethingElse() {
        reader.assertRefused(
                generate(out -> {
                    out.writeVarInt(2, true);
                    out.writeVarInt(7 + 2, true);
                    out.writeVarLong(5, false);
                    out.writeVarInt(1 + 2, true);
                    TextSerializer.write(out, "five");
                }),
                "sampler.generate",
                "seeds[1] is a String, must be a Long");
        reader.assertRefused(
                generate(out -> {
                    out.writeVarInt(1, true);
                    out.writeVarInt(0, true);
                }),
                "sampler.generate",
                "element 0 of a list is null, in seeds (dev.sluice");
    }

    @Test
    void valueThatItsOwnRecordRefuses() {
        byte[] frame = reader.serializer().toBinary(samples.sample(CriticMessage.BeginPhase.class, 1));
        ByteBuffer bytes = ByteBuffer.wrap(frame).order(ByteOrder.LITTLE_ENDIAN);
        int at = IntStream.range(0, frame.length - 7)
                .filter(i -> bytes.getDouble(i) == 0.75)
                .findFirst()
                .orElseThrow();
        bytes.putDouble(at, 1.75);
        reader.assertRefused(frame, "critic.begin-phase", "timesteps must decrease strictly");
    }

    @Test
    void fieldTwice() {
        reader.assertRefused(
                HostileReader.frame(out -> {
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
        reader.assertRefused(
                HostileReader.frame(out -> {
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
        byte[] frame = HostileReader.frame(out -> {
            out.writeVarInt(94 + 2, true);
            out.writeByte(1);
            TextSerializer.write(out, text);
        });
        for (Object refusal : List.of(reader.read(frame, "recorder.flush"), reader.read(new byte[3], text))) {
            assertThat((Throwable) refusal)
                    .hasMessageContaining("broken [31mxxx")
                    .extracting(Throwable::getMessage)
                    .asString()
                    .hasSizeLessThan(700);
        }
    }

    /** A Generate whose seeds are what {@code list} writes; components stand in the order of their names. */
    private static byte[] generate(Consumer<Output> list) {
        return HostileReader.frame(out -> {
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
