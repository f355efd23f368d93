package dev.sluice.actors.files;

import dev.sluice.monitoring.run.LockFile;
import dev.sluice.runtime.store.Sha256;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Files of this machine by their SHA-256, in a folder of one process at a time. What is asked for and not there is fetched,
 * once however many ask; what a process before left is checked before it is used again.
 *
 * <p>Of the files that nobody holds, those used longest ago go first when there is more than the limit. Held ones stay, so
 * the folder is at most the limit, or what is held at once, and one file more while that comes. Thread-safe.
 */
final class FileCache implements AutoCloseable {
    private static final Pattern NAME = Pattern.compile("[0-9a-f]{64}");

    private final Path folder;
    private final long limit;
    private final LockFile lock;
    /** Used longest ago first. */
    private final Map<String, Entry> entries = new LinkedHashMap<>(16, 0.75f, true);

    private static final class Entry {
        private final long size;
        private int holders;
        /** Done when the file is there; null while nobody has asked for it. */
        private CompletableFuture<Void> coming;

        Entry(long size) {
            this.size = size;
        }
    }

    /** Writes all of a file, or throws and leaves nothing. */
    @FunctionalInterface
    interface Fetching {
        void to(Path file) throws IOException;
    }

    /** A file that stays until this is closed. */
    final class Held implements AutoCloseable {
        private final Entry entry;
        private final Path path;

        private Held(Entry entry, Path path) {
            this.entry = entry;
            this.path = path;
        }

        Path path() {
            return path;
        }

        @Override
        public void close() {
            letGo(entry);
        }
    }

    /** @throws IOException when the folder cannot be used, or another process uses it */
    FileCache(Path folder, long limit) throws IOException {
        this.folder = Files.createDirectories(folder.toAbsolutePath().normalize());
        this.limit = limit;
        this.lock = lock(this.folder.resolve(".lock"));
        try {
            takeStock();
        } catch (IOException | RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    private static LockFile lock(Path file) throws IOException {
        return LockFile.take(file)
                .orElseThrow(() -> new IOException(file.getParent()
                        + " is another process's cache: give every node of a machine a folder of its own"));
    }

    private void takeStock() throws IOException {
        List<Path> found = new ArrayList<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString();
                if (NAME.matcher(name).matches()) {
                    found.add(file);
                } else if (name.endsWith(".tmp")) {
                    Files.deleteIfExists(file);
                }
            }
        }
        Map<Path, FileTime> used = new LinkedHashMap<>();
        for (Path file : found) {
            used.put(file, Files.getLastModifiedTime(file));
        }
        found.sort((a, b) -> used.get(a).compareTo(used.get(b)));
        for (Path file : found) {
            entries.put(file.getFileName().toString(), new Entry(Files.size(file)));
        }
        trim();
    }

    /**
     * Has the file here until it is let go.
     *
     * @param fetching used when it is not here, on one of the threads that want it
     * @throws IOException when it cannot be fetched, the same for all that wait for it; the next to ask tries again
     */
    Held hold(String sha256, long size, Fetching fetching) throws IOException {
        if (!NAME.matcher(sha256).matches()) {
            throw new IOException("not a SHA-256: " + sha256);
        }
        Entry entry;
        CompletableFuture<Void> coming;
        boolean first;
        synchronized (this) {
            entry = entries.computeIfAbsent(sha256, key -> new Entry(size));
            entry.holders++;
            first = entry.coming == null;
            if (first) {
                entry.coming = new CompletableFuture<>();
            }
            coming = entry.coming;
        }
        Path file = folder.resolve(sha256);
        if (first) {
            bring(sha256, entry, file, fetching);
        }
        try {
            coming.get();
            touch(file);
            return new Held(entry, file);
        } catch (ExecutionException e) {
            letGo(entry);
            throw new IOException(e.getCause().getMessage(), e.getCause());
        } catch (InterruptedException e) {
            letGo(entry);
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while waiting for " + file);
        }
    }

    private void bring(String sha256, Entry entry, Path file, Fetching fetching) {
        CompletableFuture<Void> coming = entry.coming;
        try {
            if (!isThere(sha256, file)) {
                trim();
                fetching.to(file);
            }
            coming.complete(null);
        } catch (IOException | RuntimeException | Error e) {
            synchronized (this) {
                entry.coming = null;
                // Nobody finds it any more; those who wait have it in their hands.
                entries.remove(sha256, entry);
            }
            coming.completeExceptionally(e);
        }
    }

    private static boolean isThere(String sha256, Path file) throws IOException {
        if (!Files.exists(file)) {
            return false;
        }
        boolean same = Sha256.of(file).equals(sha256);
        if (!same) {
            Files.delete(file);
        }
        return same;
    }

    /** For the next process, which goes by these times; without them it only forgets other files first. */
    private static void touch(Path file) {
        try {
            Files.setLastModifiedTime(file, FileTime.from(Instant.now()));
        } catch (IOException e) {
            // As said.
        }
    }

    /** Takes over a file of the same disk that is whole and forced to it. */
    synchronized void adopt(String sha256, long size, Path file) throws IOException {
        Entry entry = entries.get(sha256);
        if (entry != null || !NAME.matcher(sha256).matches()) {
            Files.deleteIfExists(file);
            return;
        }
        Files.move(file, folder.resolve(sha256), StandardCopyOption.ATOMIC_MOVE);
        entry = new Entry(size);
        entry.coming = CompletableFuture.completedFuture(null);
        entries.put(sha256, entry);
        trim();
    }

    /** How many hold or wait for the file. */
    synchronized int holders(String sha256) {
        Entry entry = entries.get(sha256);
        return entry == null ? 0 : entry.holders;
    }

    private synchronized void letGo(Entry entry) {
        entry.holders--;
        trim();
    }

    /** Deletes what is too much and not held. What cannot be deleted now is tried again. */
    private synchronized void trim() {
        long total = 0;
        for (Entry entry : entries.values()) {
            total += entry.size;
        }
        Iterator<Map.Entry<String, Entry>> oldest = entries.entrySet().iterator();
        while (total > limit && oldest.hasNext()) {
            Map.Entry<String, Entry> next = oldest.next();
            if (next.getValue().holders == 0) {
                try {
                    Files.deleteIfExists(folder.resolve(next.getKey()));
                    total -= next.getValue().size;
                    oldest.remove();
                } catch (IOException e) {
                    // It stays in the count.
                }
            }
        }
    }

    /** Frees the folder for another process. Files stay. */
    @Override
    public void close() throws IOException {
        lock.close();
    }
}
