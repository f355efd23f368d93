package dev.sluice.protocol.event;

import dev.sluice.protocol.Epoch;
import dev.sluice.protocol.Shown;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * A {@link RunEvent} as it is written and sent: a type and fields, which are strings, longs, doubles and booleans. An empty
 * value and {@code false} are left out; a map of counts is spread among the fields.
 */
public record EventForm(String type, Map<String, Object> fields) {
    /** Fields that every line of a log has beside an event's own. */
    private static final Set<String> OF_THE_LOG = Set.of("at", "type");

    private static final int LONGEST_SHOWN = 80;

    /** A component of a type of event, and the field that it is. */
    private record Part(String field, Class<?> type, Method accessor) {}

    /** A type of event, looked through once. */
    private record Shape(String type, List<Part> parts, Constructor<? extends RunEvent> constructor) {}

    private static final Map<Class<? extends RunEvent>, Shape> SHAPES = leaves(RunEvent.class).stream()
            .filter(type -> type != RunEvent.Unknown.class)
            .collect(Collectors.toUnmodifiableMap(Function.identity(), EventForm::shape));

    private static final Map<String, Shape> BY_TYPE =
            SHAPES.values().stream().collect(Collectors.toUnmodifiableMap(Shape::type, Function.identity()));

    public EventForm {
        fields = Map.copyOf(fields);
    }

    /** By which events of that class are called. */
    public static String typeOf(Class<? extends RunEvent> type) {
        return hyphenated(type.getSimpleName());
    }

    /** @throws IllegalArgumentException for an unknown event, which only exists where one was read */
    public static EventForm of(RunEvent event) {
        if (event instanceof RunEvent.Unknown unknown) {
            throw new IllegalArgumentException("an event of the unknown type " + unknown.type() + " cannot be written");
        }
        Shape shape = SHAPES.get(event.getClass());
        Map<String, Object> fields = new LinkedHashMap<>();
        for (Part part : shape.parts()) {
            String name = part.field();
            Object value = value(event, part);
            if (value instanceof Map<?, ?> counts) {
                counts.forEach((key, count) -> {
                    if (OF_THE_LOG.contains(key) || fields.putIfAbsent((String) key, count) != null) {
                        throw new IllegalArgumentException(shape.type() + " counts " + key + ", which is a field");
                    }
                });
            } else if (value instanceof OptionalLong perhaps) {
                perhaps.ifPresent(number -> fields.put(name, number));
            } else if (value instanceof Integer number) {
                fields.put(name, number.longValue());
            } else if (value instanceof Enum<?> constant) {
                fields.put(name, key(constant));
            } else if (!Boolean.FALSE.equals(value)) {
                fields.put(name, value);
            }
        }
        return new EventForm(shape.type(), fields);
    }

    /**
     * The event that this is; {@link RunEvent.Unknown} for a type that this version does not know. Fields that it does not
     * know are passed over.
     *
     * @throws IllegalArgumentException when a field of a known type is missing or is no such value; the message is written
     *     for people
     */
    public RunEvent event() {
        Shape shape = BY_TYPE.get(type);
        if (shape == null) {
            return new RunEvent.Unknown(Shown.line(LONGEST_SHOWN, type));
        }
        Object[] values =
                shape.parts().stream().map(part -> read(part, shape.parts())).toArray();
        try {
            return shape.constructor().newInstance(values);
        } catch (InvocationTargetException e) {
            throw new IllegalArgumentException(type + ": " + e.getCause().getMessage(), e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private Object read(Part part, List<Part> all) {
        Class<?> wanted = part.type();
        if (wanted == Map.class) {
            return counts(all);
        }
        String name = part.field();
        Object value = fields.get(name);
        if (wanted == OptionalLong.class) {
            return value == null ? OptionalLong.empty() : OptionalLong.of(whole(name, value));
        }
        if (wanted == boolean.class) {
            return Boolean.TRUE.equals(value);
        }
        if (value == null) {
            throw new IllegalArgumentException(type + " without " + name);
        }
        if (wanted == int.class) {
            long number = whole(name, value);
            if (number != (int) number || name.equals("epoch") && !Epoch.isOne(number)) {
                throw no(name, value);
            }
            return (int) number;
        }
        if (wanted == long.class) {
            return whole(name, value);
        }
        if (wanted == double.class && value instanceof Number number) {
            return number.doubleValue();
        }
        if (wanted.isEnum()) {
            return Arrays.stream(wanted.getEnumConstants())
                    .filter(constant -> key((Enum<?>) constant).equals(value))
                    .findFirst()
                    .orElseThrow(() -> no(name, value));
        }
        if (wanted == String.class && value instanceof String) {
            return value;
        }
        throw no(name, value);
    }

    /** Every number that no other component takes. */
    private Map<String, Long> counts(List<Part> all) {
        Set<String> taken = all.stream().map(Part::field).collect(Collectors.toSet());
        Map<String, Long> counts = new LinkedHashMap<>();
        fields.forEach((name, value) -> {
            if (value instanceof Number && !taken.contains(name) && !OF_THE_LOG.contains(name)) {
                counts.put(name, whole(name, value));
            }
        });
        return counts;
    }

    private long whole(String name, Object value) {
        if (value instanceof Integer || value instanceof Long) {
            return ((Number) value).longValue();
        }
        throw no(name, value);
    }

    private IllegalArgumentException no(String name, Object value) {
        return new IllegalArgumentException(
                type + " with " + name + " = " + Shown.line(LONGEST_SHOWN, String.valueOf(value)));
    }

    private static Object value(RunEvent event, Part part) {
        try {
            return part.accessor().invoke(event);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String key(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    private static String hyphenated(String name) {
        return name.replaceAll("(?<=[a-z0-9])(?=[A-Z])", "-").toLowerCase(Locale.ROOT);
    }

    private static Shape shape(Class<? extends RunEvent> type) {
        List<Part> parts = Arrays.stream(type.getRecordComponents())
                .map(component ->
                        new Part(hyphenated(component.getName()), component.getType(), component.getAccessor()))
                .toList();
        try {
            Class<?>[] types = parts.stream().map(Part::type).toArray(Class<?>[]::new);
            return new Shape(typeOf(type), parts, type.getDeclaredConstructor(types));
        } catch (NoSuchMethodException e) {
            throw new IllegalStateException(e);
        }
    }

    private static List<Class<? extends RunEvent>> leaves(Class<? extends RunEvent> type) {
        if (type.isRecord()) {
            return List.of(type);
        }
        List<Class<? extends RunEvent>> leaves = new ArrayList<>();
        for (Class<?> permitted : type.getPermittedSubclasses()) {
            leaves.addAll(leaves(permitted.asSubclass(RunEvent.class)));
        }
        return leaves;
    }
}
