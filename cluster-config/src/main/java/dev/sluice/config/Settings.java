package dev.sluice.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigRenderOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Everything a run is told, validated: no part of it can be refused later for its value alone.
 *
 * <p>Time-outs that cannot work together are refused here too, because they are spread over sections.
 */
public record Settings(
        ExperimentSettings experiment,
        CheckpointSettings checkpoint,
        ServingSettings serving,
        NodeSettings node,
        EngineSettings engine,
        ClusterSettings cluster,
        SupervisionSettings supervision) {
    /**
     * Where a run is served, watched and placed. Not {@code checkpoint.every}: at staleness above 0 the generator waits
     * for its gradients before a checkpoint, which moves the weights by other paths.
     */
    private static final List<String> CHANGEABLE = List.of(
            "serving.",
            "node.",
            "supervision.",
            "cluster.",
            "engine.devices",
            "checkpoint.keep",
            // The file may have moved; that it is the same is known by its SHA-256.
            "experiment.teacher",
            "experiment.snapshot-every",
            "experiment.grid-samples",
            "experiment.grid-columns");

    public Settings {
        Limits limits = new Limits();
        supervision.requireFits(limits, serving, node, cluster);
        limits.refuse();
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
        return SettingsReader.answer(nameOrFile, () -> SettingsReader.load(nameOrFile, overrides, home));
    }

    /**
     * Reads back what {@link #render} wrote, or any other complete configuration; whether the teacher is still there
     * does not matter, nor whether a node could be started with it.
     *
     * @throws BadSettings with everything that is wrong
     */
    public static Settings read(Path file) {
        return SettingsReader.answer(file.toString(), () -> SettingsReader.read(file));
    }

    /**
     * Reads the configuration of a run that goes on: as {@link #read}, under overrides.
     *
     * @param overrides {@code key=value}, later ones win
     * @throws BadSettings with everything that is wrong, a missing teacher file included
     */
    public static Settings readOver(Path file, List<String> overrides) {
        return SettingsReader.answer(file.toString(), () -> SettingsReader.readOver(file, overrides));
    }

    /**
     * Reads an experiment that was submitted as text to a node that runs already. What the text leaves out is taken from
     * that node, where it is the node's, and from {@code sluice-defaults.conf}. A relative teacher path is taken from
     * {@code home}. The text comes from elsewhere: it may include bundled experiments and no other file, and refer to no
     * environment variable.
     *
     * @param text HOCON without substitutions, within the limits of {@link HoconLimits}, with the sections
     *     {@code experiment}, {@code checkpoint} and {@code supervision} at most: the others belong to the node
     * @param here the node that will run it
     * @param home directory of the installation
     * @throws BadSettings with everything that is wrong; with the same words for every teacher outside of {@code home} that
     *     cannot be used. Nothing else is thrown, whatever the text is
     */
    public static Settings submitted(String text, DeploymentSettings here, Path home) {
        return SettingsReader.answer(SettingsReader.SUBMISSION, () -> SettingsReader.submitted(text, here, home));
    }

    /**
     * What {@link #submitted} takes: the configuration of {@link #load} as text, without what is a node's. Supervision is in it
     * as far as it was given, so that the node's own stands otherwise. A teacher below {@code home} is named from there, since
     * the cluster's installation may be elsewhere; only the cluster knows whether it has the file.
     *
     * @throws BadSettings with everything that is wrong, an override of a node's section included
     */
    public static String submission(String nameOrFile, List<String> overrides, Path home) {
        return SettingsReader.answer(nameOrFile, () -> SettingsReader.submission(nameOrFile, overrides, home));
    }

    /**
     * These settings, of a run that goes on, at another node that controls. {@code engine} stays the run's: it is part of what
     * determines the weights, and the node that controls computes nothing.
     *
     * @throws BadSettings when they do not fit that node, or the teacher is not there
     */
    public Settings takenUpBy(DeploymentSettings here) {
        return SettingsReader.answer("the run " + experiment.name(), () -> SettingsReader.takenUp(this, here));
    }

    /**
     * The part that is the node's.
     *
     * @throws BadSettings when no node may be started with it, as can be with a run that was recorded elsewhere
     */
    public DeploymentSettings deployment() {
        try {
            return requireStartable();
        } catch (Limits.Exceeded e) {
            throw new BadSettings(
                    "this node",
                    e.problems().stream().map(Limits.Problem::toString).toList());
        }
    }

    DeploymentSettings requireStartable() {
        return new DeploymentSettings(serving, node, engine, cluster, supervision);
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

    /** The complete configuration, every key with its value; without secrets. */
    public Config resolved() {
        return SettingsReader.written(this);
    }

    /** {@link #resolved} as HOCON, for {@link #read}. A token has to be given again. */
    public String render() {
        return resolved()
                .root()
                .render(ConfigRenderOptions.defaults().setOriginComments(false).setJson(false));
    }
}
