package dev.sluice.actors.node;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.delivery.NodeCourier;
import dev.sluice.actors.delivery.Undeliverable;
import dev.sluice.actors.discovery.Discovery;
import dev.sluice.actors.experiments.Experiments;
import dev.sluice.actors.files.FileServer;
import dev.sluice.actors.files.StreamedFiles;
import dev.sluice.actors.files.TransferSettings;
import dev.sluice.actors.http.ApiServer;
import dev.sluice.actors.http.Health;
import dev.sluice.actors.http.HttpListener;
import dev.sluice.actors.sampler.SamplerSettings;
import dev.sluice.config.DeploymentSettings;
import dev.sluice.config.NodeSettings;
import dev.sluice.config.PekkoConfig;
import dev.sluice.config.Settings;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.ExperimentsMessage;
import dev.sluice.protocol.message.FilesMessage;
import dev.sluice.protocol.message.NodeMessage;
import dev.sluice.runtime.network.Networks;
import dev.sluice.runtime.network.StoredNetworks;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
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
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.ClusterSingleton;
import org.apache.pekko.cluster.typed.ClusterSingletonSettings;
import org.apache.pekko.cluster.typed.Join;
import org.apache.pekko.cluster.typed.SingletonActor;
import org.apache.pekko.remote.RemoteTransportException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One process of a cluster, which may be its only one: the actor system with this node's roles in it and,
 * on a control node, the HTTP API.
 */
