package dev.sluice.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigOrigin;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import dev.sluice.config.Limits.Problem;
import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Shown;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Turns a configuration into records and records into a configuration. A record is a section, a component a key: its
 * name in kebab-case. So the records are the one list of keys, and what is written can be read back.
 *
 * <p>Problems are gathered, not thrown one at a time. A value that cannot be read is replaced by the one of a
 * configuration known to be good, so that what stands beside it is still checked; problems in which the replaced value
 * has a part are left out.
 */
final class Binder {
    /** Origin of values from the command line. */
    static final String OVERRIDE = "--set";

    /** Where a key's name is not simply its component's. */
    private static final Map<Class<?>, Map<String, String>> NAMES = Map.of(
            Recipe.class, Map.of("generatorOptimizer", "generator", "criticOptimizer", "critic", "emaDecay", "ema"));

    /** Its keys stand in the section that it is part of. */
    private static final Class<?> INLINE = PhasePlan.class;

    /** These stop at the first value they refuse, and judge each by itself; so each can be tried by itself. */
    private static final Set<Class<?>> JUDGED_BY_COMPONENT = Set.of(Recipe.class, AdamWSettings.class);

    private static final int MOST_UNKNOWN = 20;
    private static final int MOST_OF_A_KEY = 150;

    private static final Set<String> SECRETS = secrets(Settings.class, "");

    private final Config config;
    private final Scalars scalars;
    private final List<Problem> found = new ArrayList<>();
    private final List<String> problems;
    private int unknown;

    /**
     * @param config complete and resolved
     * @param home what a relative path in a bundled file starts from
     * @param problems found before, told together with the ones found here
     */
    Binder(Config config, Path home, List<String> problems) {
        this(config, new Scalars(home, Path.of("").toAbsolutePath(), home), problems);
    }

    Binder(Config config, Scalars scalars, List<String> problems) {
        this.config = config;
        this.scalars = scalars;
        this.problems = new ArrayList<>(problems);
    }

    /**
     * @param type whose components are the sections
     * @param good takes the place of what cannot be read; null when the configuration is known to be good itself
     * @param beyond refuses, by {@link Limits.Exceeded}, what is in order in itself and cannot be used nevertheless
     * @throws BadSettings when anything is wrong
     */
    <R extends Record> R bind(Class<R> type, String source, R good, Consumer<R> beyond) {
        Set<String> sections = new LinkedHashSet<>();
        Set<String> keys = new LinkedHashSet<>();
        collect(type, "", sections, keys);
        refuseUnknown(config.root(), "", sections, keys);
        if (unknown > MOST_UNKNOWN) {
            problems.add("and " + (unknown - MOST_UNKNOWN) + " more unknown keys");
        }
        R settings = record(type, "", good);
        boolean allRead = found.isEmpty();
        try {
            beyond.accept(settings);
        } catch (Limits.Exceeded e) {
            e.problems().stream().filter(p -> allRead || !p.joint()).forEach(found::add);
        }
        for (Problem problem : found) {
            problems.add(problem + where(problem.key()));
        }
        if (!problems.isEmpty()) {
            throw new BadSettings(source, problems.stream().distinct().toList());
        }
        return settings;
    }

    /** Whether it is, or may hold, a setting that is never written. */
    static boolean isSecret(String key) {
        return SECRETS.stream().anyMatch(secret -> secret.equals(key) || secret.startsWith(key + "."));
    }

    private static Set<String> secrets(Class<?> type, String path) {
        Set<String> secrets = new LinkedHashSet<>();
        for (RecordComponent component : type.getRecordComponents()) {
            String key = join(path, name(type, component));
            if (component.isAnnotationPresent(Secret.class)) {
                secrets.add(key);
            } else if (component.getType().isRecord()) {
                secrets.addAll(secrets(component.getType(), key));
            }
        }
        return secrets;
    }

    /** Nested maps of plain values, for HOCON; without what is absent or secret. */
    static Map<String, Object> write(Record record) {
        Map<String, Object> section = new LinkedHashMap<>();
        for (RecordComponent component : record.getClass().getRecordComponents()) {
            Object value = get(component, record);
            if (component.isAnnotationPresent(Secret.class)) {
                continue;
            }
            if (value instanceof Optional<?> optional) {
                optional.ifPresent(present -> section.put(name(record.getClass(), component), Scalars.write(present)));
            } else if (component.getType() == INLINE) {
                section.putAll(write((Record) value));
            } else {
                String key = name(record.getClass(), component);
                section.put(key, value instanceof Record nested ? write(nested) : Scalars.write(value));
            }
        }
        return section;
    }

    private <R extends Record> R record(Class<R> type, String path, R good) {
        if (type != INLINE && !path.isEmpty() && config.hasPath(path) && !isSection(config.getValue(path))) {
            found.add(new Problem(path, "must be a section: " + path + " { … }", false));
            return good;
        }
        RecordComponent[] components = type.getRecordComponents();
        Object[] values = new Object[components.length];
        int before = found.size();
        for (int i = 0; i < components.length; i++) {
            values[i] = component(type, components[i], path, good == null ? null : get(components[i], good));
        }
        return construct(type, path, values, good, found.size() == before);
    }

    private Object component(Class<?> type, RecordComponent component, String path, Object good) {
        if (component.getType().isRecord()) {
            String nested = component.getType() == INLINE ? path : join(path, name(type, component));
            return record(component.getType().asSubclass(Record.class), nested, cast(good));
        }
        return scalar(component.getGenericType(), join(path, name(type, component)), good);
    }

    @SuppressWarnings("unchecked")
    private static <R extends Record> R cast(Object record) {
        return (R) record;
    }

