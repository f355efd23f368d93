package dev.sluice.protocol.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.sluice.protocol.CriticReport;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GenerationReply;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.LogCapturingExtension;
import org.apache.pekko.actor.testkit.typed.javadsl.LoggingTestKit;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What may not or cannot be sent is refused before it leaves, with a message that says what and why. */
@ExtendWith(LogCapturingExtension.class)
class RefusedAtSenderTest {
    private record Stranger(int number) {}

    private record Tick() implements CriticMessage.Local {}

    private static ActorTestKit testKit;
    private static ExtendedActorSystem system;
    private static MessageSerializer serializer;

    @BeforeAll
    static void start() {
        testKit = ActorTestKit.create(
                ConfigFactory.parseString("sluice.wire { max-frame = 64 KiB, max-message = 96 KiB }")
                        .withFallback(ConfigFactory.load()));
        system = (ExtendedActorSystem) Adapter.toClassic(testKit.system());
        serializer = new MessageSerializer(system);
    }

    @AfterAll
    static void stop() {
        testKit.shutdownTestKit();
    }

    @Test
    void unregisteredClass() {
        for (Object stranger : List.of(new Stranger(1), "text", new ArrayList<>(), new Throwable())) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> serializer.manifest(stranger))
                    .withMessageContaining("is not registered, so it cannot be sent")
                    .withMessageContaining("Registrations");
            assertThatIllegalArgumentException().isThrownBy(() -> serializer.toBinary(stranger));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> serializer.toBinary(stranger, ByteBuffer.allocate(1000)))
                    .withMessageContaining(stranger.getClass().getSimpleName());
        }
    }

    @Test
    void localMessage() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> serializer.manifest(new Tick()))
                .withMessage("RefusedAtSenderTest.Tick is a Local message, which never leaves the JVM: its recipient"
                        + " must be in the sender's own system");
        assertThatIllegalArgumentException().isThrownBy(() -> serializer.toBinary(new Tick()));
    }

    @Test
    void nullAnywhere() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> serializer.toBinary(new SupervisorMessage.RoleFailed(
                        1, null, "why", testKit.system().deadLetters())))
                .withMessage("SupervisorMessage.RoleFailed.role is null");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> serializer.toBinary(
                        new GeneratorMessage.Gradient(1, 1, 1, null, new CriticReport(List.of(), 0, 0))))
                .withMessage("GeneratorMessage.Gradient.gradient is null");
    }

    @Test
    @SuppressWarnings("unchecked")
    void listThatHoldsWhatItsTypeForbids() {
        List<Long> polluted = (List<Long>) (List<?>) List.of(1L, "two");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> serializer.toBinary(new SamplerMessage.Generate(
                        "id",
                        polluted,
                        -1,
                        1,
                        testKit.createTestProbe(GenerationReply.class).getRef())))
                .withMessage("SamplerMessage.Generate.seeds[1] is a String, must be a Long");
    }

    @Test
    void fieldThatIsNoScalar() {
        for (Object value : List.of(1f, List.of(), Map.of(), 'c', Tensor.of(new float[1], 1))) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> serializer.toBinary(new RecorderMessage.Event("loss", Map.of("value", value))))
                    .withMessage("RecorderMessage.Event.fields.value is a "
                            + value.getClass().getSimpleName()
                            + ", must be a String, Long, Integer, Double or Boolean");
        }
    }

    @Test
    void frameAboveTheLimit() {
        int most = 64 * 1024;
        int overhead = serializer.toBinary(grid(0)).length;
        assertThat(serializer.toBinary(grid((most - overhead) / 4))).hasSize(most - (most - overhead) % 4);

        RecorderMessage.Grid large = grid(25_000);
        assertThatThrownBy(() -> serializer.toBinary(large))
                .isInstanceOf(FrameTooLargeException.class)
                .isInstanceOf(BufferOverflowException.class)
                .hasMessage("RecorderMessage.Grid takes " + (100_000 + overhead) + " bytes, the limit"
                        + " sluice.wire.max-frame is 65536: send smaller batches, or raise it together with"
                        + " pekko.remote.artery.advanced.maximum-large-frame-size");
    }

    @Test
    void textAboveTheLimitCountsToo() {
        assertThatThrownBy(() -> serializer.toBinary(new SamplerMessage.Cancel("x".repeat(70_000))))
                .isInstanceOf(FrameTooLargeException.class)
                .hasMessageContaining("SamplerMessage.Cancel takes 7");
    }

    @Test
    void moreTensorsThanAReaderTakes() {
        List<Tensor> tensors = Collections.nCopies(65, Tensor.of(new float[1], 1));
        assertThat(new Frame(new byte[1], 1, tensors.subList(1, 65)).size()).isEqualTo(8 + 64 * 14);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Frame(new byte[1], 1, tensors))
                .withMessage("a message has 65 tensors, the limit is 64");
    }

    @Test
    void frameAboveItsLaneWritesNothingAndIsLogged() {
        ByteBuffer lane = ByteBuffer.allocateDirect(4000);
        lane.position(100);
        Throwable refusal = LoggingTestKit.error("Not sent: RecorderMessage.Grid takes 40")
                .expect(testKit.system(), () -> catchThrowable(() -> serializer.toBinary(grid(1000), lane)));
        assertThat(refusal)
                .isInstanceOf(FrameTooLargeException.class)
                .hasMessageContaining("the frame of its lane has 3900 left")
                .hasMessageContaining("pekko.remote.artery.large-message-destinations");
        assertThat(lane.position()).isEqualTo(100);
    }

    @Test
    void limitsThatCannotHold() {
        Config lane = ConfigFactory.parseString("pekko.remote.artery.advanced.maximum-large-frame-size = 2 MiB");
        assertThat(WireSettings.from(limit("2032 KiB").withFallback(lane)).maxFrame())
                .isEqualTo(2032 * 1024);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> WireSettings.from(limit("2 MiB").withFallback(lane)))
                .withMessage("sluice.wire.max-frame = 2097152 bytes does not fit"
                        + " pekko.remote.artery.advanced.maximum-large-frame-size = 2097152 with 16384 bytes for the"
                        + " envelope: lower the one or raise the other");
        for (String bad : List.of("0", "16383", "2 GiB")) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> WireSettings.from(limit("\"" + bad + "\"")))
                    .withMessageContaining("sluice.wire.max-frame = ")
                    .withMessageContaining("must be between 16384 and 2147483647");
        }
    }

    @Test
    void messageAboveItsLimit() {
        int overhead = serializer.prepare(grid(0)).size();
        assertThat(serializer.prepare(grid(24_500)).size()).isEqualTo(98_000 + overhead);
        assertThatThrownBy(() -> serializer.prepare(grid(25_000)))
                .isInstanceOf(FrameTooLargeException.class)
                .hasMessage("RecorderMessage.Grid takes " + (100_000 + overhead) + " bytes, the limit"
                        + " sluice.wire.max-message is 98304: send smaller batches, or raise it on every node");
    }

    @Test
    void messageLimitBelowTheFrameLimit() {
        Config config = ConfigFactory.parseString("sluice.wire { max-frame = 64 KiB, max-message = 63 KiB }");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> WireSettings.from(config))
                .withMessage("sluice.wire.max-message = 64512 bytes must be between sluice.wire.max-frame = 65536 and"
                        + " 2147483647");
    }

    private static Config limit(String size) {
        return ConfigFactory.parseString("sluice.wire { max-message = 256 MiB, max-frame = " + size + " }");
    }

    private static RecorderMessage.Grid grid(int floats) {
        return new RecorderMessage.Grid(1, Tensor.of(new float[floats], floats));
    }
}
