package dev.sluice.actors.node;

import dev.sluice.actors.http.ApiServer;
import dev.sluice.actors.sampler.SamplerSettings;
import dev.sluice.config.DeploymentSettings;
import dev.sluice.config.PekkoConfig;
import dev.sluice.config.Settings;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.NodeMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.runtime.network.Networks;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.SpawnProtocol;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.apache.pekko.http.javadsl.ServerBinding;

/**
 * One process of a cluster, or a cluster of one (design, decision 8): the actor system with this node's roles in it and,
 * on a control node, the HTTP API.
 */
public final class SluiceProcess implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final ActorSystem<SpawnProtocol.Command> system;
    private final ActorRef<NodeMessage> node;
    private ActorRef<SamplerMessage> sampler;
    private ServerBinding http;

    private SluiceProcess(ActorSystem<SpawnProtocol.Command> system, ActorRef<NodeMessage> node) {
        this.system = system;
        this.node = node;
    }

    /**
     * Starts the actor system, joins the cluster and, with the control role, finds the sampler and binds the HTTP
     * port.
     *
     * @param devices that it offers, each with the networks on it
     * @throws IllegalStateException when the HTTP port cannot be had; the message is written for the user
     */
    public static SluiceProcess start(DeploymentSettings settings, Map<String, Networks> devices) {
        CompletableFuture<ActorRef<NodeMessage>> node = new CompletableFuture<>();
        ActorSystem<SpawnProtocol.Command> system = ActorSystem.create(
                guardian(settings, devices, node),
                PekkoConfig.SYSTEM,
                PekkoConfig.forNode(settings.node(), settings.cluster()));
        SluiceProcess process = new SluiceProcess(system, await(node));
        try {
            if (settings.node().seeds().isEmpty()) {
                Cluster cluster = Cluster.get(system);
                cluster.manager().tell(Join.create(cluster.selfMember().address()));
            }
            if (settings.node().roles().contains(Role.CONTROL)) {
                process.sampler = process.spawn(Front.create(), "front", Props.empty());
                process.http = await(ApiServer.start(system, settings.serving(), process.sampler));
            }
            return process;
        } catch (RuntimeException e) {
            process.close();
            throw e;
        }
    }

    /** As above, with one device only: the first. */
    public static SluiceProcess start(Settings settings, Networks networks) {
        return start(settings.deployment(), Map.of(settings.engine().device(), networks));
    }

    /** The node at the path {@code /user/node}, and beside it what belongs to runs. */
    private static Behavior<SpawnProtocol.Command> guardian(
            DeploymentSettings settings,
            Map<String, Networks> devices,
            CompletableFuture<ActorRef<NodeMessage>> started) {
        return Behaviors.setup(context -> {
            Address address = Cluster.get(context.getSystem()).selfMember().address();
            ActorRef<NodeMessage> node = context.spawn(
                    Node.create(
                            settings.node().name().orElseGet(address::hostPort),
                            settings.node().roles(),
                            devices,
                            SamplerSettings.of(settings.serving())),
                    "node");
            Departure.prepare(context.getSystem(), node);
            // Not handling its end ends the system too: a process without its roles is none.
            context.watch(node);
            started.complete(node);
            return SpawnProtocol.create();
        });
    }

    /** Spawns an actor beside the roles of this process. */
    public <M> ActorRef<M> spawn(Behavior<M> behavior, String name, Props props) {
        CompletionStage<ActorRef<M>> spawned = AskPattern.ask(
                system,
                replyTo -> new SpawnProtocol.Spawn<>(behavior, name, props, replyTo),
                PATIENCE,
                system.scheduler());
        return await(spawned);
    }

    /** {@link #spawn} for an actor that waits for disks. */
    public <M> ActorRef<M> spawnBlocking(Behavior<M> behavior, String name) {
        return spawn(behavior, name, DispatcherSelector.blocking());
    }

    /** {@code host:port} by which the other nodes reach this one. */
    public String address() {
        Address address = Cluster.get(system).selfMember().address();
        return address.getHost().orElseThrow() + ":" + address.getPort().orElseThrow();
    }

    /** The agent of this node. */
    public ActorRef<NodeMessage> node() {
        return node;
    }

    public ActorSystem<SpawnProtocol.Command> system() {
        return system;
    }

    /** The sampler that the HTTP API asks. Only on a control node. */
    public ActorRef<SamplerMessage> sampler() {
        return sampler;
    }

    /** The HTTP address, such as {@code http://127.0.0.1:8080}. Only on a control node. */
    public String url() {
        return "http://" + http.localAddress().getHostString() + ":"
                + http.localAddress().getPort();
    }

    /** Stops everything in order and waits for it; what takes longer than a minute is left behind. */
    @Override
    public void close() {
        // The HTTP binding ends with the system, after the requests that are under way.
        system.terminate();
        await(system.getWhenTerminated());
    }

    private static <T> T await(CompletionStage<T> stage) {
        try {
            return stage.toCompletableFuture()
                    .orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS)
                    .join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            if (e.getCause() instanceof TimeoutException) {
                throw new IllegalStateException(
                        "waited " + PATIENCE.toSeconds() + " s for the cluster to form; are all roles started?", e);
            }
            throw e;
        }
    }
}
