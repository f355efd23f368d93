package dev.sluice.runtime.data;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPInputStream;

/**
 * Grey images and their labels from a pair of IDX files, the format of MNIST and its kin
 * (<a href="http://yann.lecun.com/exdb/mnist/">described with MNIST</a>): a big-endian magic number, one length an
 * axis, then one byte an element. Plain or gzipped, told apart by content.
 */
public final class IdxImages {
    private static final int IMAGES = 0x0803;
    private static final int LABELS = 0x0801;

    private IdxImages() {}

    /**
     * Reads both files into memory.
     *
     * @param images IDX of unsigned bytes with axes image, row, column
     * @param labels IDX of unsigned bytes, one an image
     * @param classNames names of labels 0, 1, …
     * @throws IOException when a file is missing, torn, of another format, or the two do not belong together; the
     *     message names the file
     */
    public static Dataset read(Path images, Path labels, List<String> classNames) throws IOException {
        int[] sides = new int[2];
        byte[] pixels = open(images, in -> images(images, in, sides));
        byte[] classes = open(labels, in -> labels(labels, in));
        int count = pixels.length / (sides[0] * sides[1]);
        if (classes.length != count) {
            throw new IOException(labels + " holds " + classes.length + " labels, " + images + " holds " + count
                    + " images: they do not belong together");
        }
        int[] checked = new int[count];
        for (int i = 0; i < count; i++) {
            checked[i] = classes[i] & 0xff;
            if (checked[i] >= classNames.size()) {
                throw new IOException(
                        labels + ": image " + i + " has the label " + checked[i] + ", but the classes are 0 to "
                                + (classNames.size() - 1) + ": these are other images than they are read as");
            }
        }
        return new PixelDataset(1, sides[0], sides[1], classNames, pixels, checked);
    }

    @FunctionalInterface
    private interface Part {
        byte[] read(InputStream in) throws IOException;
    }

    private static byte[] open(Path file, Part part) throws IOException {
        if (!Files.isRegularFile(file) || !Files.isReadable(file)) {
            throw new IOException(file + " is not there, or not a file that can be read");
        }
        try (InputStream in = Files.newInputStream(file)) {
            return part.read(in);
        }
    }

    /** Pixels of all images, whose rows and columns are put into {@code sides}; {@code file} is for the message. */
    static byte[] images(Path file, InputStream content, int[] sides) throws IOException {
        return parse(file, content, in -> {
            magic(in, IMAGES, "images (unsigned bytes, 3 axes)");
            int count = length(in, "images", Integer.MAX_VALUE);
            sides[0] = length(in, "rows", PixelDataset.MAX_SIDE);
            sides[1] = length(in, "columns", PixelDataset.MAX_SIDE);
            long bytes = (long) count * sides[0] * sides[1];
            if (bytes > PixelDataset.MAX_BYTES) {
                throw new IOException("its header announces " + count + " images of " + sides[0] + "×" + sides[1] + ", "
                        + bytes + " bytes; at most " + PixelDataset.MAX_BYTES + " are read");
            }
            return body(in, (int) bytes);
        });
    }

    /** One label an image. */
    static byte[] labels(Path file, InputStream content) throws IOException {
        return parse(file, content, in -> {
            magic(in, LABELS, "labels (unsigned bytes, 1 axis)");
            return body(in, length(in, "labels", PixelDataset.MAX_BYTES));
        });
    }

    @FunctionalInterface
    private interface Parsing {
        byte[] of(DataInputStream in) throws IOException;
    }

    private static byte[] parse(Path file, InputStream content, Parsing parsing) throws IOException {
        try {
            BufferedInputStream raw = new BufferedInputStream(content, 1 << 16);
            raw.mark(2);
            boolean gzip = raw.read() == 0x1f && raw.read() == 0x8b;
            raw.reset();
            InputStream in = gzip ? new BufferedInputStream(new GZIPInputStream(raw, 1 << 16)) : raw;
            return parsing.of(new DataInputStream(in));
        } catch (EOFException e) {
            throw new IOException(file + " is torn: it ends too early; fetch it again", e);
        } catch (IOException e) {
            throw new IOException(file + " cannot be read as IDX: " + e.getMessage(), e);
        }
    }

    private static void magic(DataInputStream in, int wanted, String kind) throws IOException {
        in.mark(Signature.LENGTH);
        byte[] first = in.readNBytes(Signature.LENGTH);
        in.reset();
        int magic = in.readInt();
        if (magic == wanted) {
            return;
        }
        Optional<String> other = Signature.of(first);
        throw new IOException(
                other.isPresent()
                        ? "it is " + other.get()
                        : String.format("it starts with 0x%08x, an IDX file of %s with 0x%08x", magic, kind, wanted));
    }

    private static int length(DataInputStream in, String axis, int most) throws IOException {
        int length = in.readInt();
        if (length < 1 || length > most) {
            throw new IOException("its header announces " + Integer.toUnsignedString(length) + " " + axis + "; 1 to "
                    + most + " can be");
        }
        return length;
    }

    /** Grows with what is really there, so a header that lies cannot make us allocate what it claims. */
    private static byte[] body(DataInputStream in, int bytes) throws IOException {
        byte[] body = in.readNBytes(bytes);
        if (body.length < bytes) {
            throw new IOException("it is torn: the header announces " + bytes + " bytes of data, " + body.length
                    + " are there; fetch it again");
        }
        if (in.read() >= 0) {
            throw new IOException("more data follows than the " + bytes + " bytes its header announces");
        }
        return body;
    }
}
