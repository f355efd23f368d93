package dev.sluice.protocol.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DurableTest {
    @TempDir
    Path folder;

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private Stream<String> names() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(f -> f.getFileName().toString()).toList().stream();
        }
    }

    @Test
    void theFileHoldsWhatWasWrittenAndNothingElseStays() throws IOException {
        Path file = folder.resolve("f");
        Durable.write(file, out -> out.write(bytes("old")));
        Durable.write(file, out -> {
            out.write(bytes("new"));
            assertThat(file).as("until it is whole").hasContent("old");
            out.close();
        });

        assertThat(file).hasContent("new");
        assertThat(names()).containsExactly("f");
    }

    @Test
    void whenTheWriterFailsTheOldFileStaysAndTheMessageNamesIt() throws IOException {
        Path file = folder.resolve("f");
        Durable.write(file, out -> out.write(bytes("old")));

        assertThatThrownBy(() -> Durable.write(file, out -> {
                    out.write(new byte[1 << 20]);
                    throw new IOException("No space left on device");
                }))
                .isInstanceOf(IOException.class)
                .hasMessage("cannot write " + file + ": No space left on device");
        assertThatThrownBy(() -> Durable.write(file, out -> {
                    throw new IllegalStateException("writer is broken");
                }))
                .isInstanceOf(IllegalStateException.class);

        assertThat(file).hasContent("old");
        assertThat(names()).containsExactly("f");
    }

    @Test
    void aMissingFolderIsNamed() {
        Path file = folder.resolve("gone").resolve("f");

        assertThatThrownBy(() -> Durable.write(file, out -> out.write(1)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("its folder " + folder.resolve("gone") + " does not exist");
    }

    @Test
    void aTargetThatIsAFolderIsRefusedAndNothingStays() throws IOException {
        Path target = Files.createDirectory(folder.resolve("d"));
        Files.createFile(target.resolve("child"));

        assertThatThrownBy(() -> Durable.write(target, out -> out.write(1)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("cannot write " + target);
        assertThat(names()).containsExactly("d");
    }

    @Test
    void aReaderNeverSeesAPartOfAFileWhileWritersRace() throws Exception {
        Path file = folder.resolve("f");
        Durable.write(file, out -> out.write(new byte[100_000]));
        ExecutorService writers = Executors.newFixedThreadPool(2);
        CountDownLatch started = new CountDownLatch(2);
        try {
            Future<?>[] done = new Future<?>[2];
            for (int w = 0; w < 2; w++) {
                byte[] content = new byte[100_000];
                java.util.Arrays.fill(content, (byte) (w + 1));
                done[w] = writers.submit(() -> {
                    started.countDown();
                    for (int i = 0; i < 20; i++) {
                        Durable.write(file, out -> out.write(content));
                    }
                    return null;
                });
            }
            started.await();
            int reads = 0;
            do {
                byte[] seen = Files.readAllBytes(file);
                assertThat(seen).hasSize(100_000).containsOnly(seen[0]);
                reads++;
            } while (!done[0].isDone() || !done[1].isDone());
            done[0].get();
            done[1].get();
            assertThat(reads).isPositive();
        } finally {
            writers.shutdownNow();
        }
        assertThat(names()).containsExactly("f");
    }
}
