package dev.sluice.actors.files;

import dev.sluice.protocol.FileRef;
import dev.sluice.protocol.file.Durable;
import dev.sluice.protocol.message.FilesMessage;
import dev.sluice.protocol.message.FilesReply;
import dev.sluice.runtime.store.RunFiles;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.stream.KillSwitches;
import org.apache.pekko.stream.SharedKillSwitch;
import org.apache.pekko.stream.javadsl.FileIO;

/**
 * The store as a node has it that shares no folder with the control nodes: files come from a {@link FileServer} into a
 * cache by their SHA-256, and what is written goes there, and stays in the cache for whoever reads it next.
 *
 * <p>One a process. Where there are several servers, one that refuses or breaks off is followed by the next; other bytes
 * than announced are asked for once more.
 */
public final class StreamedFiles implements RunFiles, AutoCloseable {
    private final ActorSystem<?> system;
    private final TransferSettings settings;
    private final FileCache cache;
    private final Path outgoing;
    private final ActorRef<Servers.Command> servers;
    private final Semaphore transfers;

    private StreamedFiles(ActorSystem<?> system, FileCache cache, Path outgoing, TransferSettings settings) {
        this.system = system;
        this.settings = settings;
        this.cache = cache;
        this.outgoing = outgoing;
        this.transfers = new Semaphore(settings.atOnce(), true);
        this.servers = system.systemActorOf(Servers.create(), "file-servers-" + UUID.randomUUID(), Props.empty());
    }

    /**
     * @param system in a cluster
     * @param folder of the cache, of this process alone; made when it is not there
     * @throws IOException when the folder cannot be used, or another process uses it
     */
    public static StreamedFiles start(ActorSystem<?> system, Path folder, TransferSettings settings)
            throws IOException {
        FileCache cache = new FileCache(folder, settings.cacheBytes());
        Path outgoing = folder.toAbsolutePath().normalize().resolve("outgoing");
        try {
            clear(outgoing);
            return new StreamedFiles(system, cache, outgoing, settings);
        } catch (IOException | RuntimeException e) {
            cache.close();
            throw e;
        }
    }

    /** What a process left that was killed while it wrote. */
    private static void clear(Path outgoing) throws IOException {
        Files.createDirectories(outgoing);
        try (Stream<Path> left = Files.walk(outgoing)) {
            for (Path path : left.sorted(Comparator.reverseOrder()).toList()) {
                if (!path.equals(outgoing)) {
                    Files.delete(path);
                }
            }
        }
    }

    @Override
    public <R extends FileRef<R>, T> T read(R ref, Reading<R, T> reading) throws IOException {
        try (FileCache.Held held = cache.hold(ref.sha256(), ref.size(), file -> fetch(ref, file))) {
            return reading.from(ref.at(held.path().toString()));
        }
    }

    @Override
    public <R extends FileRef<R>> R write(Path target, Writing<R> writing) throws IOException {
        Path folder = Files.createTempDirectory(outgoing, "");
        Path local = folder.resolve(target.getFileName());
        try {
            R written = writing.to(local).at(target.toString());
            send(local, written);
            try {
                cache.adopt(written.sha256(), written.size(), local);
            } catch (IOException e) {
                system.log().warn("{} was sent but is not kept here: {}", target, e.toString());
            }
            return written;
        } finally {
            Files.deleteIfExists(local);
            Files.delete(folder);
        }
    }

    private void fetch(FileRef<?> ref, Path file) throws IOException {
        atOneOf("fetch " + ref.path(), server -> {
            try {
                fetchFrom(server, ref, file);
            } catch (Intake.OtherBytes first) {
                system.log().warn("{}; fetching it again", first.getMessage());
                fetchFrom(server, ref, file);
            }
        });
    }

