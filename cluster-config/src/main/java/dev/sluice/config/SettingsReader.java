package dev.sluice.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigResolveOptions;
import com.typesafe.config.ConfigSyntax;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueFactory;
import com.typesafe.config.ConfigValueType;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/** Finds the configuration's parts and lays them over one another: overrides, then the experiment, then defaults. */
final class SettingsReader {
    static final List<String> EXPERIMENTS = List.of("fashion", "mixture-2d", "quick");
    static final List<String> DEPLOYMENTS = List.of("local-processes", "one-process", "several-machines");

    /** Origin of what was submitted as text. */
    static final String SUBMITTED = "submitted";

    /** What was submitted, in messages. */
    static final String SUBMISSION = "the submitted experiment";

    /** Of a configuration file, in bytes: the heap must not be what bounds it. */
    private static final long LONGEST_FILE = 1 << 20;

    /** What is bundled, by name; read once. */
    private static final Map<String, Config> RESOURCES = new ConcurrentHashMap<>();

    private static final String SUFFIX = ".conf";
    private static final String DEFAULTS = "sluice-defaults.conf";
    /** Sections that only an experiment has; supervision may be given by both. */
    private static final List<String> OF_EXPERIMENTS = List.of("experiment", "checkpoint");

    /** Sections that say where, not what. */
    static final List<String> OF_NODES = List.of("serving", "node", "engine", "cluster");

    private static final String SUPERVISION = "supervision";
    private static final String TEACHER = "experiment.teacher";
    private static final String THREADS = "engine.threads";
    private static final String METHOD = "experiment.method";

    private SettingsReader() {}

    /** Stands in for values that cannot be read, so that the rest can still be checked against something. */
    private static final class Bundled {
        static final Settings FASHION = new Binder(
                        complete(resource("experiments/fashion.conf")),
                        Path.of("").toAbsolutePath(),
                        List.of())
                .bind(Settings.class, "the bundled experiment fashion", null, settings -> {});
    }

    /**
     * What is read, or {@link BadSettings}: whatever else the parser throws, and whatever it was given, is a configuration
     * that cannot be used.
     *
     * @param source of the configuration, in messages
     */
    static <T> T answer(String source, Supplier<T> reading) {
        try {
            return reading.get();
        } catch (BadSettings e) {
            throw e;
        } catch (ConfigException e) {
            throw new BadSettings(source, List.of(e.getMessage()), e);
        } catch (RuntimeException e) {
            throw new BadSettings(source, List.of("it cannot be read: " + e), e);
        } catch (StackOverflowError e) {
            throw new BadSettings(source, List.of("it cannot be read: it is nested too deep"), e);
        }
    }

    static Settings load(String nameOrFile, List<String> overrides, Path home) {
        List<String> problems = new ArrayList<>();
        Config laid = laid(nameOrFile, overrides(overrides, problems), problems);
        return requireTeacher(nameOrFile, bind(nameOrFile, laid, home.toAbsolutePath(), problems, Startable.YES));
    }

    /** Null, with a problem, when there is no such experiment. */
    private static Config laid(String nameOrFile, Config over, List<String> problems) {
        Config experiment = named(nameOrFile, "experiment", EXPERIMENTS, problems);
        return experiment == null ? null : over.withFallback(ofMethod(over, experiment));
    }

    static String submission(String nameOrFile, List<String> overrides, Path home) {
        List<String> problems = new ArrayList<>();
        Config over = overrides(overrides, problems);
        // A file may have them for ./sluice distill; who writes one here means it.
        for (String section : OF_NODES) {
            if (over.hasPathOrNull(section)) {
                problems.add(ofNode(over, section));
            }
        }
        Config laid = laid(nameOrFile, over, problems);
        Path from = home.toAbsolutePath();
        Settings settings = bind(nameOrFile, laid, from, problems, Startable.MAY_BE_NOT);
        Config given = laid.resolveWith(laid.withFallback(defaults(List.of())));
        Config own = OF_NODES.stream().reduce(settings.resolved(), Config::withoutPath, (x, y) -> x);
        for (String key : own.getConfig(SUPERVISION).root().keySet()) {
            if (!given.hasPathOrNull(SUPERVISION + "." + key)) {
                own = own.withoutPath(SUPERVISION + "." + key);
            }
        }
        Path teacher = settings.experiment().teacher();
        if (teacher.startsWith(from)) {
            own = own.withValue(
                    TEACHER,
                    ConfigValueFactory.fromAnyRef(from.relativize(teacher).toString()));
        }
        return own.root()
                .render(ConfigRenderOptions.defaults().setOriginComments(false).setJson(false));
    }