public final class SluiceProcess implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SluiceProcess.class);
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /** More than a busy machine takes for an orderly end. */
    private static final Duration TO_END = Duration.ofSeconds(30);

    private final ActorSystem<SpawnProtocol.Command> system;
    private final ActorRef<NodeMessage> node;
    private final Courier courier;
    private final Optional<ActorRef<FilesMessage>> files;
    private HttpListener http;

    /** @param files of a control node */
    private record Actors(ActorRef<NodeMessage> node, Courier courier, Optional<ActorRef<FilesMessage>> files) {}

    private SluiceProcess(ActorSystem<SpawnProtocol.Command> system, Actors actors) {
        this.system = system;
        this.node = actors.node();
        this.courier = actors.courier();
        this.files = actors.files();
    }

    /**
     * Starts the actor system, joins the cluster and, with the control role, binds the HTTP port; the health port too,
     * if there is one.
     *
     * @param devices that it offers, each with the networks on it
     * @throws CannotStart when a port between nodes, or the cache, cannot be had
     * @throws dev.sluice.actors.http.ListenException when a port for HTTP cannot
     */
    public static SluiceProcess start(DeploymentSettings settings, Map<String, Networks> devices) {
        return start(settings, devices, Optional.empty());
    }

    /** As above, with one device only: the first. */
    public static SluiceProcess start(Settings settings, Networks networks) {
        return start(settings.deployment(), Map.of(settings.engine().device(), networks));
    }

    /**
     * Starts a node of a cluster whose experiments are submitted to it.
     *
     * @param home of the installation
     * @throws CannotStart as above
     */
    public static SluiceProcess startNode(DeploymentSettings settings, Map<String, Networks> devices, Path home) {
        return start(settings, devices, Optional.of(home));
    }

    private static SluiceProcess start(
            DeploymentSettings settings, Map<String, Networks> devices, Optional<Path> home) {
        CompletableFuture<Actors> actors = new CompletableFuture<>();
        ActorSystem<SpawnProtocol.Command> system = system(settings, guardian(settings, devices, actors));
        SluiceProcess process = new SluiceProcess(system, await(actors, "the actors of this node to start"));
        try {
            if (settings.node().seeds().isEmpty()) {
                Cluster cluster = Cluster.get(system);
                cluster.manager().tell(Join.create(cluster.selfMember().address()));
            }
            if (settings.node().roles().contains(Role.CONTROL)) {
                process.http = await(
                        ApiServer.start(
                                system,
                                settings.serving(),
                                process.courier(),
                                home.map(folder -> keeper(
                                        system,
                                        Experiments.create(settings, folder, process.courier(), process.files())))),
                        "the HTTP port (serving.port) to open");
            }
            if (settings.node().healthPort().isPresent()) {
                await(
                        Health.start(
                                system,
                                settings.node().healthHost(),
                                settings.node().healthPort().get(),
                                settings.serving().connections()),
                        "the health port " + settings.node().healthPort().get() + " to open");
            }
            return process;
        } catch (RuntimeException e) {
            process.close();
            throw e;
        }
    }

    private static ActorSystem<SpawnProtocol.Command> system(
            DeploymentSettings settings, Behavior<SpawnProtocol.Command> guardian) {
        NodeSettings node = settings.node();
        try {
            return ActorSystem.create(guardian, PekkoConfig.SYSTEM, PekkoConfig.forNode(node, settings.cluster()));
        } catch (RemoteTransportException e) {
            throw new CannotStart(
                    "cannot be reached by other nodes at " + node.bindHost().orElse(node.host()) + ":"
                            + node.bindPort().orElse(node.port()) + " ("
                            + e.getMessage().replaceFirst(".*Exception: ", "")
                            + "); choose another port with --node-port N, or 0 for any free one, and an address of this"
                            + " machine with --host",
                    e);
        }
    }

    /** The one keeper of experiments in the cluster, wherever it is. */
    private static ActorRef<ExperimentsMessage> keeper(
            ActorSystem<?> system, Behavior<ExperimentsMessage> experiments) {
        return ClusterSingleton.get(system)
                .init(SingletonActor.of(experiments, "experiments")
                        .withProps(DispatcherSelector.blocking())
                        .withStopMessage(new Experiments.HandOver())
                        .withSettings(ClusterSingletonSettings.create(system).withRole(Role.CONTROL.key())));
    }

    /** The node at the path {@code /user/node}, and beside it what belongs to runs; or nothing, and why. */
    private static Behavior<SpawnProtocol.Command> guardian(
            DeploymentSettings settings, Map<String, Networks> devices, CompletableFuture<Actors> started) {
        return Behaviors.setup(context -> {
            try {
                started.complete(actors(context, settings, devices));
                return SpawnProtocol.create();
            } catch (IllegalStateException e) {
                started.completeExceptionally(new CannotStart(e.getMessage(), e));
            } catch (RuntimeException e) {
                started.completeExceptionally(e);
            }
            return Behaviors.stopped();
        });
    }

    private static Actors actors(
            ActorContext<SpawnProtocol.Command> context, DeploymentSettings settings, Map<String, Networks> devices) {
        Map<String, Networks> stored = stored(context.getSystem(), settings.node(), devices);
        Courier courier = NodeCourier.start(context.getSystem(), context.spawn(lost(), "lost"));
        Address address = Cluster.get(context.getSystem()).selfMember().address();
        ActorRef<NodeMessage> node = context.spawn(
                Node.create(
                        settings.node().name().orElseGet(address::hostPort),
                        settings.node().roles(),
                        stored,
                        SamplerSettings.of(settings.serving()),
                        courier),
                Discovery.NODE_NAME);
        Departure.prepare(context.getSystem(), node);
        // Not handling its end ends the system too: a process without its roles is none.
        context.watch(node);
        Optional<ActorRef<FilesMessage>> files = Optional.empty();
        if (settings.node().roles().contains(Role.CONTROL)) {
            // It keeps what it has been told to serve: a request that it fails at is refused, and no more.
            Behavior<FilesMessage> server = Behaviors.supervise(FileServer.create(TransferSettings.DEFAULTS))
                    .onFailure(SupervisorStrategy.resume());
            files = Optional.of(context.spawn(server, "files", DispatcherSelector.blocking()));
        }
        return new Actors(node, courier, files);
    }

    /** What this process itself sent, and not one of its roles. */
    private static Behavior<Undeliverable> lost() {
        return Behaviors.receive((context, batch) -> {
            context.getLog().warn("{} for {} is lost: {}", batch.kind(), batch.receiver(), batch.cause());
            return Behaviors.same();
        });
    }

    /** The devices' networks, with their files from the control nodes where this node does not see their folders. */
    private static Map<String, Networks> stored(
            ActorSystem<?> system, NodeSettings settings, Map<String, Networks> devices) {
        if (settings.sharedStore()) {
            return devices;
        }
        StreamedFiles files;
        try {
            files = StreamedFiles.start(
                    system,
                    settings.cache(),
                    TransferSettings.DEFAULTS.withCacheBytes((long) settings.cacheGib() << 30));
        } catch (IOException e) {
            throw new IllegalStateException(
                    "the cache node.cache = " + settings.cache() + " cannot be used: " + e.getMessage(), e);
        }
        system.getWhenTerminated().thenAccept(done -> free(files));
        Map<String, Networks> stored = new LinkedHashMap<>();
        devices.forEach((device, networks) -> stored.put(device, new StoredNetworks(networks, files)));
        return stored;
    }

    private static void free(StreamedFiles files) {
        try {
            files.close();
        } catch (IOException e) {
            // The end of the process frees the folder as well.
            throw new UncheckedIOException(e);
        }
    }

    /** Spawns an actor beside the roles of this process. */
    public <M> ActorRef<M> spawn(Behavior<M> behavior, String name, Props props) {
        CompletionStage<ActorRef<M>> spawned = AskPattern.ask(
                system,
                replyTo -> new SpawnProtocol.Spawn<>(behavior, name, props, replyTo),
                PATIENCE,
                system.scheduler());
        return await(spawned, "the actor " + name + " to start");
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

    /** Of this node; whoever takes batches from other nodes here is spawned behind its intake. */
    public Courier courier() {
        return courier;
    }

    /** Serves the files of runs that are carried out here to nodes that do not see them. Only on a control node. */
    public ActorRef<FilesMessage> files() {
        return files.orElseThrow();
    }

    public ActorSystem<SpawnProtocol.Command> system() {
        return system;
    }

    /** The HTTP address, such as {@code http://127.0.0.1:8080}. Only on a control node. */
    public String url() {
        return http.url();
    }

    /**
     * Stops everything in order and waits for it. What takes longer than {@link #TO_END} is left behind, such as a worker
     * whose native call does not return.
     */
    @Override
    public void close() {
        // The HTTP binding ends with the system, after the requests that are under way.
        system.terminate();
        try {
            system.getWhenTerminated()
                    .toCompletableFuture()
                    .orTimeout(TO_END.toSeconds(), TimeUnit.SECONDS)
                    .join();
        } catch (CompletionException e) {
            LOG.warn(
                    "Something did not end within {} s and is left behind; the log may say what got stuck",
                    TO_END.toSeconds());
        }
    }

    private static <T> T await(CompletionStage<T> stage, String what) {
        return await(stage, what, PATIENCE);
    }

    /**
     * @param what is waited for, as it reads after "waited 60 s for"
     * @throws IllegalStateException when it takes longer than {@code within}; says what was waited for
     */
    static <T> T await(CompletionStage<T> stage, String what, Duration within) {
        try {
            return stage.toCompletableFuture()
                    .orTimeout(within.toMillis(), TimeUnit.MILLISECONDS)
                    .join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            if (e.getCause() instanceof TimeoutException) {
                throw new IllegalStateException(
                        "waited " + within.toSeconds() + " s for " + what + "; the log may say what holds it up", e);
            }
            throw e;
        }
    }
}
