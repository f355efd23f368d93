package dev.sluice.config.tls;

import static org.awaitility.Awaitility.await;

import dev.sluice.config.Certificates;
import dev.sluice.config.NodeSettings;
import dev.sluice.config.PekkoConfig;
import dev.sluice.config.TlsSettings;
import dev.sluice.protocol.Role;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.stream.StreamSupport;
import org.apache.pekko.actor.testkit.typed.javadsl.FishingOutcomes;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.apache.pekko.actor.typed.receptionist.ServiceKey;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.apache.pekko.cluster.typed.JoinSeedNodes;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Nodes on loopback with the certificates that the script makes: whose are in order form a cluster, nobody else does. */
@Timeout(120)
class TlsClusterTest {
    private static final String HOST = "127.0.0.1";
    private static final Duration PATIENCE = Duration.ofSeconds(40);
    private static final ServiceKey<String> GREETED = ServiceKey.create(String.class, "greeted");

    @TempDir
    static Path folder;

    private static Certificates ours;
    private static Certificates theirs;

    private final List<ActorSystem<Void>> started = new ArrayList<>();

    @BeforeAll
    static void make() throws Exception {
        ours = Certificates.make(folder.resolve("ours"), HOST, "10.9.9.9");
        theirs = Certificates.make(folder.resolve("theirs"), HOST);
    }

    @AfterEach
    void stop() {
        started.forEach(ActorSystem::terminate);
        started.forEach(
                system -> system.getWhenTerminated().toCompletableFuture().join());
    }

    private static TlsSettings by(Certificates certificates, String host) {
        return new TlsSettings(
                true,
                Optional.of(certificates.certificate(host)),
                Optional.of(certificates.key(host)),
                Optional.of(certificates.ca()));
    }

    /** Without the checks of a deployment: who wants to get in does not use them. */
    private Cluster start(TlsSettings tls) {
        NodeSettings node = new NodeSettings(
                EnumSet.allOf(Role.class),
                Optional.empty(),
                HOST,
                0,
                Optional.empty(),
                Optional.empty(),
                0,
                List.of(),
                folder,
                true,
                folder,
                1,
                Optional.empty(),
                NodeSettings.TRIAL_WITHIN,
                HOST,
                Optional.empty(),
                Optional.empty(),
                tls);
        ActorSystem<Void> system = ActorSystem.create(Behaviors.empty(), PekkoConfig.SYSTEM, PekkoConfig.forNode(node));
        started.add(system);
        return Cluster.get(system);
    }

    private Cluster founder() {
        Cluster founder = start(by(ours, HOST));
        founder.manager().tell(Join.create(founder.selfMember().address()));
        await().atMost(PATIENCE).until(() -> members(founder) == 1);
        return founder;
    }

    private static void askToJoin(Cluster who, Cluster founder) {
        who.manager().tell(new JoinSeedNodes(List.of(founder.selfMember().address())));
    }

    private static long members(Cluster cluster) {
        return StreamSupport.stream(cluster.state().getMembers().spliterator(), false)
                .filter(member -> member.status() == MemberStatus.up())
                .count();
    }

    @Test
    void nodesWithCertificatesOfOneAuthorityTalk() {
        Cluster first = founder();
        Cluster second = start(by(ours, HOST));

        askToJoin(second, first);
        await().atMost(PATIENCE).until(() -> members(first) == 2 && members(second) == 2);

        TestProbe<String> here = TestProbe.create(started.get(0));
        TestProbe<Receptionist.Listing> there = TestProbe.create(started.get(1));
        started.get(0).receptionist().tell(Receptionist.register(GREETED, here.getRef()));
        started.get(1).receptionist().tell(Receptionist.subscribe(GREETED, there.getRef()));
        there.fishForMessage(PATIENCE, listing -> {
            listing.getServiceInstances(GREETED).forEach(greeted -> greeted.tell("over TLS"));
            return listing.getServiceInstances(GREETED).isEmpty()
                    ? FishingOutcomes.continueAndIgnore()
                    : FishingOutcomes.complete();
        });
        here.expectMessage(PATIENCE, "over TLS");
    }

    /** The one who may comes last: by then the others have had longer than he needed. */
    @Test
    void nobodyElseGetsIn() {
        Cluster founder = founder();
        Cluster stranger = start(by(theirs, HOST));
        Cluster impostor = start(by(ours, "10.9.9.9"));
        Cluster plain = start(TlsSettings.OFF);
        List<Cluster> refused = List.of(stranger, impostor, plain);
        refused.forEach(cluster -> askToJoin(cluster, founder));
        Cluster friend = start(by(ours, HOST));

        askToJoin(friend, founder);
        await().atMost(PATIENCE).until(() -> members(friend) >= 2);

        await().failFast(
                        "somebody got in",
                        () -> members(founder) > 2 || refused.stream().anyMatch(cluster -> members(cluster) > 0))
                .during(Duration.ofSeconds(5))
                .atMost(PATIENCE)
                .until(() -> members(founder) == 2);
    }
}
