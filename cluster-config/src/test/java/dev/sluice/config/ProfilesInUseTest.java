package dev.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sluice.config.ClusterSettings.Profile;
import dev.sluice.protocol.Role;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.apache.pekko.cluster.typed.JoinSeedNodes;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Nodes of two profiles would disagree on who goes on after a split. */
@Timeout(120)
class ProfilesInUseTest {
    private static final Duration PATIENCE = Duration.ofSeconds(40);

    private final List<ActorSystem<Void>> started = new ArrayList<>();

    @AfterEach
    void stop() {
        started.forEach(ActorSystem::terminate);
        started.forEach(
                system -> system.getWhenTerminated().toCompletableFuture().join());
    }

    private ActorSystem<Void> start(Profile profile) {
        NodeSettings node = new NodeSettings(EnumSet.allOf(Role.class), "127.0.0.1", 0, List.of());
        ActorSystem<Void> system = ActorSystem.create(
                Behaviors.empty(), PekkoConfig.SYSTEM, PekkoConfig.forNode(node, new ClusterSettings(profile)));
        started.add(system);
        return system;
    }

    @Test
    void aNodeOfAnotherProfileIsRefusedAndEnds() {
        Cluster founder = Cluster.get(start(Profile.REAL_CLUSTER));
        founder.manager().tell(Join.create(founder.selfMember().address()));
        await().atMost(PATIENCE).until(() -> founder.selfMember().status() == MemberStatus.up());
        ActorSystem<Void> same = start(Profile.REAL_CLUSTER);
        ActorSystem<Void> other = start(Profile.LOADED_MACHINE);

        for (ActorSystem<Void> system : List.of(other, same)) {
            Cluster.get(system)
                    .manager()
                    .tell(new JoinSeedNodes(List.of(founder.selfMember().address())));
        }

        await().atMost(PATIENCE)
                .until(() -> other.getWhenTerminated().toCompletableFuture().isDone());
        await().atMost(PATIENCE).until(() -> Cluster.get(same).selfMember().status() == MemberStatus.up());
        assertThat(founder.state().getMembers()).hasSize(2);
    }
}
