package dev.sluice.actors.delivery;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.sluice.config.NodeSettings;
import dev.sluice.config.PekkoConfig;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.CriticMessage;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.typed.Cluster;

/** Nodes of a test, each a courier on loopback, in one JVM; fast to notice that another is silent. */
public final class Nodes {
    static final Duration PATIENCE = Duration.ofSeconds(30);

    /** Far shorter than a first connection takes on a busy machine: for tests of giving up, once connected. */
    static final String GIVES_UP_SOON = "sluice.delivery.give-up-after = 2 s\n";

    static final String FAST = """
            pekko.actor.testkit.typed.filter-leeway = 20s
            sluice.delivery { beat = 100 ms, silent-after = 1 s, give-up-after = 1 m, window = 1 MiB, queue = 8 MiB }
            sluice.wire.max-message = 8 MiB
            """;

    /** One of them. */
    public record Node(ActorTestKit kit, NodeCourier courier, TestProbe<Undeliverable> lost) implements AutoCloseable {
        /** An actor that takes deliveries and passes them on to {@code probe}, as other nodes know it. */
        ActorRef<CriticMessage> receiver(TestProbe<CriticMessage> probe) {
            return receiver(Behaviors.receiveMessage(message -> {
                probe.getRef().tell(message);
                return Behaviors.same();
            }));
        }

        ActorRef<CriticMessage> receiver(Behavior<CriticMessage> behavior) {
            return receiver(behavior, Props.empty());
        }

        /** Started when this returns: an actor that has not begun takes no deliveries yet. */
        ActorRef<CriticMessage> receiver(Behavior<CriticMessage> behavior, Props props) {
            CountDownLatch started = new CountDownLatch(1);
            ActorRef<CriticMessage> actor = kit.spawn(
                    courier.intake(CriticMessage.class, Behaviors.setup(context -> {
                        started.countDown();
                        return behavior;
                    })),
                    props);
            try {
                if (!started.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
                    throw new AssertionError("the actor did not start");
                }
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            return actor;
        }

        /** {@code actor} of another node, as this one knows it. */
        public <M> ActorRef<M> know(Node other, ActorRef<M> actor) {
            return ActorRefResolver.get(kit.system())
                    .resolveActorRef(ActorRefResolver.get(other.kit.system()).toSerializationFormat(actor));
        }

        int port() {
            return Cluster.get(kit.system()).selfMember().address().getPort().orElseThrow();
        }

        @Override
        public void close() {
            kit.shutdownTestKit();
        }
    }

    private Nodes() {}

    public static Node start(String changes) {
        return start(changes, 0);
    }

    static Node start(String changes, int port) {
        NodeSettings settings = new NodeSettings(EnumSet.allOf(Role.class), "127.0.0.1", port, List.of());
        Config config = ConfigFactory.parseString(changes)
                .withFallback(ConfigFactory.parseString(FAST))
                .withFallback(PekkoConfig.forNode(settings))
                .resolve();
        ActorTestKit kit = ActorTestKit.create(PekkoConfig.SYSTEM, config);
        TestProbe<Undeliverable> lost = kit.createTestProbe(Undeliverable.class);
        return new Node(kit, NodeCourier.start(kit.system(), lost.getRef()), lost);
    }

    /** A batch that can be told from others by its cycle, with a tensor of {@code bytes}. */
    static CriticMessage.Samples batch(int cycle, int bytes) {
        float[] values = new float[bytes / Float.BYTES];
        for (int i = 0; i < values.length; i++) {
            values[i] = i * 0.5f + cycle;
        }
        return new CriticMessage.Samples(
                1, 1, cycle, 0, Tensor.owning(values, values.length), Tensor.of(new long[0], 0));
    }
}
