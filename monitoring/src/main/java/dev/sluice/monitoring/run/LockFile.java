package dev.sluice.monitoring.run;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/**
 * A file by which one holder at a time, of all threads and processes, has something for itself; until it is closed or the
 * process ends, however it ends.
 *
 * <p>POSIX takes all locks on a file from a process that closes any descriptor of it. So a process opens such a file once
 * only: who asks for one that is held here is refused before anything is opened. Thread-safe.
 */
public final class LockFile implements Closeable {
    /** Of this process; a file by what it is, not by one of its names. */
    private static final Set<Object> HELD = new HashSet<>();

    private final Object file;
    private final FileChannel channel;

    private LockFile(Object file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /**
     * Takes the file, which is made when it is not there.
     *
     * @return empty when somebody holds it, in this process or another
     * @throws IOException when it cannot be made or opened
     */
    public static Optional<LockFile> take(Path path) throws IOException {
        synchronized (HELD) {
            try {
                Files.createFile(path);
            } catch (FileAlreadyExistsException e) {
                // As nearly always.
            }
            Object file = identity(path);
            if (HELD.contains(file)) {
                return Optional.empty();
            }
            FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE);
            try {
                if (channel.tryLock() == null) {
                    channel.close();
                    return Optional.empty();
                }
            } catch (IOException | RuntimeException e) {
                channel.close();
                throw e;
            }
            HELD.add(file);
            return Optional.of(new LockFile(file, channel));
        }
    }

    private static Object identity(Path path) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
        if (!attributes.isRegularFile()) {
            // To open a pipe could wait for ever.
            throw new IOException(path + " is not a file; remove it");
        }
        return attributes.fileKey() == null ? path.toRealPath() : attributes.fileKey();
    }

    /** Lets go of it; a second time does nothing. */
    @Override
    public void close() throws IOException {
        synchronized (HELD) {
            if (channel.isOpen()) {
                HELD.remove(file);
                channel.close();
            }
        }
    }
}
