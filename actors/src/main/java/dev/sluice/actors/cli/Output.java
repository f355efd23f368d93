package dev.sluice.actors.cli;

import dev.sluice.config.Settings;
import dev.sluice.runtime.network.NetworkFile;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** Files that a command writes when its work is done: whether it will be able to is asked before the work. */
final class Output {
    /** Of generator and critic each: weights, their average, and two moments of AdamW. */
    private static final long NETWORKS_A_CHECKPOINT = 8;

    private Output() {}

    /**
     * @param option that names the file
     * @param file may be null, where the option was not given
     * @throws UserError when it cannot be written
     */
    static void requireWritable(String option, Path file) {
        if (file == null) {
            return;
        }
        Path folder = file.toAbsolutePath().normalize().getParent();
        if (folder == null || Files.isDirectory(file)) {
            throw new UserError(option + " " + file + " is a folder; name a file in it");
        }
        if (!Files.isDirectory(folder)) {
            throw new UserError(option + " " + file + ": there is no folder " + folder + "; make it first");
        }
        requireWritableFolder(option, file, folder);
    }

    /**
     * As {@link #requireWritable}, of a file whose folder is made where there is none.
     *
     * @throws UserError when it cannot be written
     */
    static void requireCreatable(String option, Path file) {
        Path existing = file.toAbsolutePath().normalize().getParent();
        while (existing != null && !Files.exists(existing)) {
            existing = existing.getParent();
        }
        if (existing == null || Files.isDirectory(file)) {
            throw new UserError(option + " " + file + " is a folder; name a file in it");
        }
        if (!Files.isDirectory(existing)) {
            throw new UserError(option + " " + file + ": " + existing + " is a file, not a folder");
        }
        requireWritableFolder(option, file, existing);
    }

    private static void requireWritableFolder(String option, Path file, Path folder) {
        if (!Files.isWritable(folder)) {
            throw new UserError(option + " " + file + ": this user may not write in " + folder);
        }
    }

    /**
     * A run that begins on a disk it does not fit on would train for hours and then have nowhere to put what it has learnt.
     *
     * @param folder of the run, which may not be there yet
     * @throws UserError when its experts and checkpoints do not fit there
     */
    static void requireRoom(Path folder, Settings settings) {
        long network = NetworkFile.reference("teacher", settings.experiment().teacher())
                .size();
        int experts = settings.experiment().plan().phaseCount();
        int every = settings.checkpoint().every();
        long made = experts
                + settings.experiment().cycles().stream()
                        .mapToLong(cycles -> every == 0 ? 0 : cycles / every)
                        .sum();
        // One more than are kept while it is being written.
        long checkpoints = Math.min(made, settings.checkpoint().keep() + 1L);
        long needed = network * (experts + checkpoints * NETWORKS_A_CHECKPOINT);
        Path existing = folder.toAbsolutePath().normalize();
        while (existing.getParent() != null && !Files.exists(existing)) {
            existing = existing.getParent();
        }
        try {
            FileStore disk = Files.getFileStore(existing);
            long room = disk.getUsableSpace();
            // Some file systems do not know their size.
            if (disk.getTotalSpace() > 0 && room < needed) {
                throw new UserError("--run " + folder + ": this run needs about " + megabytes(needed) + " there ("
                        + experts
                        + " experts, and " + checkpoints + " checkpoints with the one that is being written), and "
                        + megabytes(room)
                        + " are free; free some, choose another place with --run, or keep fewer with --set"
                        + " checkpoint.keep=1");
            }
        } catch (IOException e) {
            // Whoever writes there first says what is wrong with it.
        }
    }

    private static String megabytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f MB", bytes / 1e6);
    }
}
