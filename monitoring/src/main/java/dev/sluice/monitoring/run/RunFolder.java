package dev.sluice.monitoring.run;

import dev.sluice.protocol.file.Durable;
import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Where everything is that a run writes. A folder is a run when it has a
 * {@code config.conf}, which is there whole or not at all; whoever makes the folder of its experts makes the run, so two
 * runs cannot share a folder.
 *
 * <p>Immutable; nothing is held open.
 */
public final class RunFolder {
    private static final String CONFIG = "config.conf";
    private static final String LOCK = ".lock";
    private static final String EXPERTS = "experts";
    private static final List<String> FOLDERS = List.of(EXPERTS, "samples", "checkpoints");

    private final Path root;

    private RunFolder(Path root) {
        this.root = root;
    }

    /**
     * Makes the folder of a new run.
     *
     * @param root created, with its parents, when it is not there
     * @param configuration complete, as text
     * @throws BadRunFolder when there is anything in the folder, or it cannot be written
     */
    public static RunFolder create(Path root, String configuration) {
        Path absolute = root.toAbsolutePath().normalize();
        try {
            Durable.folder(absolute);
            requireEmpty(absolute);
            // Only one of two that begin at the same time makes it.
            Files.createDirectory(absolute.resolve(EXPERTS));
            Durable.write(absolute.resolve(CONFIG), out -> out.write(configuration.getBytes(StandardCharsets.UTF_8)));
            RunId.of(absolute);
        } catch (FileAlreadyExistsException e) {
            throw absolute.resolve(EXPERTS).toString().equals(e.getFile())
                    ? alreadyARun(absolute)
                    : new BadRunFolder(e.getFile() + " is a file, so no folder can be made of " + absolute, e);
        } catch (IOException e) {
            throw new BadRunFolder(absolute + " cannot be written: " + reason(e), e);
        }
        return withFolders(absolute);
    }

    /**
     * The folder of a run that was begun before. Sub-folders that a crash at its start left out are made.
     *
     * @throws BadRunFolder when it is not a run's
     */
    public static RunFolder open(Path root) {
        Path absolute = root.toAbsolutePath().normalize();
        if (!Files.isDirectory(absolute)) {
            throw new BadRunFolder(
                    "there is no folder " + absolute + "; name the folder of a run, which distill makes");
        }
        if (!Files.isRegularFile(absolute.resolve(CONFIG))) {
            throw new BadRunFolder(absolute + " is not the folder of a run: it has no " + CONFIG
                    + "; name a folder that distill made");
        }
        return withFolders(absolute);
    }

    /**
     * Says that this process trains the run, until the returned lock is closed or the process ends, however it ends.
     *
     * @throws BadRunFolder when somebody does already, here or in another process, or the folder cannot be written
     */
    public Closeable lock() {
        Optional<LockFile> lock;
        try {
            lock = LockFile.take(root.resolve(LOCK));
        } catch (IOException e) {
            throw new BadRunFolder(root + " cannot be written: " + reason(e), e);
        }
        return lock.orElseThrow(
                () -> new BadRunFolder(root + " is being trained by another process; wait for it, or stop it first"));
    }

    private static void requireEmpty(Path root) throws IOException {
        try (Stream<Path> entries = Files.list(root)) {
            List<String> names = entries.map(entry -> entry.getFileName().toString())
                    .sorted()
                    .toList();
            if (names.contains(CONFIG)) {
                throw alreadyARun(root);
            }
            if (!names.isEmpty()) {
                throw new BadRunFolder(
                        root + " is not empty (it has " + names.get(0) + "); give a run a folder of its own");
            }
        }
    }

    private static BadRunFolder alreadyARun(Path root) {
        return new BadRunFolder(root + " holds a run already; name another folder, or delete that one");
    }

    private static RunFolder withFolders(Path root) {
        try {
            for (String folder : FOLDERS) {
                Durable.folder(root.resolve(folder));
            }
        } catch (IOException e) {
            throw new BadRunFolder(root + " cannot be written: " + reason(e), e);
        }
        return new RunFolder(root);
    }

    private static String reason(IOException e) {
        if (e instanceof AccessDeniedException) {
            return "access is denied";
        }
        return e instanceof FileSystemException f && f.getReason() != null ? f.getReason() : e.toString();
    }

    /** The folder itself, absolute. */
    public Path root() {
        return root;
    }

    /** What names this run and no other, whatever its name and wherever its folder is moved or copied to. */
    public String id() {
        return RunId.of(root);
    }

    /** The complete configuration the run was started with. */
    public Path config() {
        return root.resolve(CONFIG);
    }

    /** For {@link EventLog}. */
    public Path events() {
        return root.resolve("events.jsonl");
    }

    /** For {@link MetricsCsv}. */
    public Path metrics() {
        return root.resolve("metrics.csv");
    }

    /** One folder for every checkpointed cycle. */
    public Path checkpoints() {
        return root.resolve("checkpoints");
    }

    /** The epochs that were handed out, a file each; made with the first. */
    public Path epochs() {
        return root.resolve("epochs");
    }

    /** How often the process died that trained the run; made with the first start. */
    public Path deaths() {
        return root.resolve("deaths.json");
    }

    /** The finished expert of a phase, counted from 1. */
    public Path expert(int phase) {
        return root.resolve("experts").resolve("phase-" + phase + ".pt");
    }

    /** Teacher, critic and generator side by side at a cycle. */
    public Path snapshot(int phase, int cycle) {
        return root.resolve("samples").resolve("phase-" + phase + "-cycle-" + cycle + ".png");
    }

    /** Samples of the model as served after {@code phase} phases; 0 is the teacher alone. */
    public Path grid(int phase) {
        return root.resolve("samples").resolve("after-phase-" + phase + ".png");
    }
}
