package dev.sluice.runtime.network;

import ai.djl.engine.Engine;
import ai.djl.util.Platform;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads libtorch, once a JVM. Whatever keeps it from loading is said in one sentence, the first time and every other time: DJL
 * says "class not found" from the second time on.
 */
final class EngineLoading {
    private static final Logger LOG = LoggerFactory.getLogger(EngineLoading.class);

    /** Which the libraries take unpacked, and some. */
    private static final long UNPACKED_BYTES = 500L << 20;

    /** Nothing has written to it for so long: whoever unpacked there is dead. */
    private static final Duration ABANDONED = Duration.ofMinutes(1);

    /** How long another process may unpack before this one does so itself. */
    private static final Duration UNPACKING = Duration.ofMinutes(2);

    private static final Duration BETWEEN_TRIES = Duration.ofMillis(200);

    /** With these a user chooses a libtorch of his own (docs/engine.md). */
    private static final List<String> CHOOSE_ANOTHER =
            List.of("PYTORCH_LIBRARY_PATH", "PYTORCH_VERSION", "PYTORCH_FLAVOR");

    private static boolean loaded;
    private static EngineNotLoaded refused;

    private EngineLoading() {}

    /** @throws EngineNotLoaded when it cannot be loaded */
    static synchronized void require() {
        if (loaded) {
            return;
        }
        if (refused != null) {
            throw refused;
        }
        try {
            load();
            loaded = true;
        } catch (EngineNotLoaded e) {
            refused = e;
            throw e;
        }
    }

    private static void load() {
        Map<String, String> environment = System.getenv();
        requireOurVersion(environment);
        EngineFolder folder = EngineFolder.choose(environment, System::getProperty);
        // Read where the environment says nothing.
        System.setProperty("ENGINE_CACHE_DIR", folder.path().toString());
        System.setProperty("DJL_CACHE_DIR", folder.path().toString());
        boolean fresh = !folder.isUnpacked();
        removeAbandoned(folder, Instant.now().minus(ABANDONED));
        if (fresh && !environment.containsKey("PYTORCH_LIBRARY_PATH")) {
            requireRoom(folder);
        }
        Runnable unlock = fresh ? lock(folder) : () -> {};
        try {
            Engine.getEngine("PyTorch");
        } catch (RuntimeException | LinkageError | AssertionError e) {
            throw new EngineNotLoaded(explanation(folder, environment, e), e);
        } finally {
            unlock.run();
        }
    }

    private static void requireOurVersion(Map<String, String> environment) {
        String asked = environment.getOrDefault("PYTORCH_VERSION", "");
        String ours = Platform.detectPlatform("pytorch").getVersion();
        if (!asked.isEmpty() && !asked.equals(ours) && !environment.containsKey("PYTORCH_LIBRARY_PATH")) {
            throw new EngineNotLoaded(
                    "PYTORCH_VERSION=" + asked + " is set, but Sluice runs on libtorch " + ours
                            + ", which it brings, and fetches no other: unset PYTORCH_VERSION",
                    null);
        }
    }

    /** Where it does not fit, unpacking would find out after a while, and leave no room for whoever shares the disk. */
    private static void requireRoom(EngineFolder folder) {
        String mend = ". Set " + EngineFolder.VARIABLE + " to a folder with " + (UNPACKED_BYTES >> 20)
                + " MB to spare; it is needed once";
        try {
            Files.createDirectories(folder.libraries());
            FileStore disk = Files.getFileStore(folder.libraries());
            if (disk.getUsableSpace() < UNPACKED_BYTES) {
                throw new EngineNotLoaded(
                        "libtorch's libraries do not fit into " + where(folder) + ", which has "
                                + (disk.getUsableSpace() >> 20) + " MB to spare" + mend,
                        null);
            }
            Files.delete(Files.createTempFile(folder.libraries(), "sluice", ".probe"));
        } catch (IOException e) {
            throw new EngineNotLoaded(
                    "libtorch's libraries cannot be unpacked to " + where(folder) + ": this user cannot write there"
                            + mend,
                    e);
        }
    }

    private static String where(EngineFolder folder) {
        return folder.libraries() + " (" + folder.chosenBy() + ")";
    }

    static String explanation(EngineFolder folder, Map<String, String> environment, Throwable problem) {
        Throwable cause = problem;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        String reason = String.valueOf(cause.getMessage() == null ? cause : cause.getMessage())
                .lines()
                .findFirst()
                .orElse("");
        List<String> chosen = CHOOSE_ANOTHER.stream()
                .filter(environment::containsKey)
                .map(variable -> variable + "=" + environment.get(variable))
                .toList();
        if (!chosen.isEmpty()) {
            return "the libtorch that " + String.join(", ", chosen) + " asks for cannot be loaded (" + reason
                    + "): unset that and use the one that Sluice brings, or see docs/engine.md";
        }
        if (reason.contains("failed to map segment")) {
            return "libtorch cannot be loaded from " + where(folder)
                    + ": programs may not run from there, it is mounted noexec. Set " + EngineFolder.VARIABLE
                    + " to a folder from where they may, with 500 MB to spare";
        }
        return "libtorch cannot be loaded from " + where(folder) + ": " + reason + ". Delete that folder, so that it is"
                + " unpacked again, or set " + EngineFolder.VARIABLE + " to another with 500 MB to spare";
    }

    /** What a process that was killed while it unpacked has left; some hundred megabytes that nobody else would delete. */
    static void removeAbandoned(EngineFolder folder, Instant before) {
        try (Stream<Path> entries = Files.list(folder.libraries())) {
            for (Path entry : entries.filter(EngineFolder::isBeingUnpacked).toList()) {
                if (newest(entry).isBefore(before)) {
                    try (Stream<Path> inside = Files.walk(entry)) {
                        for (Path file :
                                inside.sorted(Comparator.reverseOrder()).toList()) {
                            Files.deleteIfExists(file);
                        }
                    }
                }
            }
        } catch (IOException e) {
            LOG.debug("What was left of unpacking stays: {}", e.toString());
        }
    }

    private static Instant newest(Path folder) throws IOException {
        try (Stream<Path> inside = Files.walk(folder)) {
            Instant newest = Instant.MIN;
            for (Path file : inside.toList()) {
                Instant modified = Files.getLastModifiedTime(file).toInstant();
                newest = modified.isAfter(newest) ? modified : newest;
            }
            return newest;
        }
    }

    /** One process unpacks and the others wait: five at once would need five times the room. */
    private static Runnable lock(EngineFolder folder) {
        try {
            FileChannel channel = FileChannel.open(
                    folder.libraries().resolve(".unpacking"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            Instant patience = Instant.now().plus(UNPACKING);
            FileLock lock = channel.tryLock();
            while (lock == null && Instant.now().isBefore(patience)) {
                Thread.sleep(BETWEEN_TRIES.toMillis());
                lock = channel.tryLock();
            }
            return () -> {
                try {
                    channel.close();
                } catch (IOException e) {
                    LOG.debug("The lock on unpacking ends with this process: {}", e.toString());
                }
            };
        } catch (IOException e) {
            // Some network file systems have no locks. Then each unpacks for itself, and the last one wins.
            return () -> {};
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return () -> {};
        }
    }
}
