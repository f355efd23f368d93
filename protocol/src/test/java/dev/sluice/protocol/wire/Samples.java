package dev.sluice.protocol.wire;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.SamplerStatus;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.ActorRef;

/** Every message there is, found on the class path, and instances of them made from their components' types. */
final class Samples {
    private final ActorTestKit testKit;
    /** No two values of one message are equal, so that a swap of two components is seen. */
    private int counter;

    private int entries;

    Samples(ActorTestKit testKit) {
        this.testKit = testKit;
    }

    /** The records of every sealed interface in the message package, and the records that stand there alone. */
    static List<Class<? extends Record>> messageTypes() {
        List<Class<? extends Record>> types = new ArrayList<>();
        for (Class<?> type : topLevelTypes()) {
            if (type.isRecord()) {
                types.add(type.asSubclass(Record.class));
            } else if (type.isSealed()) {
                Arrays.stream(type.getPermittedSubclasses())
                        .filter(Class::isRecord)
                        .forEach(record -> types.add(record.asSubclass(Record.class)));
            }
        }
        return types;
    }

    /** The interfaces to whose {@code Local} branches the wire is closed. */
    static Stream<Class<?>> localTypes() {
        return topLevelTypes().stream()
                .filter(Class::isSealed)
                .flatMap(type -> Arrays.stream(type.getPermittedSubclasses()))
                .filter(type -> !type.isRecord());
    }

    static List<Class<?>> topLevelTypes() {
        String name = SamplerStatus.class.getPackageName();
        try (Stream<Path> files = Files.list(Path.of(SamplerStatus.class
                        .getProtectionDomain()
                        .getCodeSource()
                        .getLocation()
                        .toURI())
                .resolve(name.replace('.', '/')))) {
            return files.map(file -> file.getFileName().toString())
                    .filter(file -> file.endsWith(".class") && !file.contains("$") && !file.contains("-"))
                    .sorted()
                    .<Class<?>>map(file -> load(name + "." + file.substring(0, file.length() - 6)))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A message of that type with {@code entries} entries in its lists and maps; optional values are there if any. */
    <T extends Record> T sample(Class<T> type, int entries) {
        this.entries = entries;
        return type.cast(record(type));
    }

    private Object value(Type type) {
        if (type instanceof ParameterizedType parameterized) {
            Class<?> raw = (Class<?>) parameterized.getRawType();
            Type argument = parameterized.getActualTypeArguments()[0];
            if (raw == List.class) {
                return IntStream.range(0, entries)
                        .mapToObj(i -> value(argument))
                        .toList();
            } else if (raw == Optional.class) {
                return entries == 0 ? Optional.empty() : Optional.of(value(argument));
            } else if (raw == Map.class) {
                return entries == 0
                        ? Map.of()
                        : Map.of("text", "t", "long", Long.MIN_VALUE, "int", 1, "double", Double.NaN, "flag", true);
            } else if (raw == ActorRef.class) {
                return testKit.createTestProbe(Object.class).getRef();
            }
        }
        Class<?> raw = (Class<?>) type;
        counter++;
        if (raw == int.class || raw == Integer.class) {
            return counter % 2 == 0 ? counter : -counter;
        } else if (raw == long.class || raw == Long.class) {
            return counter * -0x1_0000_0001L;
        } else if (raw == double.class || raw == Double.class) {
            return counter + 1.0 / 3;
        } else if (raw == boolean.class) {
            return counter % 2 == 0;
        } else if (raw == String.class) {
            return "text " + counter + " é 図 😀";
        } else if (raw == Tensor.class) {
            return tensor();
        } else if (raw == PhasePlan.class) {
            return new PhasePlan(List.of(1.0, 0.75, 0.5, 0.25, 0.0), List.of(0.5, 0.0));
        } else if (raw == AdamWSettings.class) {
            return AdamWSettings.ofPaper(counter);
        } else if (raw == Recipe.class) {
            return new Recipe(
                    counter,
                    64,
                    5,
                    3.5,
                    Recipe.Schedule.VARIANCE_PRESERVING,
                    Recipe.Rollout.SGTS,
                    Recipe.Normaliser.BATCH,
                    Recipe.CriticWeighting.UNIT_VARIANCE,
                    0.02,
                    5,
                    AdamWSettings.ofPaper(1e-4),
                    AdamWSettings.ofPaper(4e-4),
                    0.99,
                    2,
                    Recipe.Ablation.NONE);
        } else if (raw.isEnum()) {
            return raw.getEnumConstants()[counter % raw.getEnumConstants().length];
        } else if (raw.isRecord()) {
            return record(raw);
        }
        throw new IllegalArgumentException("no sample values of " + type + ": make some here");
    }

    private Tensor tensor() {
        return switch (counter % 4) {
            case 0 -> Tensor.of(new float[] {counter, Float.NaN, -0f, 1e-40f, Float.MAX_VALUE, 6}, 2, 3);
            case 1 -> Tensor.of(new double[] {counter, Double.NEGATIVE_INFINITY}, 2);
            case 2 -> Tensor.of(new long[] {counter}, new long[0]);
            default -> Tensor.of(new float[0], 0, counter);
        };
    }

    private Object record(Class<?> type) {
        RecordComponent[] components = type.getRecordComponents();
        try {
            return type.getDeclaredConstructor(Arrays.stream(components)
                            .map(RecordComponent::getType)
                            .toArray(Class<?>[]::new))
                    .newInstance(Arrays.stream(components)
                            .map(component -> value(component.getGenericType()))
                            .toArray());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("cannot make a " + type, e);
        }
    }

    private static Class<?> load(String name) {
        try {
            return Class.forName(name);
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException(e);
        }
    }
}
