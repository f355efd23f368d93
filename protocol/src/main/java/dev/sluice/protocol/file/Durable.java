package dev.sluice.protocol.file;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/**
 * Files and folders that are on the disk, whatever happens to the machine, when a method returns. POSIX keeps a name
 * only when the folder that holds it was forced as well as the file: whatever makes or renames one does both here.
 *
 * <p>Stateless and thread-safe; every method waits for the disk.
 */
public final class Durable {
    private Durable() {}

    /** What to write. Closing the stream is allowed and does no harm. */
    @FunctionalInterface
    public interface Content {
        void writeTo(OutputStream out) throws IOException;
    }

    /**
     * Replaces {@code target} by what {@code content} writes, so that a reader, or a crash at any moment, finds the old
     * content or the new and never a part. Several writers of one file do not disturb each other: the last one wins. A
     * process that dies while it writes leaves a temporary file behind, named {@code .NAME.*.tmp}.
     *
     * @throws IOException when it could not be written, for lack of space, say; {@code target} is then as it was. The
     *     message names the file. What {@code content} throws unchecked passes through, with the same promise.
     */
    public static void write(Path target, Content content) throws IOException {
        Path file = target.toAbsolutePath();
        Path folder = file.getParent();
        if (folder == null || file.getFileName() == null) {
            throw new IOException("cannot write " + target + ": it is not a file's name");
        }
        if (!Files.isDirectory(folder)) {
            throw new IOException("cannot write " + target + ": its folder " + folder + " does not exist");
        }
        Path temporary = folder.resolve("." + file.getFileName() + "." + UUID.randomUUID() + ".tmp");
        try {
            try (FileChannel channel =
                    FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                OutputStream out = new Unclosed(Channels.newOutputStream(channel));
                content.writeTo(out);
                out.flush();
                channel.force(true);
            }
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            force(folder);
        } catch (IOException e) {
            throw new IOException("cannot write " + target + ": " + reason(e), e);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    /**
     * Makes an empty file that nobody else has made.
     *
     * @throws FileAlreadyExistsException when there is such a file
     * @throws IOException when it cannot be made
     */
    public static void claim(Path file) throws IOException {
        Files.createFile(file);
        force(file.toAbsolutePath().getParent());
    }

    /**
     * Makes a folder with those above it, where they are not there.
     *
     * @return {@code folder}, absolute and normalised
     * @throws FileAlreadyExistsException when there is a file in the way; it says which
     * @throws IOException when it cannot be made
     */
    public static Path folder(Path folder) throws IOException {
        Path made = folder.toAbsolutePath().normalize();
        if (Files.isDirectory(made)) {
            return made;
        }
        Path parent = made.getParent();
        if (parent != null) {
            folder(parent);
        }
        try {
            Files.createDirectory(made);
        } catch (FileAlreadyExistsException e) {
            if (!Files.isDirectory(made)) {
                throw e;
            }
        }
        force(parent);
        return made;
    }

    /**
     * Gives a file or folder another name in the folder where it is.
     *
     * @throws IOException when it cannot be renamed; both names are then as they were
     */
    public static void rename(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
        force(to.toAbsolutePath().getParent());
    }

    /**
     * The names in a folder are on the disk. Systems without POSIX folders have no call for it.
     *
     * @throws IOException when the folder cannot be forced
     */
    public static void force(Path folder) throws IOException {
        if (folder.getFileSystem().supportedFileAttributeViews().contains("posix")) {
            try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
                channel.force(true);
            }
        }
    }

    /** What went wrong, in words: some file system errors have nothing but a path for a message. */
    public static String reason(IOException e) {
        return e instanceof FileSystemException f && f.getReason() == null
                ? f.getClass().getSimpleName().replace("Exception", "")
                : e.getMessage();
    }

    /** JSON and image writers close what they are given; the file must stay open to be forced. */
    private static final class Unclosed extends BufferedOutputStream {
        Unclosed(OutputStream out) {
            super(out, 1 << 16);
        }

        @Override
        public void close() throws IOException {
            flush();
        }
    }
}
