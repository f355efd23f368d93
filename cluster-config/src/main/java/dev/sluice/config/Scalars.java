package dev.sluice.config;

import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigOrigin;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Single values and lists of them, from HOCON and back; stricter than HOCON's own conversions. */
final class Scalars {
    static final ConfigRenderOptions CONCISE = ConfigRenderOptions.concise();

    /** How the library names the origin of a value that is put together of several. */
    private static final String MERGED = "merge of ";

    /** Of a list: more than anybody writes, few enough for checks that compare every entry with every other. */
    private static final int MOST_ENTRIES = 1_000;

    /** Of a number: more than any type here has digits. To read one costs the square of them. */
    private static final int MOST_DIGITS = 100;

    private static final String INFINITY = "infinity";

    private final Path home;
    private final Path elsewhere;
    private final Path together;

    /**
     * @param home what a relative path in a bundled file starts from
     * @param elsewhere what one starts from that stands in no file
     * @param together what one starts from that a file makes of an override, such as {@code "certificates/"${node.host}}
     */
    Scalars(Path home, Path elsewhere, Path together) {
        this.home = home;
        this.elsewhere = elsewhere;
        this.together = together;
    }

    /**
     * @throws IllegalArgumentException with the mend ({@code must be …}) when the value is not of the type
     * @throws ArithmeticException likewise
     */
    Object read(Type type, ConfigValue value) {
        if (type instanceof ParameterizedType optional && optional.getRawType() == Optional.class) {
            return Optional.of(read(optional.getActualTypeArguments()[0], value));
        }
        if (type instanceof ParameterizedType collection) {
            List<Object> elements = list(collection.getActualTypeArguments()[0], value);
            return collection.getRawType() == List.class ? elements : new LinkedHashSet<>(elements);
        }
        if (value.valueType() == ConfigValueType.NULL) {
            throw new IllegalArgumentException("must be a value");
        }
        if (value.valueType() == ConfigValueType.OBJECT || value.valueType() == ConfigValueType.LIST) {
            throw new IllegalArgumentException("must be a single value");
        }
        String text = value.unwrapped().toString().trim();
        Class<?> of = (Class<?>) type;
        if (of.isEnum()) {
            return constant(of, text);
        } else if (of == int.class || of == Integer.class) {
            return (int) whole(text, Integer.MIN_VALUE, Integer.MAX_VALUE);
        } else if (of == long.class) {
            return whole(text, Long.MIN_VALUE, Long.MAX_VALUE);
        } else if (of == double.class || of == Double.class) {
            return number(text);
        } else if (of == boolean.class) {
            return truth(text);
        } else if (of == Duration.class) {
            return Durations.read(text);
        } else if (of == Path.class) {
            return path(text, value.origin());
        } else if (of == String.class) {
            return text;
        }
        throw new LinkageError("no conversion to " + of);
    }

    /** Plain values that HOCON can hold and {@link #read} turns into equal ones. */
    static Object write(Object value) {
        if (value instanceof Collection<?> collection) {
            return collection.stream().map(Scalars::write).toList();
        } else if (value instanceof Enum<?> constant) {
            return key(constant);
        } else if (value instanceof Duration duration) {
            return Durations.write(duration);
        } else if (value instanceof Path path) {
            return path.toString();
        } else if (value instanceof Double number && number.isInfinite()) {
            return INFINITY;
        }
        return value;
    }

    private List<Object> list(Type of, ConfigValue value) {
        if (!(value instanceof ConfigList elements)) {
            throw new IllegalArgumentException("must be a list: [a, b]");
        }
        if (elements.size() > MOST_ENTRIES) {
            throw new IllegalArgumentException("must be a list of at most " + MOST_ENTRIES + " entries");
        }
        List<Object> read = new ArrayList<>();
        for (ConfigValue element : elements) {
            try {
                read.add(read(of, element));
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(
                        "must be a list whose every entry fits; " + element.render(CONCISE) + " " + e.getMessage(), e);
            }
        }
        return List.copyOf(read);
    }

    private static long whole(String text, long least, long most) {
        BigDecimal number;
        try {
            number = decimal(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("must be a whole number", e);
        }
        // The precision bound keeps 1e999999999 from being written out digit by digit.
        if ((long) number.precision() - number.scale() > 19
                || number.stripTrailingZeros().scale() > 0) {
            throw new IllegalArgumentException("must be a whole number");
        }
        if (number.compareTo(BigDecimal.valueOf(least)) < 0 || number.compareTo(BigDecimal.valueOf(most)) > 0) {
            throw new IllegalArgumentException("must be a whole number between " + least + " and " + most);
        }
        return number.longValueExact();
    }

    private static BigDecimal decimal(String text) {
        if (text.length() > MOST_DIGITS) {
            throw new NumberFormatException();
        }
        return new BigDecimal(text);
    }

    private static boolean truth(String text) {
        if (!text.equals("true") && !text.equals("false")) {
            throw new IllegalArgumentException("must be true or false");
        }
        return Boolean.parseBoolean(text);
    }

    private static double number(String text) {
        if (text.equalsIgnoreCase(INFINITY)) {
            return Double.POSITIVE_INFINITY;
        }
        try {
            // Not Double.parseDouble, which takes NaN, hexadecimal and a trailing "f".
            return decimal(text).doubleValue();
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("must be a number", e);
        }
    }

    private static Object constant(Class<?> type, String text) {
        List<Enum<?>> constants = Arrays.stream(type.getEnumConstants())
                .<Enum<?>>map(constant -> (Enum<?>) constant)
                .toList();
        return constants.stream()
                .filter(constant -> key(constant).equals(text))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("must be one of "
                        + String.join(", ", constants.stream().map(Scalars::key).toList())));
    }

    /** A constant as configuration writes it. */
    static String key(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Relative to whatever names it: a bundled file to {@link #home}, a file to its directory, else {@link #elsewhere}. */
    private Path path(String text, ConfigOrigin origin) {
        if (text.isEmpty()) {
            throw new IllegalArgumentException("must be a path");
        }
        try {
            Path from;
            if (origin.resource() != null) {
                from = home;
            } else if (origin.filename() != null) {
                from = Path.of(origin.filename()).toAbsolutePath().getParent();
            } else {
                from = origin.description().startsWith(MERGED) ? together : elsewhere;
            }
            return from.resolve(text).normalize();
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException("must be a path: " + e.getReason(), e);
        }
    }
}
