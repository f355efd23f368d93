package dev.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.sluice.protocol.Role;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.apache.pekko.util.WildcardIndex;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import scala.jdk.javaapi.CollectionConverters;

class PekkoConfigTest {
    private final Config config = PekkoConfig.forNode(
            new NodeSettings(Set.of(Role.CRITIC, Role.GENERATOR), "10.0.0.2", 25_521, List.of("10.0.0.1:25520")));

    @Test
    void theNodesAddressRolesAndSeeds() {
        assertThat(config.getString("pekko.remote.artery.canonical.hostname")).isEqualTo("10.0.0.2");
        assertThat(config.getInt("pekko.remote.artery.canonical.port")).isEqualTo(25_521);
        assertThat(config.getStringList("pekko.cluster.roles")).containsExactly("generator", "critic");
        assertThat(config.getStringList("pekko.cluster.seed-nodes")).containsExactly("pekko://sluice@10.0.0.1:25520");
    }

    @Test
    void bothPortsBetweenNodesCanBeFixed(@TempDir Path home) {
        DeploymentSettings settings =
                DeploymentSettings.load("one-process", List.of("node.port=25520", "node.delivery-port=25521"), home);
        Config fixed = PekkoConfig.forNode(settings.node(), settings.cluster());

        assertThat(fixed.getInt("pekko.remote.artery.canonical.port")).isEqualTo(25_520);
        assertThat(fixed.getInt("sluice.delivery.port")).isEqualTo(25_521);
        assertThat(config.getInt("sluice.delivery.port")).as("any").isZero();
    }

    @Test
    void aNodeWithoutSeedsHasNone() {
        Config alone = PekkoConfig.forNode(new NodeSettings(EnumSet.allOf(Role.class), "127.0.0.1", 0, List.of()));

        assertThat(alone.getStringList("pekko.cluster.seed-nodes")).isEmpty();
        assertThat(alone.getStringList("pekko.cluster.roles"))
                .containsExactly("generator", "critic", "teacher", "sampler", "control");
    }

    @Test
    void laysItselfOverPekkosReference() {
        Config reference = ConfigFactory.defaultReference();

        assertThat(reference.getString("pekko.actor.provider")).isEqualTo("local");
        assertThat(config.getString("pekko.actor.provider")).isEqualTo("cluster");
        assertThat(reference.getBoolean("pekko.coordinated-shutdown.exit-jvm")).isFalse();
        assertThat(config.getBoolean("pekko.coordinated-shutdown.exit-jvm")).isFalse();
        assertThat(config.getBoolean("pekko.coordinated-shutdown.run-by-jvm-shutdown-hook"))
                .isTrue();
        assertThat(reference.getDuration("pekko.coordinated-shutdown.default-phase-timeout"))
                .isEqualTo(Duration.ofSeconds(5));
        assertThat(reference.hasPath("pekko.coordinated-shutdown.phases.service-stop"))
                .isTrue();
        assertThat(config.getDuration("pekko.coordinated-shutdown.phases.service-stop.timeout"))
                .isEqualTo(Duration.ofSeconds(30));
        assertThat(config.getBoolean("pekko.actor.allow-java-serialization")).isFalse();
        assertThat(reference.hasPath("pekko.actor.warn-about-java-serializer-usage"))
                .isTrue();
        assertThat(config.getBoolean("pekko.actor.warn-about-java-serializer-usage"))
                .isTrue();
        assertThat(config.getStringList("pekko.loggers")).containsExactly("org.apache.pekko.event.slf4j.Slf4jLogger");
    }

    @Test
    void clusterSettings() {
        assertThat(config.getBoolean("pekko.cluster.jmx.multi-mbeans-in-same-jvm"))
                .isTrue();
        assertThat(config.getString("pekko.cluster.downing-provider-class"))
                .isEqualTo("org.apache.pekko.cluster.sbr.SplitBrainResolverProvider");
        assertThat(config.getString("pekko.cluster.singleton.role")).isEqualTo(Role.CONTROL.key());
    }

    private static Config of(ClusterSettings.Profile profile) {
        return PekkoConfig.forNode(
                new NodeSettings(EnumSet.allOf(Role.class), "127.0.0.1", 0, List.of()), new ClusterSettings(profile));
    }

