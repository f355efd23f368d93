package dev.sluice.runtime.checkpoint;

import dev.sluice.protocol.Epoch;
import dev.sluice.protocol.file.Durable;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The epochs of a run that were ever handed out: in its folder {@code epochs} an empty file each, named by the number, made
 * and forced to the disk before anybody hears of the epoch. Two supervisors that do not know of each other, on a folder
 * that they share, never have the same one.
 *
 * <p>Stateless: what is on the disk is the truth. Other names in the folder say nothing.
 *
 * @param folder made when it is not there
 */
public record Epochs(Path folder) {
    private static final Pattern NAME = Pattern.compile("[1-9]\\d{0,8}");

    /**
     * Takes the next epoch.
     *
     * @param above the result is greater than this, and than any that was claimed before
     * @throws IOException when it cannot be written down, or there is none above; it is nobody's then
     */
    public int claim(int above) throws IOException {
        Durable.folder(folder);
        for (int epoch = Math.max(above, last()) + 1; Epoch.isOne(epoch); epoch++) {
            try {
                Durable.claim(folder.resolve(Integer.toString(epoch)));
                return epoch;
            } catch (FileAlreadyExistsException taken) {
                // Somebody else was faster.
            }
        }
        throw new IOException(folder + ": no epoch is left, the last of them, " + Epoch.LAST
                + ", is taken; no run is started so often: delete the files there that no start has made");
    }

    /** The highest that was handed out; 0 before the first. */
    private int last() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> NAME.matcher(name).matches())
                    .mapToInt(Integer::parseInt)
                    .max()
                    .orElse(0);
        }
    }
}
