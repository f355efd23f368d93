package dev.sluice.actors.cli;

import java.nio.file.Files;
import java.nio.file.Path;

/** Files that a command writes when its work is done: whether it will be able to is asked before the work. */
final class Output {
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
}
