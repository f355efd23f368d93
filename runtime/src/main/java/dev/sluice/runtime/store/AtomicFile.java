package dev.sluice.runtime.store;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/**
 * Writes a file so that a reader, or a crash at any moment, finds the old content or the new and never a part: into a
 * temporary file of the same folder, forced to disk, renamed over the target, and the folder forced too.
 *
 * <p>Several writers of one file do not disturb each other: the last rename wins. A process that dies while it writes
 * leaves its temporary file behind, named {@code .NAME.*.tmp}.
 */
public final class AtomicFile {
    private AtomicFile() {}

    /** What to write. Closing the stream is allowed and does no harm. */
    @FunctionalInterface
    public interface Content {
        void writeTo(OutputStream out) throws IOException;
    }

    /**
     * Replaces {@code target} by what {@code content} writes.
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

    /** What went wrong, in words: some file system errors have nothing but a path for a message. */
    static String reason(IOException e) {
        return e instanceof FileSystemException f && f.getReason() == null
                ? f.getClass().getSimpleName().replace("Exception", "")
                : e.getMessage();
    }

    /** A rename is durable only when the folder is; systems without POSIX folders have no call for it. */
    private static void force(Path folder) throws IOException {
        if (folder.getFileSystem().supportedFileAttributeViews().contains("posix")) {
            try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
                channel.force(true);
            }
        }
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
