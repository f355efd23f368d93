package dev.sluice.actors.bench;

import com.typesafe.config.ConfigFactory;
import dev.sluice.config.NodeSettings;
import dev.sluice.config.PekkoConfig;
import dev.sluice.protocol.Role;
import java.util.EnumSet;
import java.util.List;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.typed.Cluster;

/** A node's actor system on loopback, in no cluster, with what a way needs changed. */
final class BenchSystem implements AutoCloseable {
    /** What every way may carry: the largest size of the sweep and its header. */
    static final int LARGEST = (64 << 20) + (64 << 10);

    /** A JVM that ends while the other is still there would be warned about. */
    private static final String QUIET = "pekko.loglevel = ERROR\n";

    /** As a node is configured, but for the bench's own actors and messages. */
    static final String AS_SHIPPED = QUIET + """
            pekko.remote.artery.large-message-destinations = ["/system/parts-*"]
            pekko.actor {
              serializers.bench-part = "dev.sluice.actors.bench.PartSerializer"
              serialization-bindings {
                "dev.sluice.actors.bench.PartsWay$Part" = bench-part
                "dev.sluice.actors.bench.PartsWay$Credit" = bench-part
                "dev.sluice.actors.bench.StreamWay$Subscribe" = bench-part
              }
            }
            """;

    /** Frames that hold the largest message whole. The pool would otherwise keep 32 of them. */
    static final String WHOLE_FRAMES = QUIET + """
            sluice.wire.max-frame = 65 MiB
            pekko.remote.artery.large-message-destinations = ["/system/whole"]
            pekko.remote.artery.advanced {
              maximum-large-frame-size = 66 MiB
              large-buffer-pool-size = 2
            }
            """;

    private final ActorSystem<Void> system;

    private BenchSystem(ActorSystem<Void> system) {
        this.system = system;
    }

    static BenchSystem start(String changes) {
        NodeSettings node = new NodeSettings(EnumSet.allOf(Role.class), "127.0.0.1", 0, List.of());
        return new BenchSystem(ActorSystem.create(
                Behaviors.empty(),
                PekkoConfig.SYSTEM,
                ConfigFactory.parseString(changes)
                        .withFallback(PekkoConfig.forNode(node))
                        .resolve()));
    }

    ActorSystem<Void> system() {
        return system;
    }

    int port() {
        return Cluster.get(system).selfMember().address().getPort().orElseThrow();
    }

    <M> ActorRef<M> spawn(String name, Behavior<M> behavior) {
        return system.systemActorOf(behavior, name, Props.empty());
    }

    /** The actor {@code name} of the other JVM's system. */
    <M> ActorRef<M> remote(int port, String name) {
        return ActorRefResolver.get(system)
                .resolveActorRef("pekko://" + PekkoConfig.SYSTEM + "@127.0.0.1:" + port + "/system/" + name);
    }

    /** @param path that the other JVM's {@link #path} gave */
    <M> ActorRef<M> resolve(String path) {
        return ActorRefResolver.get(system).resolveActorRef(path);
    }

    String path(ActorRef<?> actor) {
        return ActorRefResolver.get(system).toSerializationFormat(actor);
    }

    @Override
    public void close() {
        system.terminate();
        system.getWhenTerminated().toCompletableFuture().join();
    }
}
