package dev.sluice.actors.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.runtime.store.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Ten bytes a file, room for three. */
@Timeout(30)
class FileCacheTest {
    private static final int SIZE = 10;
    private static final FileCache.Fetching NEVER = file -> {
        throw new AssertionError("fetched again");
    };

    @TempDir
    Path folder;

    private FileCache cache;

    @BeforeEach
    void open() throws IOException {
        cache = new FileCache(folder, 3 * SIZE);
    }

    @AfterEach
    void close() throws IOException {
        cache.close();
    }

    private static byte[] content(int number) {
        return String.format("content %02d", number).getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    }

    private static String name(int number) {
        return Sha256.of(content(number));
    }

    private FileCache.Held hold(int number) throws IOException {
        return cache.hold(name(number), SIZE, file -> Files.write(file, content(number)));
    }

    private void use(int number) throws IOException {
        hold(number).close();
    }

    private List<String> names() throws IOException {
        try (var files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> !name.equals(".lock"))
                    .toList();
        }
    }

    @Test
    void aFileIsFetchedOnceAndFoundAfterwards() throws IOException {
        use(1);

        try (FileCache.Held held = cache.hold(name(1), SIZE, NEVER)) {
            assertThat(held.path()).hasBinaryContent(content(1)).hasFileName(name(1));
        }
    }

    @Test
    void whatWasUsedLongestAgoGoesFirst() throws IOException {
        use(1);
        use(2);
        use(3);
        use(1);
        use(4);

        assertThat(names()).containsExactlyInAnyOrder(name(1), name(3), name(4));
    }

    @Test
    void whatIsHeldStaysHoweverMuchThatIs() throws IOException {
        List<FileCache.Held> held = new ArrayList<>();
        for (int i = 1; i <= 5; i++) {
            held.add(hold(i));
        }
        assertThat(names()).hasSize(5);
        for (int i = 1; i <= 5; i++) {
            assertThat(held.get(i - 1).path()).hasBinaryContent(content(i));
        }

        held.get(1).close();
        assertThat(names()).hasSize(4).doesNotContain(name(2));
        held.get(0).close();
        held.get(2).close();
        held.get(3).close();
        held.get(4).close();
        assertThat(names()).containsExactlyInAnyOrder(name(3), name(4), name(5));
    }

    @Test
    void manyThatWantAFileFetchItOnce() throws Exception {
        AtomicInteger fetched = new AtomicInteger();
        CountDownLatch go = new CountDownLatch(1);
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            List<Future<byte[]>> wanted = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                wanted.add(threads.submit(() -> {
                    try (FileCache.Held held = cache.hold(name(1), SIZE, file -> {
                        fetched.incrementAndGet();
                        await(go);
                        Files.write(file, content(1));
                    })) {
                        return Files.readAllBytes(held.path());
                    }
                }));
            }
            go.countDown();
            for (Future<byte[]> one : wanted) {
                assertThat(one.get(20, TimeUnit.SECONDS)).isEqualTo(content(1));
            }
        } finally {
            threads.shutdownNow();
        }
        assertThat(fetched).hasValue(1);
    }

    @Test
    void whoeverWaitsHearsOfTheFailureAndTheNextTriesAgain() throws Exception {
        CountDownLatch fetching = new CountDownLatch(1);
        CountDownLatch fail = new CountDownLatch(1);
        ExecutorService threads = Executors.newFixedThreadPool(2);
        try {
            Future<FileCache.Held> first = threads.submit(() -> cache.hold(name(1), SIZE, file -> {
                fetching.countDown();
                await(fail);
                throw new IOException("the line is cut");
            }));
            assertThat(fetching.await(20, TimeUnit.SECONDS)).isTrue();
            Future<FileCache.Held> second = threads.submit(() -> cache.hold(name(1), SIZE, NEVER));
            // Not before the second waits: it would be the next that tries again.
            org.awaitility.Awaitility.await().until(() -> cache.holders(name(1)) == 2);
            fail.countDown();
            for (Future<FileCache.Held> each : List.of(first, second)) {
                assertThatThrownBy(() -> each.get(20, TimeUnit.SECONDS))
                        .isInstanceOf(ExecutionException.class)
                        .cause()
                        .isInstanceOf(IOException.class)
                        .hasMessage("the line is cut");
            }
        } finally {
            threads.shutdownNow();
        }
        use(1);
        assertThat(names()).containsExactly(name(1));
    }

    @Test
    void theNextProcessFindsTheFilesAndChecksThem() throws IOException {
        for (int i = 1; i <= 3; i++) {
            use(i);
            Files.setLastModifiedTime(folder.resolve(name(i)), FileTime.fromMillis(i * 1000L));
        }
        Files.write(folder.resolve(name(2)), content(99));
        Files.setLastModifiedTime(folder.resolve(name(2)), FileTime.fromMillis(2000));
        Files.createFile(folder.resolve("." + name(9) + ".1.tmp"));
        cache.close();
        cache = new FileCache(folder, 3 * SIZE);

        assertThat(names()).containsExactlyInAnyOrder(name(1), name(2), name(3));
        cache.hold(name(3), SIZE, NEVER).close();
        AtomicInteger fetched = new AtomicInteger();
        try (FileCache.Held held = cache.hold(name(2), SIZE, file -> {
            fetched.incrementAndGet();
            Files.write(file, content(2));
        })) {
            assertThat(held.path()).hasBinaryContent(content(2));
        }
        assertThat(fetched).as("other bytes than its name says").hasValue(1);
        use(4);
        assertThat(names()).as("1 was used longest ago").containsExactlyInAnyOrder(name(2), name(3), name(4));
    }

    @Test
    void aFileThatWasMadeHereIsKept() throws IOException {
        Path made = Files.write(Files.createDirectories(folder.resolve("made")).resolve("x"), content(1));

        cache.adopt(name(1), SIZE, made);

        cache.hold(name(1), SIZE, NEVER).close();
        assertThat(made).doesNotExist();
    }

    @Test
    void aNameThatIsNoSha256IsRefused() {
        for (String name : new String[] {"../../etc/passwd", "", "ABC", name(1) + "x"}) {
            assertThatThrownBy(() -> cache.hold(name, SIZE, NEVER))
                    .isInstanceOf(IOException.class)
                    .hasMessage("not a SHA-256: " + name);
        }
    }

    @Test
    void aFolderHasOneOwner() {
        assertThatThrownBy(() -> new FileCache(folder, SIZE))
                .isInstanceOf(IOException.class)
                .hasMessage(folder + " is another process's cache: give every node of a machine a folder of its own");
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