    private static String ofNode(Config config, String section) {
        return section
                + " belongs to the node that runs the experiment: leave it out here, and set it where the node is"
                + " started" + Binder.where(config, section);
    }

    private static Settings requireTeacher(String source, Settings settings) {
        Path teacher = settings.experiment().teacher();
        if (!isReadable(teacher)) {
            throw new BadSettings(
                    source,
                    List.of(TEACHER + " = " + teacher
                            + " must be a file that can be read: train one with train-teacher, or name another"));
        }
        return settings;
    }

    private static boolean isReadable(Path teacher) {
        return Files.isRegularFile(teacher) && Files.isReadable(teacher);
    }

    static Settings readOver(Path file, List<String> overrides) {
        List<String> problems = new ArrayList<>();
        Config over = overrides(overrides, problems);
        Config config = file(file, problems);
        Config laid = config == null ? null : over.withFallback(config);
        String source = file.toString();
        return requireTeacher(source, bind(source, laid, file.toAbsolutePath().getParent(), problems, Startable.YES));
    }

    static Settings read(Path file) {
        List<String> problems = new ArrayList<>();
        Config config = file(file, problems);
        return bind(file.toString(), config, file.toAbsolutePath().getParent(), problems, Startable.MAY_BE_NOT);
    }

    static DeploymentSettings deployment(String nameOrFile, List<String> overrides, Path home) {
        List<String> problems = new ArrayList<>();
        Config over = overrides(overrides, problems);
        Config deployment = named(nameOrFile, "deployment", DEPLOYMENTS, problems);
        if (deployment == null) {
            throw new BadSettings(nameOrFile, problems);
        }
        Config laid = over.withFallback(deployment);
        for (String section : OF_EXPERIMENTS) {
            if (laid.hasPathOrNull(section)) {
                problems.add(section + " belongs to an experiment, not to a node: leave it out here, and write it into"
                        + " what is submitted" + Binder.where(laid, section));
                laid = laid.withoutPath(section);
            }
        }
        Config complete = resolved(nameOrFile, laid.withFallback(defaults(OF_EXPERIMENTS)), problems);
        Path from = DEPLOYMENTS.contains(nameOrFile)
                ? home.toAbsolutePath()
                : Path.of(nameOrFile).toAbsolutePath().getParent();
        return new Binder(
                        complete, new Scalars(home.toAbsolutePath(), Path.of("").toAbsolutePath(), from), problems)
                .bind(DeploymentSettings.class, nameOrFile, Bundled.FASHION.deployment(), settings -> {});
    }

    static Settings submitted(String text, DeploymentSettings here, Path home) {
        String source = SUBMISSION;
        List<String> problems = new ArrayList<>();
        Config experiment = text(source, text);
        for (String section : OF_NODES) {
            if (experiment.root().containsKey(section)) {
                problems.add(ofNode(experiment, section));
                experiment = experiment.withoutPath(section);
            }
        }
        // Without the environment: what is in it is not for whoever may submit.
        Config complete;
        try {
            complete = ofMethod(ConfigFactory.empty(), experiment)
                    .withFallback(written(here))
                    .withFallback(defaults(OF_NODES))
                    .resolve(ConfigResolveOptions.noSystem());
        } catch (ConfigException e) {
            problems.add(e.getMessage());
            throw new BadSettings(source, problems);
        }
        Path from = home.toAbsolutePath().normalize();
        Settings read = new Binder(complete, new Scalars(from, from, from), problems)
                .bind(Settings.class, source, Bundled.FASHION, settings -> {});
        Path teacher = read.experiment().teacher();
        if (!teacher.startsWith(from) && !isReadable(teacher)) {
            throw BadSettings.ofTeacher(teacher, new NoSuchFileException(teacher + " is not a file that can be read"));
        }
        return at(source, read, here, here.engine());
    }

    static Settings takenUp(Settings run, DeploymentSettings here) {
        return at("the run " + run.experiment().name(), run, here, run.engine());
    }