    private Object scalar(Type type, String key, Object good) {
        if (!config.hasPath(key)) {
            if (type instanceof ParameterizedType optional && optional.getRawType() == Optional.class) {
                return Optional.empty();
            }
            found.add(new Problem(key, "is missing", false));
            return good;
        }
        ConfigValue value = config.getValue(key);
        try {
            return scalars.read(type, value);
        } catch (IllegalArgumentException | ArithmeticException e) {
            String shown = isSecret(key) ? "(hidden)" : value.render(Scalars.CONCISE);
            String text = "= " + shown + " " + e.getMessage();
            found.add(new Problem(key, text, false));
            return good;
        }
    }

    private <R extends Record> R construct(Class<R> type, String path, Object[] values, R good, boolean allRead) {
        try {
            return instance(type, values);
        } catch (Limits.Exceeded e) {
            e.problems().stream().filter(p -> allRead || !p.joint()).forEach(found::add);
        } catch (IllegalArgumentException e) {
            if (type == INLINE) {
                if (allRead) {
                    String text = "and " + path + ".timesteps do not fit: " + e.getMessage();
                    found.add(new Problem(path + ".boundaries", text, true));
                }
            } else if (good != null && JUDGED_BY_COMPONENT.contains(type)) {
                tryEach(type, path, values, good);
            } else {
                found.add(new Problem(path, e.getMessage(), false));
            }
        }
        return good;
    }

    private <R extends Record> void tryEach(Class<R> type, String path, Object[] values, R good) {
        RecordComponent[] components = type.getRecordComponents();
        for (int i = 0; i < components.length; i++) {
            Object[] one = Arrays.stream(components).map(c -> get(c, good)).toArray();
            one[i] = values[i];
            try {
                instance(type, one);
            } catch (IllegalArgumentException e) {
                String key = name(type, components[i]);
                String text = e.getMessage().startsWith(key + " ")
                        ? e.getMessage().substring(key.length() + 1)
                        : "= " + values[i] + ": " + e.getMessage();
                found.add(new Problem(join(path, key), text, false));
            }
        }
    }

    private void refuseUnknown(ConfigObject section, String path, Set<String> sections, Set<String> keys) {
        section.forEach((name, value) -> {
            String key = join(path, ConfigUtil.joinPath(name));
            // Unknown sections are entered too: a known key under a wrong section is found again by its own name.
            if (!keys.contains(key) && value instanceof ConfigObject nested && !nested.isEmpty()) {
                refuseUnknown(nested, key, sections, keys);
            } else if (!sections.contains(key) && !keys.contains(key)) {
                unknown(key, sections, keys);
            }
        });
    }

    /** The others are counted: to look for what each may have meant takes longer than to mend these. */
    private void unknown(String key, Set<String> sections, Set<String> keys) {
        if (++unknown > MOST_UNKNOWN) {
            return;
        }
        Set<String> all = new LinkedHashSet<>(keys);
        all.addAll(sections);
        String mend = Nearest.to(key, all)
                .map(near -> "; did you mean " + near + "?")
                .orElse("; no key has a name like it, leave it out");
        problems.add("unknown key " + Shown.text(MOST_OF_A_KEY, key) + mend + where(key));
    }

    private static void collect(Class<?> type, String path, Set<String> sections, Set<String> keys) {
        for (RecordComponent component : type.getRecordComponents()) {
            String key = join(path, name(type, component));
            if (component.getType() == INLINE) {
                collect(component.getType(), path, sections, keys);
            } else if (component.getType().isRecord()) {
                sections.add(key);
                collect(component.getType(), key, sections, keys);
            } else {
                keys.add(key);
            }
        }
    }

    private String where(String key) {
        return where(config, key);
    }

    /** Where the user wrote the value, in parentheses; nothing for values that ship. */
    static String where(Config config, String key) {
        if (!config.hasPathOrNull(key)) {
            return "";
        }
        ConfigOrigin origin =
                config.getIsNull(key) ? config.origin() : config.getValue(key).origin();
        if (origin.description().startsWith(OVERRIDE)) {
            return " (" + OVERRIDE + ")";
        }
        if (origin.description().startsWith(SettingsReader.SUBMITTED)) {
            return origin.lineNumber() > 0 ? " (line " + origin.lineNumber() + ")" : "";
        }
        return origin.resource() == null && origin.filename() != null && origin.lineNumber() > 0
                ? " (" + Path.of(origin.filename()).getFileName() + ", line " + origin.lineNumber() + ")"
                : "";
    }

    private static boolean isSection(ConfigValue value) {
        return value.valueType() == ConfigValueType.OBJECT;
    }

    private static String join(String path, String key) {
        return path.isEmpty() ? key : path + "." + key;
    }

    private static String name(Class<?> type, RecordComponent component) {
        String renamed = NAMES.getOrDefault(type, Map.of()).get(component.getName());
        return renamed != null
                ? renamed
                : component.getName().replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
    }

    private static Object get(RecordComponent component, Record record) {
        try {
            return component.getAccessor().invoke(record);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(component + " cannot be read", e);
        }
    }

    private static <R extends Record> R instance(Class<R> type, Object[] values) {
        Class<?>[] types = Arrays.stream(type.getRecordComponents())
                .map(RecordComponent::getType)
                .toArray(Class<?>[]::new);
        try {
            return type.getDeclaredConstructor(types).newInstance(values);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof IllegalArgumentException refused) {
                throw refused;
            }
            throw new LinkageError(type + " broke on " + Arrays.toString(values), e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(type + " cannot be made", e);
        }
    }
}
