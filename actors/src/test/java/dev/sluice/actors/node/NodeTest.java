package dev.sluice.actors.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.delivery.Undeliverable;
import dev.sluice.actors.discovery.Discovery;
import dev.sluice.actors.fake.LinearNetworks;
import dev.sluice.actors.fake.SmallRun;
import dev.sluice.actors.sampler.SamplerSettings;
import dev.sluice.config.ServingSettings;
import dev.sluice.protocol.DeviceOffer;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.NodeMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.protocol.message.SupervisorMessage.NodeOffer;
import dev.sluice.protocol.message.SupervisorMessage.RolePlaced;
import dev.sluice.protocol.message.TeacherMessage;
import dev.sluice.runtime.network.Networks;
import java.time.Duration;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.pekko.Done;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What a node offers, and whom it has play what. */
class NodeTest {
    private static ActorTestKit kit;

    private final LinearNetworks networks = new LinearNetworks();
    private final ExpertRef teacherFile = networks.file("teacher", SmallRun.CARD, 0.5, -0.25, 0.125);
    private final LosingCourier courier = new LosingCourier();
    private final TestProbe<SupervisorMessage> supervisor = kit.createTestProbe();
    private ActorRef<NodeMessage> node;
    private long orders;

    @BeforeAll
    static void start() {
        Config config = SmallRun.config();
        kit = ActorTestKit.create(config.withFallback(ConfigFactory.load()));
    }

    @AfterAll
    static void shutDown() {
        kit.shutdownTestKit();
    }

    @AfterEach
    void stop() {
        kit.stop(node, Duration.ofSeconds(10));
    }

    private void offer(Set<Role> roles, String... devices) {
        Map<String, Networks> on = new LinkedHashMap<>();
        for (String device : devices) {
            on.put(device, networks);
        }
        ServingSettings serving =
                new ServingSettings("127.0.0.1", 0, 4, 4, Duration.ZERO, List.of(1, 4), Duration.ofSeconds(5), 1000);
        node = kit.spawn(Node.create("here", roles, on, SamplerSettings.of(serving), courier));
    }

    private NodeMessage.Play order(Role role, String experiment, String device, String teacher) {
        return order(role, experiment, device, teacher, Optional.empty());
    }

    private NodeMessage.Play order(
            Role role, String experiment, String device, String teacher, Optional<ActorRef<?>> insteadOf) {
        return new NodeMessage.Play(
                ++orders,
                experiment,
                Optional.of("run of " + experiment),
                role,
                device,
                teacher,
                insteadOf,
                60_000,
                supervisor.getRef());
    }

    private ActorRef<?> play(NodeMessage.Play order) {
        node.tell(order);
        RolePlaced placed = supervisor.expectMessageClass(RolePlaced.class);
        assertThat(placed.order()).isEqualTo(order.order());
        assertThat(placed.role()).isEqualTo(order.role());
        return placed.actor();
    }

    private static void release(ActorRef<?> generator) {
        generator.<GeneratorMessage>unsafeUpcast().tell(new GeneratorMessage.Release(1));
    }

    private ActorRef<?> play(Role role, String experiment) {
        return play(order(role, experiment, "cpu", "sha-t"));
    }

    private String refusal(NodeMessage.Play order) {
        node.tell(order);
        SupervisorMessage.RoleNotPlaced refused = supervisor.expectMessageClass(SupervisorMessage.RoleNotPlaced.class);
        assertThat(refused.order()).isEqualTo(order.order());
        return refused.reason();
    }

    @Test
    void aThirdIsNotStartedBesideTwoThatDoNotEnd() {
        LinearNetworks.Hold hold = networks.holdAt(LinearNetworks.Operation.OPEN);
        ExpertRef file = teacherFile;
        offer(Set.of(Role.TEACHER), "cpu");
        Optional<ActorRef<?>> last = Optional.empty();
        for (int i = 0; i < 2; i++) {
            ActorRef<?> teacher = play(order(Role.TEACHER, "toy", "cpu", file.sha256(), last));
            teacher.<TeacherMessage>unsafeUpcast().tell(new TeacherMessage.Load(1, file, supervisor.getRef()));
            hold.awaitStuck();
            teacher.<TeacherMessage>unsafeUpcast().tell(new TeacherMessage.Release(supervisor.getRef()));
            last = Optional.of(teacher);
        }
        NodeMessage.Play third = order(Role.TEACHER, "toy", "cpu", file.sha256(), last);

        assertThat(refusal(third))
                .isEqualTo(
                        "node here starts no other teacher of toy beside 2 that do not end: they are stuck at a piece"
                                + " of work and keep their memory until the process is started again");
        assertThat(play(Role.TEACHER, "another")).isNotNull();
        hold.letGo();
        await().untilAsserted(() -> {
            node.tell(third);
            supervisor.expectMessageClass(RolePlaced.class);
        });
    }

