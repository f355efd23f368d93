package dev.sluice.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.sluice.protocol.Role;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** What the actor system of a node is started with. */
public final class PekkoConfig {
    /** Every node's actor system has this name; nodes of other names do not find one another. */
    public static final String SYSTEM = "sluice";

    /** Dispatcher that gives every actor on it a thread of its own; for whatever calls libtorch. */
    public static final String PINNED_DISPATCHER = "sluice.pinned";

    private PekkoConfig() {}

    /**
     * The complete configuration for {@code ActorSystem.create}: {@code pekko-node.conf}, this node's address and
     * roles, under them the libraries' {@code reference.conf}; system properties win, as usual with Pekko.
     *
     * <p>A node without seeds is in no cluster until it joins itself.
     */
    public static Config forNode(NodeSettings node, ClusterSettings cluster) {
        List<String> seeds = node.seeds().stream()
                .map(seed -> "pekko://" + SYSTEM + "@" + seed)
                .toList();
        Config own = ConfigFactory.parseMap(
                Map.of(
                        "pekko.remote.artery.canonical.hostname", node.host(),
                        "pekko.remote.artery.canonical.port", node.port(),
                        "pekko.cluster.roles",
                                node.roles().stream().map(Role::key).toList(),
                        "pekko.cluster.seed-nodes", seeds),
                "node settings");
        return ConfigFactory.load(own.withFallback(shipped()));
    }

    /** {@link #forNode(NodeSettings, ClusterSettings)} on a loaded machine. */
    public static Config forNode(NodeSettings node) {
        return forNode(node, new ClusterSettings(ClusterSettings.Profile.LOADED_MACHINE));
    }

    /** From a node's death until the cluster has removed it: nothing shorter can tell a dead node from a slow one. */
    static Duration goneAfter(ClusterSettings cluster) {
        Config shipped = shipped();
        return shipped.getDuration("pekko.cluster.failure-detector.acceptable-heartbeat-pause")
                .plus(shipped.getDuration("pekko.cluster.split-brain-resolver.stable-after"));
    }

    private static Config shipped() {
        return SettingsReader.resource("pekko-node.conf");
    }
}
