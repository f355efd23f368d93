package dev.sluice.protocol.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.protocol.Role;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class EventFormTest {
    static List<Class<? extends RunEvent>> types() {
        List<Class<? extends RunEvent>> all = leaves(RunEvent.class);
        all.remove(RunEvent.Unknown.class);
        return all;
    }

    private static List<Class<? extends RunEvent>> leaves(Class<? extends RunEvent> type) {
        List<Class<? extends RunEvent>> leaves = new ArrayList<>();
        if (type.isRecord()) {
            leaves.add(type);
        } else {
            for (Class<?> permitted : type.getPermittedSubclasses()) {
                leaves.addAll(leaves(permitted.asSubclass(RunEvent.class)));
            }
        }
        return leaves;
    }

    @ParameterizedTest
    @MethodSource("types")
    void everyEventReadsAsItWasWritten(Class<? extends RunEvent> type) throws ReflectiveOperationException {
        RunEvent event = sample(type);

        EventForm form = EventForm.of(event);

        assertThat(form.event()).isEqualTo(event);
        assertThat(form.fields()).doesNotContainKeys("at", "type");
        assertThat(form.fields().values())
                .allMatch(value -> value instanceof String
                        || value instanceof Long
                        || value instanceof Double
                        || value instanceof Boolean);
    }

    @ParameterizedTest
    @MethodSource("types")
    void aFieldThatIsMissingOrSomethingElseIsNamed(Class<? extends RunEvent> type) throws ReflectiveOperationException {
        EventForm whole = EventForm.of(sample(type));
        for (String field : whole.fields().keySet()) {
            Map<String, Object> odd = new HashMap<>(whole.fields());
            odd.put(field, List.of());
            assertRefused(new EventForm(whole.type(), odd), field, " with " + field + " = []");
            odd.remove(field);
            assertRefused(new EventForm(whole.type(), odd), field, " without " + field);
        }
    }

    private static void assertRefused(EventForm form, String field, String problem) {
        boolean isCount = form.type().equals("requests-counted")
                && !List.of("epoch", "sampler").contains(field);
        boolean mayBeMissing = form.type().equals("process-cost") && !field.equals("roles");
        if (isCount || mayBeMissing && problem.contains("without")) {
            // Only numbers are counts, and only true is true.
            assertThat(EventForm.of(form.event()).fields()).doesNotContainKey(field);
            return;
        }
        assertThatThrownBy(form::event)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(form.type() + problem);
    }

    @Test
    void theFormIsTheOneThatLogsHave() {
        assertThat(EventForm.of(new RunEvent.RoleStarted(3, Role.CRITIC, "a", "n", "gpu:0")))
                .isEqualTo(new EventForm(
                        "role-started",
                        Map.of("epoch", 3L, "role", "critic", "actor", "a", "node", "n", "device", "gpu:0")));
        assertThat(EventForm.of(new RunEvent.RequestsCounted(1, "s", Map.of("accepted", 2L, "failed-error", 1L), true)))
                .isEqualTo(new EventForm(
                        "requests-counted",
                        Map.of("epoch", 1L, "sampler", "s", "accepted", 2L, "failed-error", 1L, "last", true)));
        assertThat(EventForm.of(new RunEvent.RequestsCounted(1, "s", Map.of(), false))
                        .fields())
                .containsOnlyKeys("epoch", "sampler");
        assertThat(EventForm.of(new RunEvent.ProcessCost("control", OptionalLong.of(5), OptionalLong.empty())))
                .isEqualTo(new EventForm("process-cost", Map.of("roles", "control", "peak-resident-bytes", 5L)));
    }

    /** As in every log that there is: whoever changes one, makes old runs unreadable. */
    @Test
    void theNamesStay() throws IOException, ReflectiveOperationException {
        StringBuilder names = new StringBuilder();
        for (Class<? extends RunEvent> type : types()) {
            EventForm form = EventForm.of(sample(type));
            names.append(form.type())
                    .append(": ")
                    .append(String.join(", ", new TreeSet<>(form.fields().keySet())))
                    .append('\n');
        }
        try (InputStream known = EventFormTest.class.getResourceAsStream("event-format.txt")) {
            assertThat(names).hasToString(new String(known.readAllBytes(), StandardCharsets.UTF_8));
        }
    }

    @Test
    void aCountThatIsCalledLikeAFieldIsRefused() {
        for (String name : List.of("epoch", "sampler", "at", "type")) {
            assertThatThrownBy(() -> EventForm.of(new RunEvent.RequestsCounted(1, "s", Map.of(name, 2L), false)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("requests-counted counts " + name + ", which is a field");
        }
    }

    @Test
    void whatIsRepeatedOfAValueIsShortAndOneLine() {
        String much = "\n\u001b[31m" + "x".repeat(1 << 20);
        assertThatThrownBy(() -> new EventForm("run-cancelled", Map.of("epoch", much)).event())
                .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(120).doesNotContain("\n", "\u001b"));
        assertThat(((RunEvent.Unknown) new EventForm(much, Map.of()).event()).type())
                .hasSizeLessThan(100)
                .doesNotContain("\n");
    }

    @Test
    void whatIsNotKnownIsNoError() {
        assertThat(new EventForm("moon-risen", Map.of("full", true)).event())
                .isEqualTo(new RunEvent.Unknown("moon-risen"));
        assertThat(new EventForm("run-cancelled", Map.of("epoch", 1, "by", "me")).event())
                .isEqualTo(new RunEvent.RunCancelled(1));
    }

    @Test
    void whatNoStartCanHaveIsRefused() {
        for (Object epoch : List.of(0, -1, 2_147_483_647, 4_294_967_297L, 1.0, "1")) {
            assertThatThrownBy(() -> new EventForm("run-cancelled", Map.of("epoch", epoch)).event())
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("run-cancelled with epoch = " + epoch);
        }
        assertThatThrownBy(() -> new EventForm("run-cancelled", Map.of()).event())
                .hasMessage("run-cancelled without epoch");
        assertThatThrownBy(() -> new EventForm(
                                "role-started",
                                Map.of("epoch", 1, "role", "king", "actor", "a", "node", "n", "device", "cpu"))
                        .event())
                .hasMessage("role-started with role = king");
    }

    private static RunEvent sample(Class<? extends RunEvent> type) throws ReflectiveOperationException {
        RecordComponent[] components = type.getRecordComponents();
        Object[] values = new Object[components.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = sample(components[i].getType(), i + 1);
        }
        Class<?>[] types =
                Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
        return type.getDeclaredConstructor(types).newInstance(values);
    }

    private static Object sample(Class<?> type, int number) {
        if (type == int.class) {
            return number;
        }
        if (type == long.class) {
            return 5_000_000_000L + number;
        }
        if (type == double.class) {
            return 0.25 * number;
        }
        if (type == boolean.class) {
            return true;
        }
        if (type == OptionalLong.class) {
            return OptionalLong.of(number);
        }
        if (type == Role.class) {
            return Role.TEACHER;
        }
        if (type == Map.class) {
            return Map.of("accepted", 1L * number, "served", 2L);
        }
        return "text " + number;
    }
}
