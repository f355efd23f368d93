package dev.sluice.actors.files;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.sluice.config.NodeSettings;
import dev.sluice.config.PekkoConfig;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.FilesMessage;
import dev.sluice.runtime.store.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;

/** A control node with a store, and a node with a cache and nothing else, both in this JVM, connected over loopback. */
final class TwoNodes implements AutoCloseable {
    static final TransferSettings SETTINGS =
            new TransferSettings(1L << 30, 4, Duration.ofSeconds(20), Duration.ofSeconds(15));
    /** For somebody who falls silent on purpose: a first connection on a busy machine takes longer at times. */
    static final Duration QUIET = Duration.ofSeconds(3);

    final ActorTestKit control = kit();
    final ActorTestKit worker = kit();
    final Path run;
    final Path cache;

    /** @param folder that is empty */
    TwoNodes(Path folder) throws IOException {
        run = folder.resolve("control/runs/a");
        cache = folder.resolve("worker/cache");
        Files.createDirectories(run.resolve("experts"));
        Files.createDirectories(run.resolve("checkpoints"));
        Cluster seed = Cluster.get(control.system());
        seed.manager().tell(Join.create(seed.selfMember().address()));
        Cluster.get(worker.system())
                .manager()
                .tell(Join.create(seed.selfMember().address()));
    }

    private static ActorTestKit kit() {
        NodeSettings node = new NodeSettings(EnumSet.allOf(Role.class), "127.0.0.1", 0, List.of());
        Config fast = ConfigFactory.parseString("""
                pekko.cluster.failure-detector.acceptable-heartbeat-pause = 3 s
                pekko.cluster.split-brain-resolver.stable-after = 1 s
                pekko.cluster.gossip-interval = 200 ms
                pekko.coordinated-shutdown.run-by-jvm-shutdown-hook = off
                """);
        return ActorTestKit.create(PekkoConfig.SYSTEM, fast.withFallback(PekkoConfig.forNode(node)));
    }

    /** A real server for the run. */
    ActorRef<FilesMessage> serve() {
        ActorRef<FilesMessage> server =
                control.spawn(FileServer.create(SETTINGS), "files", DispatcherSelector.blocking());
        server.tell(new FileServer.ServeRun(run));
        return server;
    }

    /** Something else in its place, or asked after it. */
    ActorRef<FilesMessage> serve(Behavior<FilesMessage> fake) {
        ActorRef<FilesMessage> server = control.spawn(fake, "second-files");
        control.system().receptionist().tell(Receptionist.register(FileServer.KEY, server));
        return server;
    }

    StreamedFiles files() throws IOException {
        return files(SETTINGS);
    }

    /** Which gives up what stands still for {@link #QUIET}. */
    StreamedFiles impatientFiles() throws IOException {
        return files(new TransferSettings(1L << 30, 4, QUIET, Duration.ofSeconds(15)));
    }

    StreamedFiles files(TransferSettings settings) throws IOException {
        return StreamedFiles.start(worker.system(), cache, settings);
    }

    /** An expert of that many random bytes in the run's folder. */
    ExpertRef expert(String name, int bytes) throws IOException {
        return file(run.resolve("experts").resolve(name), bytes);
    }

    static ExpertRef file(Path file, int bytes) throws IOException {
        Files.write(file, random(file.toString().hashCode(), bytes));
        return new ExpertRef(file.getFileName().toString(), Sha256.of(file), bytes, file.toString());
    }

    static byte[] random(long seed, int bytes) {
        byte[] content = new byte[bytes];
        new Random(seed).nextBytes(content);
        return content;
    }

    /** What the cache has, but for its lock and the folder of what is being written. */
    List<String> cached() throws IOException {
        try (var files = Files.list(cache)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> !name.equals(".lock") && !name.equals("outgoing"))
                    .sorted()
                    .toList();
        }
    }

    @Override
    public void close() {
        worker.shutdownTestKit();
        control.shutdownTestKit();
    }
}
