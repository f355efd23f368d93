package dev.sluice.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.sluice.protocol.Role;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What the actor system of a node is started with. */
public final class PekkoConfig {
    /** Every node's actor system has this name; nodes of other names do not find one another. */
    public static final String SYSTEM = "sluice";

    /** Dispatcher that gives every actor on it a thread of its own; for whatever calls libtorch. */
    public static final String PINNED_DISPATCHER = "sluice.pinned";

    private static final String ARTERY = "pekko.remote.artery.";

    private PekkoConfig() {}

    /**
     * The complete configuration for {@code ActorSystem.create}: {@code pekko-node.conf} and a profile, this node's
     * address and roles, under them the libraries' {@code reference.conf}; system properties win, as usual with Pekko.
     *
     * <p>A node without seeds is in no cluster until it joins itself.
     */
    public static Config forNode(NodeSettings node, ClusterSettings cluster) {
        List<String> seeds = node.seeds().stream()
                .map(seed -> "pekko://" + SYSTEM + "@" + seed)
                .toList();
        Map<String, Object> own = new HashMap<>(Map.of(
                ARTERY + "canonical.hostname",
                node.host(),
                ARTERY + "canonical.port",
                node.port(),
                "pekko.cluster.roles",
                node.roles().stream().map(Role::key).toList(),
                "pekko.cluster.seed-nodes",
                seeds,
                "sluice.delivery.port",
                node.deliveryPort()));
        node.bindHost().ifPresent(host -> own.put(ARTERY + "bind.hostname", host));
        node.bindPort().ifPresent(port -> own.put(ARTERY + "bind.port", port));
        if (node.tls().enabled()) {
            own.putAll(tls(node.tls()));
        }
        return ConfigFactory.load(ConfigFactory.parseMap(own, "node settings").withFallback(shipped(cluster)));
    }

    private static Map<String, Object> tls(TlsSettings tls) {
        String files = ARTERY + "ssl.rotating-keys-engine.";
        return Map.of(
                ARTERY + "transport", "tls-tcp",
                files + "cert-file", tls.certificate().orElseThrow().toString(),
                files + "key-file", tls.key().orElseThrow().toString(),
                files + "ca-cert-file", tls.ca().orElseThrow().toString());
    }

    /** {@link #forNode(NodeSettings, ClusterSettings)} on a loaded machine. */
    public static Config forNode(NodeSettings node) {
        return forNode(node, new ClusterSettings(ClusterSettings.Profile.LOADED_MACHINE));
    }

    /** From a node's death until the cluster has removed it: nothing shorter can tell a dead node from a slow one. */
    public static Duration goneAfter(ClusterSettings cluster) {
        Config shipped = shipped(cluster);
        return shipped.getDuration("pekko.cluster.failure-detector.acceptable-heartbeat-pause")
                .plus(shipped.getDuration("pekko.cluster.split-brain-resolver.stable-after"));
    }

    /** From the death of the node that runs the experiments until another that controls runs them. */
    public static Duration takenOverAfter(ClusterSettings cluster) {
        return goneAfter(cluster).plus(shipped(cluster).getDuration("pekko.cluster.down-removal-margin"));
    }

    private static Config shipped(ClusterSettings cluster) {
        return SettingsReader.resource("profiles/" + Scalars.key(cluster.profile()) + ".conf")
                .withFallback(SettingsReader.resource("pekko-node.conf"));
    }
}
