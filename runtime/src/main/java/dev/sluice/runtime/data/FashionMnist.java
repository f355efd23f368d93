package dev.sluice.runtime.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Fashion-MNIST: 28×28 grey pictures of garments in ten classes, 60,000 to train on and 10,000 held out
 * (Xiao et al., arXiv 1708.07747).
 */
public final class FashionMnist {
    /** Names of the labels 0 to 9. */
    public static final List<String> CLASSES = List.of(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot");

    /** Where Debian's package {@code dataset-fashion-mnist} puts the files. */
    public static final Path DEBIAN_FOLDER = Path.of("/usr/share/datasets/fashion-mnist");

    private FashionMnist() {}

    /**
     * The 60,000 training images, from {@code train-images-idx3-ubyte} and {@code train-labels-idx1-ubyte}, each plain
     * or with {@code .gz}.
     *
     * @throws IOException when the files are missing or torn; the message says where to get them
     */
    public static Dataset open(Path folder) throws IOException {
        return open(folder, "train");
    }

    /** The 10,000 held-out images, from the {@code t10k} files; otherwise as {@link #open(Path)}. */
    public static Dataset openHeldOut(Path folder) throws IOException {
        return open(folder, "t10k");
    }

    private static Dataset open(Path folder, String split) throws IOException {
        Path images = find(folder, split + "-images-idx3-ubyte");
        Path labels = find(folder, split + "-labels-idx1-ubyte");
        return IdxImages.read(images, labels, CLASSES);
    }

    private static Path find(Path folder, String name) throws IOException {
        for (String candidate : List.of(name + ".gz", name)) {
            Path file = folder.resolve(candidate);
            if (Files.isRegularFile(file)) {
                return file;
            }
        }
        String what = Files.isDirectory(folder) ? "has no " + name + " (or " + name + ".gz)" : "is not a folder";
        throw new IOException("no Fashion-MNIST here: " + folder + " " + what
                + ". On Debian the package dataset-fashion-mnist puts the files into " + DEBIAN_FOLDER
                + "; elsewhere get the four files of github.com/zalandoresearch/fashion-mnist and name their folder.");
    }
}