    private static Settings at(String source, Settings run, DeploymentSettings here, EngineSettings engine) {
        try {
            return requireTeacher(
                    source,
                    new Settings(
                            run.experiment(),
                            run.checkpoint(),
                            here.serving(),
                            here.node(),
                            engine,
                            here.cluster(),
                            run.supervision()));
        } catch (Limits.Exceeded e) {
            throw new BadSettings(
                    source, e.problems().stream().map(Limits.Problem::toString).toList());
        }
    }

    private static Config text(String source, String text) {
        HoconLimits.objection(text).ifPresent(objection -> {
            throw new BadSettings(source, List.of("the text cannot be read: " + objection));
        });
        try {
            return ConfigFactory.parseString(
                    text,
                    ConfigParseOptions.defaults()
                            .setSyntax(ConfigSyntax.CONF)
                            .setOriginDescription(SUBMITTED)
                            .setIncluder(new BundledIncludes()));
        } catch (ConfigException e) {
            throw new BadSettings(source, List.of("the text cannot be read: " + e.getMessage()));
        }
    }

    /** Whether a node is about to be started with what is read, or it is only looked up. */
    private enum Startable {
        YES,
        MAY_BE_NOT
    }

    private static Settings bind(String source, Config config, Path home, List<String> problems, Startable startable) {
        if (config == null) {
            throw new BadSettings(source, problems);
        }
        Config complete = resolved(source, config.withFallback(defaults(List.of())), problems);
        return new Binder(complete, home, problems).bind(Settings.class, source, Bundled.FASHION, settings -> {
            if (startable == Startable.YES) {
                settings.requireStartable();
            }
        });
    }

    private static Config resolved(String source, Config config, List<String> problems) {
        try {
            return withThreads(config.resolve());
        } catch (ConfigException e) {
            problems.add(e.getMessage());
            throw new BadSettings(source, problems);
        }
    }

    /** Settings as configuration, without secrets. */
    static Config written(Record settings) {
        return ConfigFactory.parseMap(Binder.write(settings), "settings");
    }

    private static Config defaults(List<String> without) {
        Config defaults = resource(DEFAULTS);
        for (String section : without) {
            defaults = defaults.withoutPath(section);
        }
        return defaults;
    }

    /**
     * The experiment with what its method, if it names one, makes of it: the rollout and, where that asks for other
     * phases, the boundaries and the same budget over them.
     */
    private static Config ofMethod(Config over, Config experiment) {
        Config both = over.withFallback(experiment);
        Optional<Method> named = both.hasPath(METHOD) ? methodNamed(both.getValue(METHOD)) : Optional.empty();
        if (named.isEmpty() || named.get() == Method.AS_CONFIGURED) {
            return experiment;
        }
        Config made = ConfigFactory.empty(METHOD)
                .withValue(
                        "experiment.recipe.rollout",
                        ConfigValueFactory.fromAnyRef(Scalars.key(named.get().rollout())));
        if (isList(experiment, "timesteps") && isList(experiment, "boundaries") && isList(experiment, "cycles")) {
            try {
                made = phases(
                                named.get(),
                                experiment.getDoubleList("experiment.timesteps"),
                                experiment.getDoubleList("experiment.boundaries"),
                                experiment.getIntList("experiment.cycles"))
                        .withFallback(made);
            } catch (ConfigException | ArithmeticException e) {
                // Entries that are no numbers are refused with everything else, by their own key.
                return experiment;
            }
        }
        return made.withFallback(experiment);
    }

    private static Config phases(Method method, List<Double> timesteps, List<Double> boundaries, List<Integer> cycles) {
        int phases = boundaries.size();
        if (method.isOnePhase()) {
            int budget = cycles.stream().reduce(0, Math::addExact);
            return phases(boundaries.subList(phases - 1, phases), List.of(budget));
        }
        if (!method.isOneStepAPhase() || cycles.size() != phases || !timesteps.containsAll(boundaries)) {
            return ConfigFactory.empty();
        }
        List<Integer> split = new ArrayList<>();
        int from = 0;
        for (int i = 0; i < phases; i++) {
            int to = timesteps.indexOf(boundaries.get(i));
            for (int step = 0; step < to - from; step++) {
                // What does not divide goes to the later ones, which have finer things to learn.
                split.add((cycles.get(i) + step) / (to - from));
            }
            from = to;
        }
        return phases(timesteps.subList(1, timesteps.size()), split);
    }

