package dev.sluice.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigRenderOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * Everything a run is told, validated: no part of it can be refused later for its value alone (design, decision 11).
 *
 * <p>Time-outs that cannot work together are refused here too (contract F14), because they are spread over sections.
 */
public record Settings(
        ExperimentSettings experiment,
        ServingSettings serving,
        NodeSettings node,
        EngineSettings engine,
        SupervisionSettings supervision) {
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
