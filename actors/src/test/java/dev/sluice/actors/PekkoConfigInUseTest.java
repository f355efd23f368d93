package dev.sluice.actors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.sluice.config.NodeSettings;
import dev.sluice.config.PekkoConfig;
import dev.sluice.protocol.Role;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The node's configuration against the libraries it is for; here, because this module has all of them. */
class PekkoConfigInUseTest {
    /** A misspelt or misplaced key would change nothing, and nobody would refuse it. */
    @ParameterizedTest
    @ValueSource(strings = {"loaded-machine", "real-cluster"})
    void everyKeyThatWeSetIsOneThatPekkoKnows(String profile) {
        Config ours = ConfigFactory.parseResources("profiles/" + profile + ".conf")
                .withFallback(ConfigFactory.parseResources("pekko-node.conf"))
                .getConfig("pekko");
        Config known = ConfigFactory.defaultReference().getConfig("pekko");

        Set<String> unknown = ours.entrySet().stream()
                .map(Map.Entry::getKey)
                .filter(key -> !known.hasPathOrNull(key))
                .collect(Collectors.toSet());

        assertThat(ours.entrySet()).hasSizeGreaterThan(15);
        assertThat(unknown)
                .as("of these, only the phases' time-outs have no default")
                .isEqualTo(Set.of(
                        "coordinated-shutdown.phases.before-service-unbind.timeout",
                        "coordinated-shutdown.phases.service-stop.timeout"));
        assertThat(known.hasPath("coordinated-shutdown.phases.before-service-unbind"))
                .isTrue();
        assertThat(known.hasPath("coordinated-shutdown.phases.service-stop")).isTrue();
    }

    @Test
    void aNodeWithEveryRoleIsAClusterOfOne() {
        NodeSettings node = new NodeSettings(EnumSet.allOf(Role.class), "127.0.0.1", 0, List.of());
        ActorTestKit kit = ActorTestKit.create(PekkoConfig.SYSTEM, PekkoConfig.forNode(node));
        try {
            Cluster cluster = Cluster.get(kit.system());
            cluster.manager().tell(Join.create(cluster.selfMember().address()));

            await().atMost(Duration.ofSeconds(20))
                    .untilAsserted(
                            () -> assertThat(cluster.selfMember().status()).isEqualTo(MemberStatus.up()));
            assertThat(cluster.selfMember().getRoles())
                    .contains("generator", "critic", "teacher", "sampler", "control");
        } finally {
            kit.shutdownTestKit();
        }
    }

    @Test
    void anActorOnThePinnedDispatcherStaysOnItsThread() {
        NodeSettings node = new NodeSettings(EnumSet.allOf(Role.class), "127.0.0.1", 0, List.of());
        ActorTestKit kit = ActorTestKit.create(PekkoConfig.SYSTEM, PekkoConfig.forNode(node));
        try {
            TestProbe<Long> first = kit.createTestProbe();
            TestProbe<Long> second = kit.createTestProbe();
            DispatcherSelector pinned = DispatcherSelector.fromConfig(PekkoConfig.PINNED_DISPATCHER);
            ActorRef<ActorRef<Long>> one = kit.spawn(tellsItsThread(), pinned);
            ActorRef<ActorRef<Long>> two = kit.spawn(tellsItsThread(), pinned);
            for (int i = 0; i < 20; i++) {
                one.tell(first.getRef());
                two.tell(second.getRef());
            }

            List<Long> ofOne = first.receiveSeveralMessages(20);
            List<Long> ofTwo = second.receiveSeveralMessages(20);
            assertThat(ofOne.stream().distinct()).hasSize(1);
            assertThat(ofTwo.stream().distinct()).hasSize(1).doesNotContain(ofOne.get(0));
        } finally {
            kit.shutdownTestKit();
        }
    }

    private static Behavior<ActorRef<Long>> tellsItsThread() {
        return Behaviors.receiveMessage(replyTo -> {
            replyTo.tell(Thread.currentThread().getId());
            return Behaviors.same();
        });
    }
}
