package dev.sluice.protocol.wire;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Whether a record is what its declaration says, down to the elements of its lists, which the JVM itself does not check:
 * a {@code List<Long>} off the wire may hold anything that is registered, and would break the actor that believes it.
 * Nothing in a message is ever null.
 *
 * <p>Thread-safe.
 */
final class Conformance {
    /** What a component declared as Object may hold: an event's fields. */
    private static final List<Class<?>> SCALARS =
            List.of(String.class, Long.class, Integer.class, Double.class, Boolean.class);

    private record Component(String name, Type type, Method accessor) {}

    private static final ClassValue<Component[]> COMPONENTS = new ClassValue<>() {
        @Override
        protected Component[] computeValue(Class<?> type) {
            return Arrays.stream(type.getRecordComponents())
                    .filter(c -> !c.getType().isPrimitive())
                    .map(Conformance::component)
                    .toArray(Component[]::new);
        }
    };

    private Conformance() {}

    /**
     * Refuses a message that holds something else than it declares.
     *
     * @throws IllegalArgumentException naming the component, such as {@code seeds[2] is a String, must be a Long}
     */
    static void require(Record message) {
        String fault = faultIn(message);
        if (fault != null) {
            throw new IllegalArgumentException(fault.substring(1));
        }
    }

    /** Null when all is well: the usual case builds no string. */
    private static String faultIn(Record record) {
        for (Component component : COMPONENTS.get(record.getClass())) {
            String fault = fault(valueOf(component, record), component.type());
            if (fault != null) {
                return "." + component.name() + fault;
            }
        }
        return null;
    }

    private static String fault(Object value, Type type) {
        if (value == null) {
            return " is null";
        }
        if (type == Object.class) {
            return SCALARS.contains(value.getClass())
                    ? null
                    : " is a " + value.getClass().getSimpleName()
                            + ", must be a String, Long, Integer, Double or Boolean";
        }
        Class<?> raw = (Class<?>) (type instanceof ParameterizedType p ? p.getRawType() : type);
        if (!raw.isInstance(value)) {
            return " is a " + value.getClass().getSimpleName() + ", must be a " + raw.getSimpleName();
        }
        if (value instanceof Record record) {
            return faultIn(record);
        }
        if (type instanceof ParameterizedType parameterized) {
            return faultInside(value, parameterized.getActualTypeArguments());
        }
        return null;
    }

    private static String faultInside(Object value, Type[] arguments) {
        if (value instanceof List<?> list) {
            int i = 0;
            for (Object element : list) {
                String fault = fault(element, arguments[0]);
                if (fault != null) {
                    return "[" + i + "]" + fault;
                }
                i++;
            }
        } else if (value instanceof Optional<?> optional) {
            return optional.isEmpty() ? null : fault(optional.get(), arguments[0]);
        } else if (value instanceof Map<?, ?> map) {
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                String fault = fault(entry.getValue(), arguments[1]);
                if (fault != null) {
                    return "." + entry.getKey() + fault;
                }
            }
        }
        return null;
    }

    private static Component component(RecordComponent component) {
        return new Component(component.getName(), component.getGenericType(), component.getAccessor());
    }

    private static Object valueOf(Component component, Record record) {
        try {
            return component.accessor().invoke(record);
        } catch (IllegalAccessException | InvocationTargetException e) {
            throw new IllegalStateException("cannot read " + component.name() + " of " + record.getClass(), e);
        }
    }
}