    @Test
    void onALoadedMachineTheOldestThatControlsDecides() {
        Config cluster = of(ClusterSettings.Profile.LOADED_MACHINE).getConfig("pekko.cluster");
        ClusterSettings settings = new ClusterSettings(ClusterSettings.Profile.LOADED_MACHINE);

        assertThat(cluster)
                .isEqualTo(config.getConfig("pekko.cluster")
                        .withValue("roles", cluster.getValue("roles"))
                        .withValue("seed-nodes", cluster.getValue("seed-nodes")));
        assertThat(cluster.getString("split-brain-resolver.active-strategy")).isEqualTo("keep-oldest");
        assertThat(cluster.getString("split-brain-resolver.keep-oldest.role")).isEqualTo(Role.CONTROL.key());
        assertThat(cluster.getBoolean("split-brain-resolver.keep-oldest.down-if-alone"))
                .isFalse();
        assertThat(PekkoConfig.goneAfter(settings)).isEqualTo(Duration.ofSeconds(20));
        assertThat(PekkoConfig.takenOverAfter(settings)).isEqualTo(Duration.ofSeconds(25));
    }

    @Test
    void inARealClusterTheMajorityOfThoseThatControlDecides() {
        Config cluster = of(ClusterSettings.Profile.REAL_CLUSTER).getConfig("pekko.cluster");
        ClusterSettings settings = new ClusterSettings(ClusterSettings.Profile.REAL_CLUSTER);

        assertThat(cluster.getString("split-brain-resolver.active-strategy")).isEqualTo("keep-majority");
        assertThat(cluster.getString("split-brain-resolver.keep-majority.role")).isEqualTo(Role.CONTROL.key());
        assertThat(PekkoConfig.goneAfter(settings)).isEqualTo(Duration.ofSeconds(20));
        assertThat(PekkoConfig.takenOverAfter(settings)).isEqualTo(Duration.ofSeconds(25));
    }

    @ParameterizedTest
    @EnumSource(ClusterSettings.Profile.class)
    void whatEveryProfileMustHold(ClusterSettings.Profile profile) {
        Config all = of(profile);
        Config cluster = all.getConfig("pekko.cluster");
        Duration pause = cluster.getDuration("failure-detector.acceptable-heartbeat-pause");
        Duration stable = cluster.getDuration("split-brain-resolver.stable-after");
        Duration handOver = cluster.getDuration("singleton.hand-over-retry-interval")
                .multipliedBy(cluster.getInt("singleton.min-number-of-hand-over-retries"));

        // One lost heartbeat is no failure, and a decision outlasts a pause that was taken for one.
        assertThat(pause)
                .isGreaterThan(cluster.getDuration("failure-detector.heartbeat-interval")
                        .multipliedBy(3));
        assertThat(stable).isGreaterThanOrEqualTo(pause);
        // Who leaves has given up what it runs before it is asked for it the last time.
        assertThat(handOver)
                .isGreaterThan(all.getDuration("pekko.coordinated-shutdown.phases.cluster-exiting.timeout"));
        assertThat(cluster.getDuration("down-removal-margin")).isPositive().isLessThan(stable);
    }

    @Test
    void thePinnedDispatcherKeepsItsThread() {
        Config dispatcher = config.getConfig(PekkoConfig.PINNED_DISPATCHER);

        assertThat(dispatcher.getString("type")).isEqualTo("PinnedDispatcher");
        assertThat(dispatcher.getString("executor")).isEqualTo("thread-pool-executor");
        assertThat(dispatcher.getBoolean("thread-pool-executor.allow-core-timeout"))
                .isFalse();
    }

    @Test
    void largeFramesAreOfTheSizeThatThePartsAreCutFor() {
        assertThat(config.getBytes("pekko.remote.artery.advanced.maximum-large-frame-size"))
                .isEqualTo(2L << 20);
        assertThat(config.getBytes("pekko.remote.artery.advanced.maximum-frame-size"))
                .isEqualTo(256L << 10);
    }

    /** With the index that Pekko's transport itself looks receivers up in. */
    @ParameterizedTest
    @CsvSource({
        "/temp/asks$a, false",
        "/system/Materializers/StreamSupervisor-1/SourceRef-2, true",
        "/user/node, false",
        "/user/node/generator-fashion-1, false",
        "/user/recorder, false",
        "/user/supervisor, false",
        "/system/receptionist, false",
    })
    void filesAndNothingElseGoInTheLargeLane(String path, boolean large) {
        WildcardIndex<String> index =
                WildcardIndex.apply(WildcardIndex.apply$default$1(), WildcardIndex.apply$default$2());
        for (String entry : config.getStringList("pekko.remote.artery.large-message-destinations")) {
            index = index.insert(entry.substring(1).split("/"), entry);
        }

        assertThat(index.find(CollectionConverters.asScala(
                                List.of(path.substring(1).split("/"))))
                        .isDefined())
                .isEqualTo(large);
    }
}