    @Test
    void whoAttendsHearsWhatTheNodeOffersNowAndWhenItChanges() {
        offer(Set.of(Role.CRITIC, Role.GENERATOR), "cpu", "gpu:0");
        TestProbe<SupervisorMessage> attending = kit.createTestProbe();
        node.tell(new NodeMessage.Attend(attending.getRef()));
        attending.expectMessage(new NodeOffer(
                node,
                "here",
                List.of(Role.GENERATOR, Role.CRITIC),
                List.of(new DeviceOffer("cpu", 0, 0), new DeviceOffer("gpu:0", 0, 0)),
                false));

        ActorRef<?> generator = play(order(Role.GENERATOR, "a", "gpu:0", "sha-t"));

        assertThat(attending.expectMessageClass(NodeOffer.class).devices())
                .containsExactly(new DeviceOffer("cpu", 0, 0), new DeviceOffer("gpu:0", 0, 1));
        release(generator);
        assertThat(attending.expectMessageClass(NodeOffer.class).devices()).contains(new DeviceOffer("gpu:0", 0, 0));
    }

    @Test
    void aTrainerIsAlwaysANewOneAndTheOneBeforeItIsStopped() {
        offer(EnumSet.allOf(Role.class), "cpu");
        ActorRef<?> first = play(Role.CRITIC, "a");
        ActorRef<?> neighbour = play(Role.CRITIC, "b");

        ActorRef<?> second = play(Role.CRITIC, "a");

        assertThat(second).isNotEqualTo(first);
        supervisor.expectTerminated(first.unsafeUpcast());
        assertThat(play(Role.GENERATOR, "b")).isNotEqualTo(neighbour);
    }

    @Test
    void experimentsWithTheSameTeacherShareOneUntilItHasFailed() {
        offer(EnumSet.allOf(Role.class), "cpu");
        ActorRef<?> shared = play(Role.TEACHER, "a");
        assertThat(play(Role.TEACHER, "b")).isEqualTo(shared);
        assertThat(play(order(Role.TEACHER, "c", "cpu", "sha-other"))).isNotEqualTo(shared);

        ActorRef<?> instead = play(order(Role.TEACHER, "a", "cpu", "sha-t", Optional.of(shared)));

        assertThat(instead).isNotEqualTo(shared);
        assertThat(play(order(Role.TEACHER, "b", "cpu", "sha-t", Optional.of(shared))))
                .as("b has the same one replaced, which it is already")
                .isEqualTo(instead);
    }

    @Test
    void aSharedTeacherThatEndsIsForgotten() {
        offer(EnumSet.allOf(Role.class), "cpu");
        ActorRef<TeacherMessage> shared = play(Role.TEACHER, "a").unsafeUpcast();
        shared.tell(new TeacherMessage.Load(1, teacherFile, supervisor.getRef()));
        supervisor.expectMessageClass(SupervisorMessage.RoleReady.class);
        shared.tell(new TeacherMessage.Release(supervisor.getRef()));
        supervisor.expectTerminated(shared);

        awaitAnother(Role.TEACHER, shared);
    }

    @Test
    void aSamplerServesOnForWhoeverSupervisesItsExperimentNextAndIsFound() {
        offer(EnumSet.allOf(Role.class), "cpu");
        ActorRef<?> sampler = play(Role.SAMPLER, "a");
        TestProbe<Receptionist.Listing> found = kit.createTestProbe();
        kit.system().receptionist().tell(Receptionist.find(Discovery.SAMPLER, found.getRef()));
        assertThat(found.receiveMessage().getServiceInstances(Discovery.SAMPLER))
                .contains(sampler.unsafeUpcast());

        assertThat(play(Role.SAMPLER, "a")).isEqualTo(sampler);
        assertThat(play(Role.SAMPLER, "b")).isNotEqualTo(sampler);
        ActorRef<SamplerMessage> released = sampler.unsafeUpcast();
        released.tell(new SamplerMessage.Release());
        supervisor.expectTerminated(released);
        awaitAnother(Role.SAMPLER, sampler);
    }

