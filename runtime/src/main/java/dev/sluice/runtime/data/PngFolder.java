package dev.sluice.runtime.data;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A folder of PNG files, either all directly in it (no classes) or all in its sub-folders, one a class. Classes and
 * files are taken in the order of their names, so labels and indices depend on nothing but the names.
 *
 * <p>What systems and tools leave behind unasked is passed over: names that start with a dot, and a few well-known others.
 * Everything else must be a PNG, since a file that is silently left out is a surprise later; and folders that are by their
 * names no classes but the parts of a dataset are refused, since a model of the classes "train" and "val" is one too.
 */
public final class PngFolder {
    /** Left behind by Windows, macOS and network storage, in small letters. */
    private static final Set<String> LEFT_BEHIND = Set.of(
            "thumbs.db",
            "ehthumbs.db",
            "desktop.ini",
            "__macosx",
            "icon\r",
            "@eadir",
            "lost+found",
            "$recycle.bin",
            "system volume information");

    /** What people call the parts that a dataset is split into. */
    private static final Set<String> SPLITS =
            Set.of("train", "training", "val", "valid", "validation", "test", "testing", "eval", "dev", "holdout");

    /** What people call pictures, and what goes with each of them. */
    private static final Set<String> PICTURES = Set.of("images", "image", "imgs", "img", "pictures", "png", "pngs");

    private static final Set<String> ALONGSIDE = Set.of(
            "masks",
            "mask",
            "labels",
            "label",
            "annotations",
            "annotation",
            "segmentation",
            "segmentations",
            "targets");

    /** As many problems are told at once. */
    private static final int TOLD = 10;

    /** What Java makes of a letter that it could not read. */
    private static final char LOST = '\uFFFD';

    private PngFolder() {}

    /**
     * Reads all files into memory. Every image must have the size and kind (grey or colour) of the first.
     *
     * @throws IOException when the folder is missing or empty, or a file is not such an image; the message names it, and what
     *     else is wrong, up to ten
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
        if (!classes.isEmpty()) {
            requireClasses(folder, classes);
        }
        List<Path> files = new ArrayList<>();
        List<Integer> labels = new ArrayList<>();
        List<String> problems = new ArrayList<>();
        if (!classes.isEmpty()) {
            entries.stream()
                    .filter(entry -> !classes.contains(entry))
                    .map(stray -> folder + " has sub-folders, which are classes, but also the file "
                            + stray.getFileName() + ": move it into one of them, or away")
                    .forEach(problems::add);
        }
        for (Path parent : classes.isEmpty() ? List.of(folder) : classes) {
            List<Path> images = list(parent);
            if (images.isEmpty()) {
                problems.add(parent + " is a class without an image: put PNG files into it or remove it");
            }
            for (Path image : images) {
                whatIsWrongWithTheName(folder, image).ifPresent(problems::add);
                files.add(image);
                labels.add(classes.isEmpty() ? 0 : classes.indexOf(parent));
            }
        }
        refuse(problems);
        List<String> names =
                classes.stream().map(c -> c.getFileName().toString()).toList();
        return load(files, labels.stream().mapToInt(Integer::intValue).toArray(), names);
    }

    /** That the sub-folders of {@code folder} are not by their names something else. */
    private static void requireClasses(Path folder, List<Path> classes) throws IOException {
        List<String> names = classes.stream()
                .map(c -> c.getFileName().toString().toLowerCase(Locale.ROOT))
                .toList();
        if (SPLITS.containsAll(names)) {
            Path first = classes.stream()
                    .filter(c ->
                            c.getFileName().toString().toLowerCase(Locale.ROOT).startsWith("train"))
                    .findFirst()
                    .orElse(classes.get(0));
            throw new IOException(folder + " holds " + list(names, " and ") + ", which are parts of a dataset and not"
                    + " classes: give png:" + first + "; were they classes, give their folders other names");
        }
        boolean pictures = names.stream().allMatch(name -> PICTURES.contains(name) || ALONGSIDE.contains(name));
        if (pictures && names.stream().anyMatch(PICTURES::contains)) {
            Path images = classes.stream()
                    .filter(c -> PICTURES.contains(c.getFileName().toString().toLowerCase(Locale.ROOT)))
                    .findFirst()
                    .orElseThrow();
            throw new IOException(folder + " holds " + list(names, " and ") + ", which are no classes: give png:"
                    + images + " for the pictures; were they classes, give their folders other names");
        }
    }

