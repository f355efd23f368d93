package dev.sluice.actors.files;

import dev.sluice.protocol.file.Durable;
import dev.sluice.runtime.network.NetworkFileException;
import dev.sluice.runtime.network.TwoExperts;
import dev.sluice.runtime.network.TwoExpertsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Which files other nodes may have: experts and checkpoints of the runs that this node was told to serve, and the teachers
 * of their experiments. Everything else is refused: a peer names paths, and a path can lie.
 *
 * <p>Below a run's folder no symbolic link is followed; the folder itself may be reached by one. Belongs to one thread,
 * which waits for the disk.
 */
final class ServedFiles {
    private static final String EXPERTS = "experts";
    private static final String CHECKPOINTS = "checkpoints";

    private final Set<Path> runs = new LinkedHashSet<>();
    private final Set<Path> teachers = new LinkedHashSet<>();

    /** Why a file is not served; the message is written for the user. */
    static final class NotServed extends Exception {
        private static final long serialVersionUID = 1L;

        NotServed(String path, String why) {
            super(path + " is not served here: " + why);
        }
    }

    void addRun(Path folder) {
        runs.add(folder.toAbsolutePath().normalize());
    }

    /**
     * Adds a teacher, and its parts where it has two experts.
     *
     * @throws NetworkFileException when it names experts but does not read
     */
    void addTeacher(Path file) {
        Path teacher = file.toAbsolutePath().normalize();
        teachers.add(teacher);
        if (TwoExpertsFile.isOne(teacher)) {
            TwoExperts experts = TwoExpertsFile.read(teacher);
            teachers.add(Path.of(experts.highNoise().path()));
            teachers.add(Path.of(experts.lowNoise().path()));
        }
    }

    /**
     * The file to read.
     *
     * @param size that it must have
     */
    Path readable(String path, long size) throws NotServed {
        Path file = plain(path);
        try {
            if (!teachers.contains(file)) {
                requireInside(runOf(file), file);
            }
            if (!Files.isRegularFile(file)) {
                throw new NotServed(path, Files.exists(file) ? "it is no file" : "there is no such file");
            }
            if (Files.size(file) != size) {
                throw new NotServed(path, "it has " + Files.size(file) + " bytes, the reference says " + size);
            }
            return file;
        } catch (IOException e) {
            throw new NotServed(path, reason(e));
        }
    }

    /** The file to write; its folder is made. */
    Path writable(String path) throws NotServed {
        Path file = plain(path);
        Path run = runOf(file);
        List<String> names = List.of(run.relativize(file).toString().split("[/\\\\]"));
        boolean expert = names.size() == 2 && names.get(0).equals(EXPERTS) && path.endsWith(".pt");
        boolean state = names.size() == 3 && names.get(0).equals(CHECKPOINTS) && path.endsWith(".safetensors");
        if (!expert && !state) {
            // A manifest makes a checkpoint of what lies there, and only the keeper writes one.
            throw new NotServed(
                    path, "only experts/*.pt and checkpoints/*/*.safetensors of a run are written for others");
        }
        try {
            requireInside(run, file);
            Durable.folder(file.getParent());
            requireInside(run, file);
            return file;
        } catch (IOException e) {
            throw new NotServed(path, reason(e));
        }
    }

    private static Path plain(String path) throws NotServed {
        if (path == null) {
            throw new NotServed("nothing", "a path is missing");
        }
        Path file;
        try {
            file = Path.of(path);
        } catch (InvalidPathException e) {
            throw new NotServed(path, "it is no path");
        }
        if (!file.isAbsolute() || !file.normalize().equals(file)) {
            throw new NotServed(path, "its path must be absolute and without . and ..");
        }
        return file;
    }

    private Path runOf(Path file) throws NotServed {
        for (Path run : runs) {
            if (file.startsWith(run) && run.relativize(file).getNameCount() > 1) {
                String folder = run.relativize(file).getName(0).toString();
                if (folder.equals(EXPERTS) || folder.equals(CHECKPOINTS)) {
                    return run;
                }
            }
        }
        throw new NotServed(
                file.toString(),
                "it is neither an expert or a checkpoint of a run that is controlled here, nor a teacher of one");
    }

    /** What is there of the path must really be where it says. */
    private static void requireInside(Path run, Path file) throws IOException, NotServed {
        Path there = file;
        while (!there.equals(run) && !Files.exists(there, LinkOption.NOFOLLOW_LINKS)) {
            there = there.getParent();
        }
        if (!there.toRealPath()
                .equals(run.toRealPath().resolve(run.relativize(there)).normalize())) {
            throw new NotServed(file.toString(), there + " is reached through a symbolic link");
        }
    }

    private static String reason(IOException e) {
        return e instanceof NoSuchFileException ? "there is no " + e.getMessage() : e.toString();
    }
}