    private void fetchFrom(ActorRef<FilesMessage> server, FileRef<?> ref, Path file) throws IOException {
        String from = Streams.host(system, server);
        FilesReply reply;
        try {
            reply = await(AskPattern.ask(
                    server,
                    replyTo -> new FilesMessage.Fetch(ref.path(), ref.size(), replyTo),
                    settings.answerWithin(),
                    system.scheduler()));
        } catch (ExecutionException e) {
            throw new IOException(
                    from + " did not answer within " + settings.answerWithin().toMillis() + " ms", e);
        }
        if (!(reply instanceof FilesReply.Offered offered)) {
            throw refused(from, reply);
        }
        try (InputStream in = Streams.open(system, offered.source(), settings.quiet())) {
            String what = ref.path() + " from " + from;
            Durable.write(file, out -> Intake.copy(in, ref.size(), ref.sha256(), what, out));
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    private void send(Path local, FileRef<?> ref) throws IOException {
        atOneOf("store " + ref.path(), server -> sendTo(server, local, ref));
    }

    private void sendTo(ActorRef<FilesMessage> server, Path local, FileRef<?> ref) throws IOException {
        String to = Streams.host(system, server);
        AtomicLong sent = new AtomicLong();
        SharedKillSwitch off = KillSwitches.shared("sending");
        String source = Streams.offer(
                system,
                FileIO.fromPath(local, Streams.CHUNK).via(off.flow()).map(bytes -> {
                    sent.addAndGet(bytes.size());
                    return bytes;
                }),
                settings.quiet());
        CompletableFuture<FilesReply> outcome = new CompletableFuture<>();
        try {
            system.systemActorOf(
                    Sending.create(
                            server,
                            replyTo -> new FilesMessage.Store(ref.path(), ref.sha256(), ref.size(), source, replyTo),
                            outcome,
                            sent,
                            settings.quiet()),
                    "file-sending-" + UUID.randomUUID(),
                    Props.empty());
            FilesReply reply = await(outcome);
            if (!(reply instanceof FilesReply.Stored)) {
                throw refused(to, reply);
            }
        } catch (ExecutionException e) {
            throw new IOException(
                    to + " broke off after " + sent.get() + " of " + ref.size() + " bytes were sent: "
                            + Streams.reason(e),
                    e);
        } finally {
            off.abort(new IOException("the sender gave up"));
        }
    }

    @FunctionalInterface
    private interface Transfer {
        void with(ActorRef<FilesMessage> server) throws IOException;
    }

    /** Tries one server after the other. */
    private void atOneOf(String what, Transfer transfer) throws IOException {
        acquire();
        try {
            List<IOException> failures = new ArrayList<>();
            for (ActorRef<FilesMessage> server : find(what)) {
                try {
                    transfer.with(server);
                    return;
                } catch (InterruptedIOException e) {
                    throw e;
                } catch (IOException e) {
                    failures.add(e);
                }
            }
            IOException all = new IOException(
                    "cannot " + what + ": "
                            + failures.stream().map(IOException::getMessage).collect(Collectors.joining("; ")),
                    failures.get(0));
            failures.stream().skip(1).forEach(all::addSuppressed);
            throw all;
        } finally {
            transfers.release();
        }
    }

    private List<ActorRef<FilesMessage>> find(String what) throws IOException {
        try {
            return await(AskPattern.ask(servers, Servers.Find::new, settings.answerWithin(), system.scheduler()))
                    .servers();
        } catch (ExecutionException e) {
            throw new IOException(
                    "cannot " + what + ": no control node that serves files was found within "
                            + settings.answerWithin().toMillis() + " ms; is one up, and is this node in its cluster?",
                    e.getCause());
        }
    }

    private void acquire() throws InterruptedIOException {
        try {
            transfers.acquire();
        } catch (InterruptedException e) {
            throw interrupted();
        }
    }

    private static <T> T await(CompletionStage<T> stage) throws ExecutionException, InterruptedIOException {
        try {
            return stage.toCompletableFuture().get();
        } catch (InterruptedException e) {
            throw interrupted();
        }
    }

    private static InterruptedIOException interrupted() {
        Thread.currentThread().interrupt();
        return new InterruptedIOException("interrupted while waiting for a file");
    }

    private static IOException refused(String who, FilesReply reply) {
        return new IOException(
                reply instanceof FilesReply.Refused no
                        ? who + " says: " + no.reason()
                        : who + " gave the wrong answer: " + reply);
    }

    /** Frees the cache's folder for another process. Reading and writing fail from then on. */
    @Override
    public void close() throws IOException {
        cache.close();
    }
}
