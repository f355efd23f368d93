package dev.sluice.runtime.store;

import dev.sluice.protocol.FileRef;
import dev.sluice.protocol.file.Durable;
import java.io.IOException;
import java.nio.file.Path;

/**
 * The files of runs as this process reaches them: in a folder that all nodes share, or at another node's.
 *
 * <p>Thread-safe. Calls wait for disks and networks, so they belong on threads that may; every wait has a limit. They may
 * be nested.
 */
public interface RunFiles {
    /** @param <R> of the file; its path is local and good until this returns */
    @FunctionalInterface
    interface Reading<R, T> {
        T from(R local) throws IOException;
    }

    /** Writes the file at {@code local}, atomically ({@link Durable}), and names it. */
    @FunctionalInterface
    interface Writing<R> {
        R to(Path local) throws IOException;
    }

    /**
     * Reads a file of the store where this process has it, or brings it here first.
     *
     * @return what {@code reading} returns; what it throws passes through
     * @throws IOException when the file cannot be had; the message says what, from where, and how much of it came
     */
    <R extends FileRef<R>, T> T read(R ref, Reading<R, T> reading) throws IOException;

    /**
     * Puts a file into the store: it is there, whole and durable, when this returns, and what was there before is
     * untouched when it does not.
     *
     * @param target in the store, absolute
     * @return what {@code writing} names, at its place in the store; what it throws passes through
     * @throws IOException when it cannot be put there, for lack of space, say
     */
    <R extends FileRef<R>> R write(Path target, Writing<R> writing) throws IOException;

    /** All nodes see the same folders: paths mean what they say. Whoever opens a file checks its SHA-256. */
    static RunFiles shared() {
        return SharedFiles.INSTANCE;
    }
}
