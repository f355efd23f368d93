package dev.sluice.protocol;

/**
 * Names a file of the store without carrying its bytes: those are read from a shared folder or fetched in a stream, and
 * never part of a message.
 *
 * @param <R> the reference's own type
 */
public interface FileRef<R extends FileRef<R>> {
    /** Of the file's bytes, lower-case hex. */
    String sha256();

    /** Of the file in bytes. */
    long size();

    /** Where the store holds it, absolute. */
    String path();

    /** The same bytes at another place. */
    R at(String path);
}