    /** The node learns of an end on its own, maybe after this probe. */
    private void awaitAnother(Role role, ActorRef<?> ended) {
        await().atMost(Duration.ofSeconds(5)).until(() -> !play(role, "a").equals(ended));
    }

    @Test
    void whatTheNodeDoesNotOfferIsRefusedWithTheReason() {
        offer(Set.of(Role.TEACHER, Role.CONTROL), "cpu");
        assertThat(refusal(order(Role.CRITIC, "a", "cpu", "sha-t"))).isEqualTo("node here does not offer to be critic");
        assertThat(refusal(order(Role.CONTROL, "a", "cpu", "sha-t")))
                .isEqualTo("node here does not offer to be control");
        assertThat(refusal(order(Role.TEACHER, "a", "gpu:3", "sha-t"))).isEqualTo("node here has no device gpu:3");
    }

    @Test
    void aNodeThatLeavesSaysSoAndWaitsUntilItsTrainersAreGone() {
        offer(EnumSet.allOf(Role.class), "cpu");
        node.tell(new NodeMessage.Attend(supervisor.getRef()));
        supervisor.expectMessageClass(NodeOffer.class);
        node.tell(order(Role.GENERATOR, "a", "cpu", "sha-t"));
        supervisor.expectMessageClass(NodeOffer.class);
        ActorRef<?> generator = supervisor.expectMessageClass(RolePlaced.class).actor();
        TestProbe<Done> left = kit.createTestProbe();

        node.tell(new Node.Leave(left.getRef()));

        assertThat(supervisor.expectMessageClass(NodeOffer.class).leaving()).isTrue();
        left.expectNoMessage(Duration.ofMillis(20));
        assertThat(refusal(order(Role.TEACHER, "a", "cpu", "sha-t"))).isEqualTo("node here is leaving");
        release(generator);
        left.expectMessage(Done.getInstance());
    }

    @Test
    void aNodeThatNobodyAttendsLeavesAtOnce() {
        offer(EnumSet.allOf(Role.class), "cpu");
        play(Role.GENERATOR, "a");
        TestProbe<Done> left = kit.createTestProbe();

        node.tell(new Node.Leave(left.getRef()));

        left.expectMessage(Done.getInstance());
    }

    @Test
    void samplersStopBeforeTheClusterDoes() {
        offer(EnumSet.allOf(Role.class), "cpu");
        ActorRef<SamplerMessage> sampler = play(Role.SAMPLER, "a").unsafeUpcast();
        TestProbe<Done> stopped = kit.createTestProbe();

        node.tell(new Node.StopSamplers(stopped.getRef()));

        supervisor.expectTerminated(sampler);
        stopped.expectMessage(Done.getInstance());
    }

    /** Tells its listener what the test wants it to. */
    private static final class LosingCourier implements Courier {
        private volatile ActorRef<Undeliverable> listener;

        @Override
        public <T> Pressure deliver(ActorRef<T> to, T message) {
            return Courier.inThisJvm().deliver(to, message);
        }

        @Override
        public <T> Behavior<T> intake(Class<T> type, Behavior<T> behavior) {
            return behavior;
        }

        @Override
        public Courier reportingTo(ActorRef<Undeliverable> other) {
            listener = other;
            return this;
        }
    }

    @Test
    void whatItsCourierCannotDeliverEverySupervisorIsTold() {
        offer(EnumSet.allOf(Role.class), "cpu");
        ActorRef<?> gone = kit.createTestProbe().getRef();
        node.tell(new NodeMessage.Attend(supervisor.getRef()));
        supervisor.expectMessageClass(SupervisorMessage.NodeOffer.class);

        courier.listener.tell(new Undeliverable(gone, "CriticMessage.Samples", "its node has left the cluster"));

        supervisor.expectMessage(new SupervisorMessage.RoleUnreachable(gone, "its node has left the cluster"));
    }
}
