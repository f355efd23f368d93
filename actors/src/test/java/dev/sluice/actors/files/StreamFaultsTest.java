package dev.sluice.actors.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.message.FilesMessage;
import dev.sluice.protocol.message.FilesReply;
import dev.sluice.runtime.store.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntFunction;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Servers that lie, stop, die or have no room: what the other side hears, when, and what is left behind. */
@Timeout(90)
class StreamFaultsTest {
    private static final int SIZE = 1 << 20;
    private static final byte[] CONTENT = TwoNodes.random(1, SIZE);
    /** The fakes' file: they look at no disk. */
    private static final ExpertRef REF = new ExpertRef("phase-1", Sha256.of(CONTENT), SIZE, "/store/phase-1.pt");

    @TempDir
    Path folder;

    private TwoNodes nodes;
    private StreamedFiles files;
    private final AtomicInteger asked = new AtomicInteger();

    @BeforeEach
    void start() throws IOException {
        nodes = new TwoNodes(folder);
        files = nodes.files();
    }

    private void beImpatient() throws IOException {
        files.close();
        files = nodes.impatientFiles();
    }

    @AfterEach
    void stop() throws IOException {
        files.close();
        nodes.close();
    }

    /** Answers the n-th request, from 0, with that stream, and what is to be stored with nothing at all. */
    private Behavior<FilesMessage> sending(IntFunction<Source<ByteString, ?>> bytes) {
        return Behaviors.receive(FilesMessage.class)
                .onMessage(FilesMessage.Fetch.class, fetch -> {
                    fetch.replyTo()
                            .tell(new FilesReply.Offered(Streams.offer(
                                    nodes.control.system(), bytes.apply(asked.getAndIncrement()), TwoNodes.QUIET)));
                    return Behaviors.same();
                })
                .onMessage(FilesMessage.Store.class, store -> {
                    asked.incrementAndGet();
                    return Behaviors.same();
                })
                .build();
    }

    private static Source<ByteString, ?> chunks(byte[] content) {
        List<ByteString> chunks = new ArrayList<>();
        for (int at = 0; at < content.length; at += Streams.CHUNK) {
            chunks.add(ByteString.fromArray(content, at, Math.min(Streams.CHUNK, content.length - at)));
        }
        return Source.from(chunks);
    }

    private static byte[] flipped() {
        byte[] flipped = CONTENT.clone();
        flipped[SIZE / 2] ^= 4;
        return flipped;
    }

    private byte[] fetch() throws IOException {
        return files.read(REF, local -> Files.readAllBytes(Path.of(local.path())));
    }

    private String server() {
        return Streams.host(
                nodes.control.system(), nodes.control.createTestProbe().getRef());
    }

    @Test
    void aBitThatFlippedOnceIsFetchedAgain() throws IOException {
        nodes.serve(sending(n -> chunks(n == 0 ? flipped() : CONTENT)));

        assertThat(fetch()).isEqualTo(CONTENT);
        assertThat(asked).hasValue(2);
    }

    @Test
    void aBitThatStaysFlippedIsRefusedWithBothHashes() throws IOException {
        nodes.serve(sending(n -> chunks(flipped())));

        assertThatThrownBy(this::fetch)
                .isInstanceOf(IOException.class)
                .hasMessage("cannot fetch /store/phase-1.pt: /store/phase-1.pt from " + server()
                        + " has other bytes than it should: their SHA-256 is " + Sha256.of(flipped()) + ", expected "
                        + REF.sha256());
        assertThat(asked).hasValue(2);
        assertThat(nodes.cached()).isEmpty();
    }

    @Test
    void aStreamThatEndsEarlyOrDoesNotEndIsRefused() throws IOException {
        byte[] half = java.util.Arrays.copyOf(CONTENT, SIZE / 2);
        nodes.serve(
                sending(n -> n == 0 ? chunks(half) : chunks(CONTENT).concat(Source.repeat(ByteString.fromInts(1)))));

        assertThatThrownBy(this::fetch)
                .hasMessage("cannot fetch /store/phase-1.pt: /store/phase-1.pt from " + server() + " ended after "
                        + SIZE / 2 + " of " + SIZE + " bytes");
        assertThatThrownBy(this::fetch)
                .hasMessage("cannot fetch /store/phase-1.pt: /store/phase-1.pt from " + server()
                        + " sent more than its " + SIZE + " bytes");
        assertThat(nodes.cached()).isEmpty();
    }

