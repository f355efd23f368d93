package dev.sluice.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigRenderOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Everything a run is told, validated: no part of it can be refused later for its value alone (design, decision 11).
 *
 * <p>Time-outs that cannot work together are refused here too (contract F14), because they are spread over sections.
 */
public record Settings(
        ExperimentSettings experiment,
        CheckpointSettings checkpoint,
        ServingSettings serving,
        NodeSettings node,
        EngineSettings engine,
        SupervisionSettings supervision) {
    /**
     * Where a run is served, watched and placed. Not {@code checkpoint.every}: at staleness above 0 the generator waits
     * for its gradients before a checkpoint, which moves the weights by other paths.
     */
    private static final List<String> CHANGEABLE = List.of(
            "serving.",
            "node.",
            "supervision.",
            "engine.device",
            "checkpoint.keep",
            // The file may have moved; that it is the same is known by its SHA-256.
            "experiment.teacher",
            "experiment.snapshot-every",
            "experiment.grid-samples",
            "experiment.grid-columns");

    public Settings {
        Limits limits = new Limits("supervision");
        Duration swap = supervision.swapWithin();
        Duration needed = supervision.loadWithin().plus(serving.deadline());
        limits.requireTogether(
                swap.compareTo(needed) >= 0,
                "swap-within",
                Durations.write(swap),
                "must be at least " + Durations.write(needed) + ": a swap waits for the batch that runs"
                        + " (serving.deadline = " + Durations.write(serving.deadline())
                        + ") and then loads (supervision.load-within = "
                        + Durations.write(supervision.loadWithin()) + ")");
        if (!node.isWholeCluster()) {
            requireLongerThanDowning(limits, "roles-within", supervision.rolesWithin());
            requireLongerThanDowning(limits, "cycle-stall-after", supervision.cycleStallAfter());
        }
        limits.refuse();
    }

    private static void requireLongerThanDowning(Limits limits, String key, Duration value) {
        Duration downing = PekkoConfig.goneAfter();
        limits.requireTogether(
                value.compareTo(downing) > 0,
                key,
                Durations.write(value),
                "must be longer than " + Durations.write(downing) + ", which the cluster takes to tell a dead node"
                        + " from a slow one");
    }

    /** The experiments that ship. */
    public static List<String> experiments() {
        return SettingsReader.EXPERIMENTS;
    }

    /**
     * Reads the configuration of a run that is about to start.
     *
     * <p>A relative teacher path is taken from the place that names it: the directory of a file, {@code home} for a
     * bundled experiment, the working directory for an override.
     *
     * @param nameOrFile one of {@link #experiments}, or a path that ends in {@code .conf}; what the file leaves out is
     *     taken from {@code sluice-defaults.conf}
     * @param overrides {@code key=value}, later ones win; lists are written {@code [a, b]}
     * @param home directory of the installation
     * @throws BadSettings with everything that is wrong, a missing teacher file included
     */
    public static Settings load(String nameOrFile, List<String> overrides, Path home) {
        return SettingsReader.load(nameOrFile, overrides, home);
    }

    /**
     * Reads back what {@link #render} wrote, or any other complete configuration; whether the teacher is still there
     * does not matter.
     *
     * @throws BadSettings with everything that is wrong
     */
    public static Settings read(Path file) {
        return SettingsReader.read(file);
    }

    /**
     * Reads the configuration of a run that goes on: as {@link #read}, under overrides.
     *
     * @param overrides {@code key=value}, later ones win
     * @throws BadSettings with everything that is wrong, a missing teacher file included
     */
    public static Settings readOver(Path file, List<String> overrides) {
        return SettingsReader.readOver(file, overrides);
    }

    /**
     * Reads an experiment that was sent to a cluster: what it is and how it is trained is its own, where it is served and
     * computed is the node's.
     *
     * @param text HOCON with the sections {@code experiment}, {@code checkpoint} and {@code supervision}
     * @param here of the node that carries it out
     * @throws BadSettings with everything that is wrong, a section that is the node's and a missing teacher file included
     */
    public static Settings submitted(String text, Settings here, Path home) {
        return SettingsReader.submitted(text, here, home);
    }

    /** The part of a configuration that {@link #submitted} takes, as text. */
    public String renderExperiment() {
        Config own = SettingsReader.OF_EXPERIMENTS.stream()
                .map(section -> resolved().withOnlyPath(section))
                .reduce(ConfigFactory.empty(), Config::withFallback);
        return own.root()
                .render(ConfigRenderOptions.defaults().setOriginComments(false).setJson(false));
    }

    /**
     * What determines a run's weights: every key but those that may change while it is stopped, with its value as text.
     */
    public Map<String, String> identity() {
        Map<String, String> identity = new TreeMap<>();
        resolved().entrySet().forEach(entry -> {
            if (!mayChange(entry.getKey())) {
                identity.put(entry.getKey(), entry.getValue().render(Scalars.CONCISE));
            }
        });
        return identity;
    }

    /** The keys, or sections with a dot at the end, that a run may be resumed with other values of. */
    public static List<String> changeable() {
        return CHANGEABLE;
    }

    private static boolean mayChange(String key) {
        return CHANGEABLE.stream().anyMatch(c -> c.endsWith(".") ? key.startsWith(c) : key.equals(c));
    }

    /** The complete configuration, every key with its value. */
    public Config resolved() {
        return ConfigFactory.parseMap(Binder.write(this), "settings");
    }

    /** {@link #resolved} as HOCON, for {@link #read}. */
    public String render() {
        return resolved()
                .root()
                .render(ConfigRenderOptions.defaults().setOriginComments(false).setJson(false));
    }
}
