package dev.sluice.runtime.checkpoint;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * The epochs of a run that were ever handed out: an empty file each, made before anybody hears of the epoch. Two
 * supervisors that do not know of each other, on a folder that they share, never have the same one (design, decision 5).
 *
 * <p>Stateless: what is on the disk is the truth.
 *
 * @param folder made when it is not there
 */
public record Epochs(Path folder) {
    /**
     * Takes the next epoch.
     *
     * @param above the result is greater than this, and than any that was claimed before
     * @throws IOException when it cannot be written down; it is nobody's then
     */
    public int claim(int above) throws IOException {
        Files.createDirectories(folder);
        int epoch = Math.max(above, last()) + 1;
        while (true) {
            try {
                Files.createFile(folder.resolve(Integer.toString(epoch)));
                return epoch;
            } catch (FileAlreadyExistsException taken) {
                epoch++;
            }
        }
    }

    private int last() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.matches("\\d{1,9}"))
                    .mapToInt(Integer::parseInt)
                    .max()
                    .orElse(0);
        }
    }
}