    @Test
    void aServerThatFallsSilentIsGivenUp() throws IOException {
        byte[] half = java.util.Arrays.copyOf(CONTENT, SIZE / 2);
        nodes.serve(sending(n -> chunks(half).concat(Source.maybe())));
        beImpatient();
        long begun = System.nanoTime();

        assertThatThrownBy(this::fetch)
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith("cannot fetch /store/phase-1.pt: /store/phase-1.pt from " + server()
                        + " broke off after " + SIZE / 2 + " of " + SIZE + " bytes: ")
                .hasMessageContaining("Timeout");
        assertThat(Duration.ofNanos(System.nanoTime() - begun))
                .isGreaterThan(TwoNodes.QUIET.minusMillis(100))
                .isLessThan(TwoNodes.QUIET.plusSeconds(20));
        assertThat(nodes.cached()).isEmpty();
    }

    @Test
    void aServerThatDiesInTheMiddleIsNoticed() throws Exception {
        byte[] half = java.util.Arrays.copyOf(CONTENT, SIZE / 2);
        AtomicLong sent = new AtomicLong();
        nodes.serve(sending(n -> chunks(half)
                .map(bytes -> {
                    sent.addAndGet(bytes.size());
                    return bytes;
                })
                .concat(Source.maybe())));
        String server = server();
        ExecutorService thread = Executors.newSingleThreadExecutor();
        try {
            Future<byte[]> fetching = thread.submit(this::fetch);
            await().atMost(Duration.ofSeconds(30)).until(() -> sent.get() == SIZE / 2);
            nodes.control.shutdownTestKit();

            assertThatThrownBy(() -> fetching.get(30, TimeUnit.SECONDS))
                    .isInstanceOf(ExecutionException.class)
                    .cause()
                    .isInstanceOf(IOException.class)
                    .hasMessageStartingWith(
                            "cannot fetch /store/phase-1.pt: /store/phase-1.pt from " + server + " broke off after ");
        } finally {
            thread.shutdownNow();
        }
        assertThat(nodes.cached()).isEmpty();
    }

    @Test
    void aServerThatNeverTakesAFileIsGivenUpAndOneThatDiesIsNoticed() throws Exception {
        nodes.serve(sending(n -> Source.empty()));
        beImpatient();
        Path target = Path.of("/store/critic.safetensors");

        assertThatThrownBy(() -> store(target, CONTENT))
                .isInstanceOf(IOException.class)
                .hasMessage("cannot store /store/critic.safetensors: " + server() + " broke off after 0 of " + SIZE
                        + " bytes were sent: nothing moved for " + TwoNodes.QUIET.toMillis() + " ms");

        ExecutorService thread = Executors.newSingleThreadExecutor();
        try {
            Future<StateRef> storing = thread.submit(() -> store(target, CONTENT));
            await().atMost(Duration.ofSeconds(30)).until(() -> asked.get() == 2);
            nodes.control.shutdownTestKit();
            assertThatThrownBy(() -> storing.get(30, TimeUnit.SECONDS))
                    .cause()
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining(" broke off after 0 of " + SIZE + " bytes were sent: ");
        } finally {
            thread.shutdownNow();
        }
        assertThat(nodes.cached()).isEmpty();
        assertThat(nodes.cache.resolve("outgoing")).isEmptyDirectory();
    }

    @Test
    void aNameThatIsNoStreamIsAnError() throws IOException {
        nodes.serve(Behaviors.receive(FilesMessage.class)
                .onMessage(FilesMessage.Fetch.class, fetch -> {
                    fetch.replyTo().tell(new FilesReply.Offered("rubbish"));
                    return Behaviors.same();
                })
                .build());

        assertThatThrownBy(this::fetch)
                .isInstanceOf(IOException.class)
                .hasMessage("cannot fetch /store/phase-1.pt: not the name of a stream: rubbish");
    }

