package dev.sluice.runtime.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * A folder of PNG files, either all directly in it (no classes) or all in its sub-folders, one a class. Classes and
 * files are taken in the order of their names, so labels and indices depend on nothing but the names. Names that start
 * with a dot are passed over; everything else must be a PNG, since a file that is silently left out is a surprise later.
 */
public final class PngFolder {
    private PngFolder() {}

    /**
     * Reads all files into memory. Every image must have the size and kind (grey or colour) of the first.
     *
     * @throws IOException when the folder is missing or empty, or a file is not such an image; the message names it
     */
    public static Dataset read(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            throw new IOException(folder + " is not a folder: name one that holds PNG files, or a sub-folder a class");
        }
        List<Path> entries = list(folder);
        List<Path> classes = entries.stream().filter(Files::isDirectory).toList();
        if (entries.isEmpty()) {
            throw new IOException(folder + " is empty: it must hold PNG files, or a sub-folder of them a class");
        }
        if (!classes.isEmpty() && classes.size() < entries.size()) {
            Path stray = entries.stream()
                    .filter(e -> !Files.isDirectory(e))
                    .findFirst()
                    .orElseThrow();
            throw new IOException(folder + " has sub-folders, which are classes, but also the file "
                    + stray.getFileName() + ": move it into one of them");
        }
        List<Path> files = new ArrayList<>();
        List<Integer> labels = new ArrayList<>();
        for (Path parent : classes.isEmpty() ? List.of(folder) : classes) {
            List<Path> images = list(parent);
            if (images.isEmpty()) {
                throw new IOException(parent + " is a class without an image: put PNG files into it or remove it");
            }
            for (Path image : images) {
                files.add(image);
                labels.add(classes.isEmpty() ? 0 : classes.indexOf(parent));
            }
        }
        List<String> names =
                classes.stream().map(c -> c.getFileName().toString()).toList();
        return load(files, labels.stream().mapToInt(Integer::intValue).toArray(), names);
    }

    private static Dataset load(List<Path> files, int[] labels, List<String> classNames) throws IOException {
        PngPixels first = PngPixels.read(files.get(0));
        long bytes = (long) files.size() * first.values().length;
        if (bytes > PixelDataset.MAX_BYTES) {
            throw new IOException(files.size() + " images like " + files.get(0) + " take " + bytes
                    + " bytes in memory; at most " + PixelDataset.MAX_BYTES + " are read: use fewer or smaller ones");
        }
        byte[] pixels = new byte[(int) bytes];
        for (int i = 0; i < files.size(); i++) {
            PngPixels image = i == 0 ? first : PngPixels.read(files.get(i));
            if (!image.kind().equals(first.kind())) {
                throw new IOException(files.get(i) + " is " + image.kind() + ", but " + files.get(0) + " is "
                        + first.kind() + ": all images must have one size and be all grey or all colour");
            }
            System.arraycopy(image.values(), 0, pixels, i * image.values().length, image.values().length);
        }
        return new PixelDataset(first.channels(), first.height(), first.width(), classNames, pixels, labels);
    }

    private static List<Path> list(Path folder) throws IOException {
        List<Path> entries;
        try (Stream<Path> all = Files.list(folder)) {
            entries = all.filter(p -> !p.getFileName().toString().startsWith("."))
                    .sorted(Comparator.comparing(p -> p.getFileName().toString()))
                    .toList();
        }
        for (Path entry : entries) {
            String name = entry.getFileName().toString().toLowerCase(Locale.ROOT);
            if (!Files.isDirectory(entry) && !name.endsWith(".png")) {
                throw new IOException(entry + " is not a PNG file: convert it or move it away");
            }
        }
        return entries;
    }
}
