package dev.sluice.protocol.wire;

import static org.assertj.core.api.Assertions.assertThat;

import com.esotericsoftware.kryo.Registration;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The wire's format does not change without anybody noticing. */
class RegistrationsTest {
    private static ActorTestKit testKit;
    private static MessageKryo kryo;

    @BeforeAll
    static void start() {
        testKit = ActorTestKit.create();
        kryo = new MessageKryo(ActorRefResolver.get(testKit.system()));
    }

    @AfterAll
    static void stop() {
        testKit.shutdownTestKit();
    }

    @Test
    void formatIsTheOneThatIsWrittenDown() throws IOException {
        String expected;
        try (InputStream golden = getClass().getResourceAsStream("wire-format.txt")) {
            expected = new String(Objects.requireNonNull(golden).readAllBytes(), StandardCharsets.UTF_8);
        }
        List<String> lines = new ArrayList<>();
        lines.add("frame version " + Frame.VERSION);
        registrations().map(RegistrationsTest::describe).forEach(lines::add);
        assertThat(lines)
                .as("ids, manifests, components and constants as in wire-format.txt. A new line may be added; a changed"
                        + " one is read wrongly by older nodes: raise Frame.VERSION, then change it there too")
                .containsExactlyElementsOf(expected.lines().toList());
    }

    @Test
    void everyMessageHasAnIdAndAManifestOfItsOwn() {
        List<Registrations.Message> messages =
                Samples.messageTypes().stream().map(Registrations::ofType).toList();
        assertThat(messages).doesNotContainNull();
        for (Registrations.Message message : messages) {
            assertThat(Registrations.ofManifest(message.manifest())).isEqualTo(message);
            // A second registration under the same id would have taken this one's place.
            assertThat(kryo.getRegistration(message.id()).getType()).isEqualTo(message.type());
        }
        Set<Integer> ids = messages.stream().map(Registrations.Message::id).collect(Collectors.toSet());
        assertThat(ids).hasSize(messages.size());
    }

    @Test
    void everythingInsideAMessageIsRegistered() {
        Set<Class<?>> inside = new HashSet<>();
        Samples.messageTypes().forEach(type -> collect(type, inside));
        assertThat(inside)
                .allSatisfy(
                        type -> assertThat(kryo.getRegistration(type).getType()).isEqualTo(type));
        assertThat(inside).hasSizeGreaterThan(40);
    }

    @Test
    void everyLocalBranchIsKnown() {
        assertThat(Samples.localTypes()).hasSize(10).allMatch(Registrations::isLocal);
    }

    private static void collect(Class<?> type, Set<Class<?>> inside) {
        if ((type.isRecord() || type.isEnum()) && inside.add(type) && type.isRecord()) {
            for (RecordComponent component : type.getRecordComponents()) {
                collect(component.getType(), inside);
            }
        }
    }

    private static Stream<Registration> registrations() {
        return IntStream.range(0, 1000).mapToObj(kryo::getRegistration).filter(Objects::nonNull);
    }

    private static String describe(Registration registration) {
        Class<?> type = registration.getType();
        String line = registration.getId() + " " + type.getName();
        if (type.isRecord()) {
            // In Kryo's order: by name.
            line += Arrays.stream(type.getRecordComponents())
                    .sorted(Comparator.comparing(RecordComponent::getName))
                    .map(c ->
                            c.getName() + " " + c.getGenericType().getTypeName().replaceAll("[a-z.]+\\.(?=[A-Z])", ""))
                    .collect(Collectors.joining(", ", " (", ")"));
            Registrations.Message message = Registrations.ofType(type.asSubclass(Record.class));
            line += message == null ? "" : " " + message.manifest();
        } else if (type.isEnum()) {
            line += " " + Arrays.toString(type.getEnumConstants());
        }
        return line;
    }
}