    @Test
    void withoutAServerTheUserHearsWhatIsMissing() throws IOException {
        try (StreamedFiles alone = StreamedFiles.start(
                nodes.worker.system(),
                folder.resolve("alone"),
                new TransferSettings(1, 1, TwoNodes.QUIET, Duration.ofMillis(300)))) {
            assertThatThrownBy(() -> alone.read(REF, local -> local))
                    .isInstanceOf(IOException.class)
                    .hasMessage("cannot fetch /store/phase-1.pt: no control node that serves files was found within"
                            + " 300 ms; is one up, and is this node in its cluster?");
        }
    }

    private StateRef store(Path target, byte[] content) throws IOException {
        return files.write(target, local -> {
            Files.write(local, content);
            return new StateRef(Role.CRITIC, 1, 5, Sha256.of(CONTENT), content.length, local.toString());
        });
    }

    @Test
    void whatIsSentWithOtherBytesThanAnnouncedLeavesTheOldFile() throws IOException {
        nodes.serve();
        Path target = nodes.run.resolve("checkpoints/phase-1-cycle-5/critic.safetensors");
        store(target, CONTENT);

        assertThatThrownBy(() -> store(target, flipped()))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith("cannot store " + target + ": " + server() + " says: " + target + " from ")
                .hasMessageContaining(Sha256.of(flipped()) + ", expected " + REF.sha256());
        assertThat(target).hasBinaryContent(CONTENT);
        assertThat(target.getParent()).isDirectoryNotContaining(path -> !path.equals(target));
        assertThat(nodes.cache.resolve("outgoing")).isEmptyDirectory();
    }

    @Test
    void aTargetOutsideOfTheRunIsRefused() throws IOException {
        nodes.serve();
        Path target = nodes.run.resolve("checkpoints/../../b/experts/phase-1.pt");

        assertThatThrownBy(() -> store(target, CONTENT))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("is not served here: its path must be absolute and without . and ..");
        assertThat(nodes.run.resolveSibling("b")).doesNotExist();
    }

    @Test
    void aFullDiskAtTheServerIsTheSendersErrorAndNothingElse() throws Exception {
        nodes.serve();
        Path disk = Files.createDirectories(nodes.run.resolve("checkpoints/phase-1-cycle-5"));
        assumeTrue(
                run("mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", disk.toString()) == 0,
                "only root may mount a small disk");
        try {
            Path target = disk.resolve("critic.safetensors");
            assertThatThrownBy(() -> store(target, CONTENT))
                    .isInstanceOf(IOException.class)
                    .hasMessage("cannot store " + target + ": " + server() + " says: cannot write " + target
                            + ": No space left on device");
            assertThat(disk).isEmptyDirectory();
        } finally {
            assertThat(run("umount", disk.toString())).isZero();
        }
        Path elsewhere = nodes.run.resolve("checkpoints/phase-1-cycle-10/critic.safetensors");
        assertThat(store(elsewhere, CONTENT).path()).isEqualTo(elsewhere.toString());
        assertThat(elsewhere).hasBinaryContent(CONTENT);
    }

    private static int run(String... command) throws IOException, InterruptedException {
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start()
                .waitFor();
    }

    @Test
    void threadsThatWantOneFileFetchItOnce() throws Exception {
        nodes.serve(sending(n -> chunks(CONTENT)));
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Future<byte[]>> wanted = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                wanted.add(threads.submit(this::fetch));
            }
            for (Future<byte[]> one : wanted) {
                assertThat(one.get(30, TimeUnit.SECONDS)).isEqualTo(CONTENT);
            }
        } finally {
            threads.shutdownNow();
        }
        assertThat(asked).hasValue(1);
    }

    @Test
    void whatOneServerDoesNotHaveTheNextOneDoes() throws IOException {
        nodes.serve();
        assertThatThrownBy(this::fetch).hasMessageContaining("/store/phase-1.pt is not served here");

        nodes.serve(sending(n -> chunks(CONTENT)));
        await().atMost(Duration.ofSeconds(30))
                .ignoreExceptionsInstanceOf(IOException.class)
                .untilAsserted(() -> assertThat(fetch()).isEqualTo(CONTENT));
        assertThat(asked).hasValue(1);
    }
}
