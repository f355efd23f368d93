package dev.sluice.protocol.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GenerationReply;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.pekko.Done;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.serialization.SerializationExtension;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every message arrives as it was sent. */
class RoundTripTest {
    private static ActorTestKit testKit;
    private static Samples samples;
    private static MessageSerializer serializer;

    @BeforeAll
    static void start() throws Exception {
        testKit = ActorTestKit.create();
        samples = new Samples(testKit);
        serializer = (MessageSerializer)
                SerializationExtension.get(Adapter.toClassic(testKit.system())).serializerFor(CriticMessage.class);
    }

    @AfterAll
    static void stop() {
        testKit.shutdownTestKit();
    }

    static Stream<Class<? extends Record>> messageTypes() {
        return Samples.messageTypes().stream();
    }

    @Test
    void findsTheMessagesOfEveryInterface() {
        assertThat(Samples.messageTypes())
                .contains(GeneratorMessage.Gradient.class, SupervisorMessage.RoleFailed.class)
                .hasSizeGreaterThanOrEqualTo(32);
    }

    @ParameterizedTest
    @MethodSource("messageTypes")
    void everyMessageIsBoundToThisSerializer(Class<? extends Record> type) throws Exception {
        assertThat(SerializationExtension.get(Adapter.toClassic(testKit.system()))
                        .serializerFor(type))
                .isSameAs(serializer);
    }

    @ParameterizedTest
    @MethodSource("messageTypes")
    void everyMessageReturnsFromAnArray(Class<? extends Record> type) throws Exception {
        for (int entries = 0; entries < 4; entries++) {
            Record message = samples.sample(type, entries);
            Object read = serializer.fromBinary(serializer.toBinary(message), serializer.manifest(message));
            assertThat(read).isExactlyInstanceOf(type).isEqualTo(message);
        }
    }

    @ParameterizedTest
    @MethodSource("messageTypes")
    void everyMessageReturnsFromTheMiddleOfABuffer(Class<? extends Record> type) throws Exception {
        Record message = samples.sample(type, 3);
        byte[] alone = serializer.toBinary(message);
        for (ByteOrder order : List.of(ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN)) {
            ByteBuffer buffer = ByteBuffer.allocateDirect(64 * 1024).order(order);
            buffer.position(13);
            serializer.toBinary(message, buffer);
            assertThat(buffer.position()).isEqualTo(13 + alone.length);
            assertThat(buffer.order()).isEqualTo(order);

            buffer.flip().position(13);
            byte[] written = new byte[alone.length];
            buffer.get(13, written);
            assertThat(written).isEqualTo(alone);
            assertThat(serializer.fromBinary(buffer, serializer.manifest(message)))
                    .isEqualTo(message);
            assertThat(buffer.hasRemaining()).isFalse();
        }
    }

    @ParameterizedTest
    @MethodSource("messageTypes")
    void everyMessageReturnsFromAConnectionAsOftenAsItIsSent(Class<? extends Record> type) throws Exception {
        Record message = samples.sample(type, 3);
        WireMessage ready = serializer.prepare(message);
        ByteArrayOutputStream sent = new ByteArrayOutputStream();
        ByteBuffer small = ByteBuffer.allocateDirect(9).order(ByteOrder.LITTLE_ENDIAN);
        small.put((byte) 77);
        ready.writeTo(Channels.newChannel(sent), small);
        ready.writeTo(Channels.newChannel(sent), small);

        byte[] alone = serializer.toBinary(message);
        assertThat(ready.size()).isEqualTo(alone.length);
        byte[] expected = ByteBuffer.allocate(1 + 2 * alone.length)
                .put((byte) 77)
                .put(alone)
                .put(alone)
                .array();
        assertThat(sent.toByteArray()).isEqualTo(expected);

        Trickle channel = new Trickle(Arrays.copyOfRange(expected, 1, expected.length));
        ByteBuffer buffer =
                ByteBuffer.allocateDirect(16).order(ByteOrder.LITTLE_ENDIAN).flip();
        for (int i = 0; i < 2; i++) {
            assertThat(serializer.read(ready.manifest(), ready.size(), channel, buffer))
                    .isEqualTo(message);
        }
    }

    @Test
    void aConnectionThatEndsInTheMiddleIsNoRefusal() {
        byte[] frame = serializer.toBinary(new RecorderMessage.Grid(1, Tensor.of(new float[100], 100)));
        Trickle channel = new Trickle(Arrays.copyOf(frame, frame.length - 1));
        ByteBuffer buffer =
                ByteBuffer.allocateDirect(16).order(ByteOrder.LITTLE_ENDIAN).flip();
        assertThatThrownBy(() -> serializer.read("recorder.grid", frame.length, channel, buffer))
                .isInstanceOf(EOFException.class)
                .hasMessage("the connection ended in the middle of a frame");
    }

    @Test
    void listsArriveUnmodifiableWhateverTheyWere() throws Exception {
        TestProbe<GenerationReply> probe = testKit.createTestProbe(GenerationReply.class);
        SamplerMessage.Generate message =
                new SamplerMessage.Generate("id", new ArrayList<>(Arrays.asList(1L, 2L, 3L)), -1, 1000, probe.getRef());
        SamplerMessage.Generate read = copy(message);
        assertThat(read).isEqualTo(message);
        assertThatThrownBy(() -> read.seeds().add(4L)).isInstanceOf(UnsupportedOperationException.class);
    }

    @Test
    void aReferenceThatArrivesReachesItsActor() throws Exception {
        TestProbe<Done> probe = testKit.createTestProbe(Done.class);
        copy(new RecorderMessage.Flush(probe.getRef())).replyTo().tell(Done.getInstance());
        probe.expectMessage(Done.getInstance());
    }

    @Test
    void textKeepsItsCharactersAndBrokenTextBecomesQuestionMarks() throws Exception {
        String text = "\u0000 ~ \u007f é ß 図 😀 " + "x".repeat(10_000);
        assertThat(copy(new SamplerMessage.Cancel(text)).id()).isEqualTo(text);
        assertThat(copy(new SamplerMessage.Cancel("")).id()).isEmpty();
        assertThat(copy(new SamplerMessage.Cancel("half \ud83d of it")).id()).isEqualTo("half ? of it");
    }

    @Test
    void fieldsKeepTheirTypes() throws Exception {
        Map<String, Object> fields = Map.of("long", 1L, "int", 1, "double", 1.0, "flag", false, "text", "1");
        assertThat(copy(new RecorderMessage.Event("tried", fields)).fields()).isEqualTo(fields);
    }

    @Test
    void threadsDoNotDisturbOneAnother() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Record> messages = Samples.messageTypes().stream()
                    .<Record>map(type -> samples.sample(type, 2))
                    .toList();
            Callable<List<Record>> copies = () -> {
                List<Record> read = new ArrayList<>();
                for (Record message : messages) {
                    read.add(copy(message));
                }
                return read;
            };
            for (Future<List<Record>> read : threads.invokeAll(Collections.nCopies(32, copies))) {
                assertThat(read.get(30, TimeUnit.SECONDS)).isEqualTo(messages);
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @SuppressWarnings("unchecked")
    private static <T extends Record> T copy(T message) throws Exception {
        return (T) serializer.fromBinary(serializer.toBinary(message), serializer.manifest(message));
    }
}
