package dev.sluice.protocol.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.protocol.message.SupervisorMessage;
import java.io.NotSerializableException;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Real frames, broken in every place. */
class FuzzedFramesTest {
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

    static Stream<Class<? extends Record>> messageTypes() {
        return Samples.messageTypes().stream();
    }

    @ParameterizedTest
    @MethodSource("messageTypes")
    void cutShortAnywhere(Class<? extends Record> type) {
        byte[] frame = reader.serializer().toBinary(samples.sample(type, 2));
        for (int length = 0; length < frame.length; length++) {
            byte[] cut = Arrays.copyOf(frame, length);
            assertThatThrownBy(() -> reader.serializer().fromBinary(cut, HostileReader.manifest(type)))
                    .as("cut to %d of %d bytes", length, frame.length)
                    .isExactlyInstanceOf(NotSerializableException.class);
        }
    }

    @ParameterizedTest
    @MethodSource("messageTypes")
    void anyByteChanged(Class<? extends Record> type) {
        byte[] frame = reader.serializer().toBinary(samples.sample(type, 2));
        int refused = 0;
        for (int i = 0; i < frame.length; i++) {
            for (int flip : new int[] {1, 0x80, 0xff, 0x7f, frame[i] & 0xff}) {
                byte[] changed = frame.clone();
                changed[i] ^= (byte) flip;
                refused += reader.isRefused(changed, type) ? 1 : 0;
            }
        }
        assertThat(refused).as("the version byte at least").isGreaterThanOrEqualTo(4);
    }

    @ParameterizedTest
    @MethodSource("messageTypes")
    void anyNumberMadeHuge(Class<? extends Record> type) {
        byte[] frame = reader.serializer().toBinary(samples.sample(type, 2));
        byte[] hugeVarInt = {-1, -1, -1, -1, 7};
        byte[] negativeVarInt = {-1, -1, -1, -1, 15};
        byte[] hugeInt = {-1, -1, -1, 127};
        int refused = 0;
        for (byte[] number : List.of(hugeVarInt, negativeVarInt, hugeInt)) {
            for (int i = 0; i + number.length <= frame.length; i++) {
                byte[] changed = frame.clone();
                System.arraycopy(number, 0, changed, i, number.length);
                refused += reader.isRefused(changed, type) ? 1 : 0;
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
            refused += reader.isRefused(bytes, type) ? 1 : 0;
        }
        assertThat(refused).isBetween(tried / 2, tried);
    }

    @ParameterizedTest
    @MethodSource("messageTypes")
    void manifestOfAnotherMessage(Class<? extends Record> type) {
        byte[] frame = reader.serializer().toBinary(samples.sample(type, 1));
        for (Class<? extends Record> other : Samples.messageTypes()) {
            if (other != type) {
                assertThatThrownBy(() -> reader.serializer().fromBinary(frame, HostileReader.manifest(other)))
                        .isExactlyInstanceOf(NotSerializableException.class)
                        .hasMessageContaining(
                                "is no " + HostileReader.manifest(other) + ": it holds a " + type.getSimpleName());
            }
        }
    }

    @Test
    void aRefusalDoesNotSpoilTheNextMessage() throws Exception {
        SupervisorMessage.BudgetSpent message = new SupervisorMessage.BudgetSpent(3, 2, 100);
        byte[] good = reader.serializer().toBinary(message);
        for (int length = 0; length < good.length; length++) {
            assertThat(reader.isRefused(Arrays.copyOf(good, length), message.getClass()))
                    .isTrue();
            assertThat(reader.serializer().fromBinary(good, "supervisor.budget-spent"))
                    .isEqualTo(message);
        }
    }

    private static byte[] structure(byte[] noise, int id) {
        return HostileReader.frame(out -> {
            out.writeVarInt(id + 2, true);
            out.writeBytes(noise);
        });
    }
}