    private static String list(List<String> names, String between) {
        return names.stream().limit(TOLD).collect(Collectors.joining(between))
                + (names.size() > TOLD ? " and " + (names.size() - TOLD) + " more" : "");
    }

    private static Optional<String> whatIsWrongWithTheName(Path folder, Path image) {
        if (Files.isDirectory(image)) {
            Path parent = image.getParent();
            return Optional.of(image + " is a folder in "
                    + (parent.equals(folder) ? "" : "the class ") + parent.getFileName()
                    + ": sub-folders of a class are not read; if " + parent + " holds the classes, give png:" + parent);
        }
        return image.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(".png")
                ? Optional.empty()
                : Optional.of(image + " is not a PNG file: convert it or move it away");
    }

    private static Dataset load(List<Path> files, int[] labels, List<String> classNames) throws IOException {
        PngPixels first = PngPixels.read(files.get(0));
        long bytes = (long) files.size() * first.values().length;
        if (bytes > PixelDataset.MAX_BYTES) {
            throw new IOException(files.size() + " images like " + files.get(0) + " take " + bytes
                    + " bytes in memory; at most " + PixelDataset.MAX_BYTES + " are read: use fewer or smaller ones");
        }
        byte[] pixels = new byte[(int) bytes];
        List<String> problems = new ArrayList<>();
        for (int i = 0; i < files.size() && problems.size() <= TOLD; i++) {
            try {
                PngPixels image = i == 0 ? first : PngPixels.read(files.get(i));
                if (!image.kind().equals(first.kind())) {
                    throw new IOException(files.get(i) + " is " + image.kind() + ", but " + files.get(0) + " is "
                            + first.kind() + ": all images must have one size and be all grey or all colour");
                }
                System.arraycopy(image.values(), 0, pixels, i * image.values().length, image.values().length);
            } catch (IOException e) {
                problems.add(e.getMessage());
            }
        }
        refuse(problems);
        return new PixelDataset(first.channels(), first.height(), first.width(), classNames, pixels, labels);
    }

    private static void refuse(List<String> problems) throws IOException {
        if (problems.size() == 1) {
            throw new IOException(problems.get(0));
        }
        if (!problems.isEmpty()) {
            throw new IOException((problems.size() > TOLD ? "more than " + TOLD : problems.size())
                    + " things are wrong with these images:\n        "
                    + problems.stream().limit(TOLD).collect(Collectors.joining("\n        ")));
        }
    }

    /** In the order of their names, without what was left behind. */
    private static List<Path> list(Path folder) throws IOException {
        List<Path> entries = new ArrayList<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(folder)) {
            for (Path entry : all) {
                String name = entry.getFileName().toString();
                if (name.startsWith(".") || LEFT_BEHIND.contains(name.toLowerCase(Locale.ROOT))) {
                    continue;
                }
                if (name.indexOf(LOST) >= 0) {
                    throw new IOException(entry + " has a name with letters that are none in this process's locale, "
                            + System.getProperty("sun.jnu.encoding")
                            + ": rename it, or start with LC_ALL=C.UTF-8 or another locale of UTF-8");
                }
                entries.add(entry);
            }
        } catch (AccessDeniedException e) {
            throw new IOException(folder + " cannot be read by this user", e);
        } catch (DirectoryIteratorException e) {
            throw new IOException(folder + " cannot be read: " + e.getCause().getMessage(), e);
        }
        entries.sort(Comparator.comparing(p -> p.getFileName().toString()));
        return entries;
    }
}
