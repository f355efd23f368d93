package dev.sluice.config;

import java.nio.file.Path;
import java.util.List;

/**
 * Everything a node is told before it knows of any experiment, validated. Whoever has one may start a node with it: what
 * would expose the node without its owner having said so is refused here.
 *
 * @param supervision for experiments that say nothing themselves
 */
public record DeploymentSettings(
        ServingSettings serving,
        NodeSettings node,
        EngineSettings engine,
        ClusterSettings cluster,
        SupervisionSettings supervision) {
    public DeploymentSettings {
        Limits limits = new Limits();
        supervision.requireFits(limits, serving, node, cluster);
        Exposure.require(limits, node, serving);
        TlsFiles.require(limits, node);
        limits.refuse();
    }

    /** The deployments that ship. */
    public static List<String> deployments() {
        return SettingsReader.DEPLOYMENTS;
    }

    /**
     * Reads the configuration of a node that is about to start.
     *
     * <p>A relative path is taken from the place that names it: the directory of a file, {@code home} for a bundled
     * deployment and for the defaults, the working directory for an override.
     *
     * @param nameOrFile one of {@link #deployments}, or a path that ends in {@code .conf}; what the file leaves out is
     *     taken from {@code sluice-defaults.conf}
     * @param overrides {@code key=value}, later ones win; lists are written {@code [a, b]}
     * @param home directory of the installation
     * @throws BadSettings with everything that is wrong
     */
    public static DeploymentSettings load(String nameOrFile, List<String> overrides, Path home) {
        return SettingsReader.answer(nameOrFile, () -> SettingsReader.deployment(nameOrFile, overrides, home));
    }
}
