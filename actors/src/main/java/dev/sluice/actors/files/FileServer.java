package dev.sluice.actors.files;

import dev.sluice.protocol.file.Durable;
import dev.sluice.protocol.message.FilesMessage;
import dev.sluice.protocol.message.FilesReply;
import dev.sluice.runtime.network.NetworkFileException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.apache.pekko.actor.typed.receptionist.ServiceKey;
import org.apache.pekko.stream.javadsl.FileIO;

/**
 * Gives other nodes the experts, checkpoints and teachers of the runs that this node controls, and takes in what their
 * trainers write. It looks at disks, so spawn it with {@code DispatcherSelector.blocking()}; bytes move on threads of that
 * dispatcher beside it, a bounded number at a time.
 *
 * <p>When the actor dies, transfers that have begun end as they would, and what it served must be told to the next one.
 */
public final class FileServer extends AbstractBehavior<FilesMessage> {
    /** Where file servers register. */
    public static final ServiceKey<FilesMessage> KEY = ServiceKey.create(FilesMessage.class, "files");

    /** Serve the experts and checkpoints in a run's folder from now on. */
    public record ServeRun(Path folder) implements FilesMessage.Local {}

    /** Serve a teacher's file from now on and, where it has two experts, its parts. */
    public record ServeTeacher(Path file) implements FilesMessage.Local {}

    /** Takes one file in. */
    @FunctionalInterface
    interface Storing {
        void run() throws IOException;
    }

    private record Ended() implements FilesMessage.Local {}

    /** A file that is taken in holds one of the dispatcher's 16 threads. */
    static final int STORING_AT_ONCE = 8;

    /** Each experiment has three writers at most; whoever is refused tries again with the next checkpoint. */
    static final int WAITING_MOST = 256;

    private final ServedFiles served = new ServedFiles();
    private final Deque<Runnable> waiting = new ArrayDeque<>();
    private final TransferSettings settings;
    private final ActorSystem<?> system;
    private final Executor blocking;
    private int storing;

    private FileServer(ActorContext<FilesMessage> context, TransferSettings settings) {
        super(context);
        this.settings = settings;
        this.system = context.getSystem();
        this.blocking = system.dispatchers().lookup(DispatcherSelector.blocking());
        system.receptionist().tell(Receptionist.register(KEY, context.getSelf()));
    }

    /** Serves nothing until it is told what. */
    public static Behavior<FilesMessage> create(TransferSettings settings) {
        return Behaviors.setup(context -> new FileServer(context, settings));
    }

    @Override
    public Receive<FilesMessage> createReceive() {
        return newReceiveBuilder()
                .onMessage(ServeRun.class, this::onServeRun)
                .onMessage(ServeTeacher.class, this::onServeTeacher)
                .onMessage(FilesMessage.Fetch.class, this::onFetch)
                .onMessage(FilesMessage.Store.class, this::onStore)
                .onMessage(Ended.class, this::onEnded)
                .build();
    }

    private Behavior<FilesMessage> onServeRun(ServeRun order) {
        served.addRun(order.folder());
        return this;
    }

    private Behavior<FilesMessage> onServeTeacher(ServeTeacher order) {
        try {
            served.addTeacher(order.file());
        } catch (NetworkFileException e) {
            // Whoever opens it fails with the same reason; here nobody waits for an answer.
            getContext().getLog().warn("the parts of a teacher cannot be served: {}", e.getMessage());
        }
        return this;
    }

    private Behavior<FilesMessage> onFetch(FilesMessage.Fetch fetch) {
        try {
            Path file = served.readable(fetch.path(), fetch.size());
            String offered = Streams.offer(
                    system,
                    FileIO.fromPath(file, Streams.CHUNK).backpressureTimeout(settings.quiet()),
                    settings.quiet());
            fetch.replyTo().tell(new FilesReply.Offered(offered));
        } catch (ServedFiles.NotServed e) {
            refuse(e, fetch.replyTo());
        }
        return this;
    }

    private Behavior<FilesMessage> onStore(FilesMessage.Store store) {
        if (waiting.size() >= WAITING_MOST) {
            store.replyTo()
                    .tell(new FilesReply.Refused(store.path() + " is not taken in: " + waiting.size()
                            + " files wait for their turn already"));
            return this;
        }
        try {
            Path target = served.writable(store.path());
            waiting.add(() -> store(target, store));
            storeWhatMay();
        } catch (ServedFiles.NotServed e) {
            refuse(e, store.replyTo());
        }
        return this;
    }

    private void storeWhatMay() {
        while (storing < STORING_AT_ONCE && !waiting.isEmpty()) {
            storing++;
            getContext()
                    .pipeToSelf(CompletableFuture.runAsync(waiting.remove(), blocking), (done, failed) -> new Ended());
        }
    }

    private Behavior<FilesMessage> onEnded(Ended ended) {
        storing--;
        storeWhatMay();
        return this;
    }

    /** On a thread of the blocking dispatcher; touches no state of the actor. */
    private void store(Path target, FilesMessage.Store store) {
        String what = target + " from " + Streams.host(system, store.replyTo());
        store.replyTo().tell(stored(what, () -> {
            try (InputStream in = Streams.open(system, store.source(), settings.quiet())) {
                Durable.write(target, out -> Intake.copy(in, store.size(), store.sha256(), what, out));
            }
        }));
    }

    /** Whoever sent a file waits for an answer, whatever goes wrong. */
    static FilesReply stored(String what, Storing storing) {
        try {
            storing.run();
            return new FilesReply.Stored();
        } catch (UncheckedIOException e) {
            return new FilesReply.Refused(e.getCause().getMessage());
        } catch (IOException e) {
            return new FilesReply.Refused(e.getMessage());
        } catch (RuntimeException | Error e) {
            return new FilesReply.Refused(what + " cannot be taken in: " + e);
        }
    }

    private void refuse(ServedFiles.NotServed e, ActorRef<FilesReply> replyTo) {
        getContext().getLog().warn("refused to {}: {}", Streams.host(system, replyTo), e.getMessage());
        replyTo.tell(new FilesReply.Refused(e.getMessage()));
    }
}