    private static Config phases(List<Double> boundaries, List<Integer> cycles) {
        return ConfigFactory.empty(METHOD)
                .withValue("experiment.boundaries", ConfigValueFactory.fromIterable(boundaries, METHOD))
                .withValue("experiment.cycles", ConfigValueFactory.fromIterable(cycles, METHOD));
    }

    private static boolean isList(Config experiment, String key) {
        String path = "experiment." + key;
        return experiment.hasPath(path)
                && experiment.getValue(path).valueType() == ConfigValueType.LIST
                && !experiment.getList(path).isEmpty();
    }

    private static Optional<Method> methodNamed(ConfigValue value) {
        return Arrays.stream(Method.values())
                .filter(method -> Scalars.key(method).equals(value.unwrapped()))
                .findFirst();
    }

    private static Config complete(Config config) {
        return withThreads(config.withFallback(defaults(List.of())).resolve());
    }

    private static Config withThreads(Config complete) {
        boolean auto = complete.hasPath(THREADS)
                && complete.getValue(THREADS).unwrapped().equals("auto");
        int processors = Runtime.getRuntime().availableProcessors();
        return auto ? complete.withValue(THREADS, ConfigValueFactory.fromAnyRef(processors)) : complete;
    }

    private static Config overrides(List<String> overrides, List<String> problems) {
        Config over = ConfigFactory.empty();
        for (String override : overrides) {
            int equals = override.indexOf('=');
            if (equals < 1) {
                problems.add("--set " + override + " must be written key=value");
                continue;
            }
            String key = override.substring(0, equals).trim();
            String value = override.substring(equals + 1).trim();
            try {
                ConfigUtil.splitPath(key);
                over = override(key, value).withFallback(over);
            } catch (ConfigException e) {
                // HOCON's own message repeats what it could not read.
                problems.add(
                        Binder.isSecret(key)
                                ? "--set " + key + "=(hidden) cannot be read: mind the quotes and brackets"
                                : "--set " + override + " cannot be read: " + e.getMessage());
            }
        }
        return over;
    }

    /** Only what looks like a list, a section or a quoted text is HOCON: a path may hold any character. */
    private static Config override(String key, String value) {
        if (value.startsWith("[") || value.startsWith("{") || value.startsWith("\"")) {
            return ConfigFactory.parseString(
                    key + " = " + value, ConfigParseOptions.defaults().setOriginDescription(Binder.OVERRIDE));
        }
        return ConfigValueFactory.fromAnyRef(value, Binder.OVERRIDE).atPath(key);
    }

    /** Null, with a problem, when there is none. */
    private static Config named(String nameOrFile, String what, List<String> bundled, List<String> problems) {
        if (bundled.contains(nameOrFile)) {
            return resource(what + "s/" + nameOrFile + SUFFIX);
        }
        if (nameOrFile.endsWith(SUFFIX)) {
            return file(Path.of(nameOrFile), problems);
        }
        problems.add("there is no " + what + " " + nameOrFile
                + Nearest.to(nameOrFile, bundled)
                        .map(near -> "; did you mean " + near + "?")
                        .orElse("")
                + " Known are " + String.join(", ", bundled) + ", and any file that ends in " + SUFFIX);
        return null;
    }

    private static Config file(Path file, List<String> problems) {
        if (!Files.isRegularFile(file)) {
            problems.add("there is no file " + file.toAbsolutePath());
            return null;
        }
        if (file.toFile().length() > LONGEST_FILE) {
            problems.add(file.toAbsolutePath() + " is no configuration: it has "
                    + file.toFile().length() + " bytes, and one has at most " + LONGEST_FILE);
            return null;
        }
        try {
            return ConfigFactory.parseFile(
                    file.toAbsolutePath().toFile(),
                    ConfigParseOptions.defaults().setAllowMissing(false));
        } catch (ConfigException e) {
            problems.add(file.toAbsolutePath() + " cannot be read: " + e.getMessage());
            return null;
        }
    }

    static Config resource(String name) {
        return RESOURCES.computeIfAbsent(
                name,
                bundled -> ConfigFactory.parseResources(
                        SettingsReader.class.getClassLoader(),
                        bundled,
                        ConfigParseOptions.defaults().setAllowMissing(false)));
    }
}
