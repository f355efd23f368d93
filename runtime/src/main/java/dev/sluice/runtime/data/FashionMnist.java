package dev.sluice.runtime.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

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

    /** Where torchvision puts them below the folder that it is given. */
    private static final List<String> SUB_FOLDERS = List.of("", "raw", "FashionMNIST/raw");

    /** Other data under the same names, told by the labels of the first images: of digits, as they were first published. */
    private static final List<int[]> DIGITS =
            List.of(new int[] {5, 0, 4, 1, 9, 2, 1, 3, 1, 4}, new int[] {7, 2, 1, 0, 4, 1, 4, 9, 5, 9});

    private FashionMnist() {}

    /**
     * The 60,000 training images, from {@code train-images-idx3-ubyte} and {@code train-labels-idx1-ubyte}, each plain
     * or with {@code .gz}, in {@code folder} or where torchvision puts them below it.
     *
     * @throws IOException when the files are missing or torn, or the digits of MNIST; the message says where to get them
     */
    public static Dataset open(Path folder) throws IOException {
        return open(folder, "train");
    }

    /** The 10,000 held-out images, from the {@code t10k} files; otherwise as {@link #open(Path)}. */
    public static Dataset openHeldOut(Path folder) throws IOException {
        return open(folder, "t10k");
    }

    private static Dataset open(Path folder, String split) throws IOException {
        Path images = find(folder, split, "images", 3);
        Path labels = find(folder, split, "labels", 1);
        Dataset data = IdxImages.read(images, labels, CLASSES);
        if (DIGITS.stream().anyMatch(first -> beginsWith(data, first))) {
            throw new IOException(labels + " belongs to the digits of MNIST, whose files have the same names: "
                    + "they are no garments. Get the four files of github.com/zalandoresearch/fashion-mnist; or write the"
                    + " digits as PNG files into a folder a class, and give png:FOLDER");
        }
        return data;
    }

    private static boolean beginsWith(Dataset data, int[] labels) {
        if (data.size() < labels.length) {
            return false;
        }
        long[] there =
                data.batch(IntStream.range(0, labels.length).toArray()).labels().toLongs();
        return IntStream.range(0, labels.length).allMatch(i -> there[i] == labels[i]);
    }

    private static Path find(Path folder, String split, String what, int axes) throws IOException {
        String name = split + "-" + what + "-idx" + axes + "-ubyte";
        // Archives are unpacked with a dot by some tools.
        String dotted = split + "-" + what + ".idx" + axes + "-ubyte";
        for (String sub : SUB_FOLDERS) {
            for (String candidate : List.of(name + ".gz", name, dotted + ".gz", dotted)) {
                Path file = folder.resolve(sub).resolve(candidate);
                if (Files.isRegularFile(file)) {
                    return file;
                }
            }
        }
        String problem = Files.isDirectory(folder) ? "has no " + name + " (or " + name + ".gz)" : "is not a folder";
        String other = otherImages(folder)
                .map(file -> "; " + file.getFileName() + " in it holds other images than Fashion-MNIST's")
                .orElse("");
        throw new IOException("no Fashion-MNIST here: " + folder + " " + problem + other
                + ". On Debian the package dataset-fashion-mnist puts the files into " + DEBIAN_FOLDER
                + "; elsewhere get the four files of github.com/zalandoresearch/fashion-mnist and name their folder.");
    }

    /** EMNIST's and others' files, whose names say so. */
    private static Optional<Path> otherImages(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.getFileName()
                            .toString()
                            .toLowerCase(Locale.ROOT)
                            .contains("mnist"))
                    .filter(Files::isRegularFile)
                    .sorted()
                    .findFirst();
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
