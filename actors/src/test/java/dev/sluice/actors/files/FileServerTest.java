package dev.sluice.actors.files;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.message.FilesMessage;
import dev.sluice.protocol.message.FilesReply;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.stream.javadsl.Source;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whoever sends a file hears what became of it, whatever goes wrong, and however many wait. */
class FileServerTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    @TempDir
    Path folder;

    private ActorTestKit kit;
    private ActorRef<FilesMessage> server;
    private TestProbe<FilesReply> sender;

    @BeforeEach
    void start() throws IOException {
        kit = ActorTestKit.create();
        Files.createDirectories(folder.resolve("experts"));
        sender = kit.createTestProbe();
        server = kit.spawn(
                FileServer.create(new TransferSettings(1L << 30, 4, Duration.ofMinutes(5), Duration.ofMinutes(5))),
                DispatcherSelector.blocking());
        server.tell(new FileServer.ServeRun(folder));
    }

    @AfterEach
    void stop() {
        kit.shutdownTestKit();
    }

    private void store(String path, String source) {
        server.tell(new FilesMessage.Store(path, "ab", 1, source, sender.getRef()));
    }

    private String refused() {
        return sender.expectMessageClass(FilesReply.Refused.class, PATIENCE).reason();
    }

    @Test
    void whateverGoesWrongIsAnswered() {
        assertThat(FileServer.stored("x", () -> {}).getClass()).isEqualTo(FilesReply.Stored.class);
        assertThat(FileServer.stored("a file", () -> {
                    throw new IllegalStateException("broken");
                }))
                .isEqualTo(
                        new FilesReply.Refused("a file cannot be taken in: java.lang.IllegalStateException: broken"));
        assertThat(FileServer.stored("a file", () -> {
                    throw new OutOfMemoryError("heap");
                }))
                .isEqualTo(new FilesReply.Refused("a file cannot be taken in: java.lang.OutOfMemoryError: heap"));
    }

    @Test
    void aMessageWithoutAPathIsRefusedAndTheServerServesOn() {
        store(null, "nothing");
        assertThat(refused()).contains("a path is missing");
        store(folder.resolve("experts/phase-1.pt").toString(), "nothing");
        assertThat(refused()).contains("not the name of a stream");
    }

    @Test
    void whoeverComesWhenTooManyWaitIsToldSo() {
        String file = folder.resolve("experts/phase-1.pt").toString();
        for (int i = 0; i < FileServer.STORING_AT_ONCE; i++) {
            store(file, Streams.offer(kit.system(), Source.maybe(), Duration.ofMinutes(5)));
        }
        for (int i = 0; i < FileServer.WAITING_MOST; i++) {
            store(file, "waits");
        }
        store(file, "one too many");

        assertThat(refused()).isEqualTo(file + " is not taken in: 256 files wait for their turn already");
    }
}
