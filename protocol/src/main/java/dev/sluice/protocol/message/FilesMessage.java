package dev.sluice.protocol.message;

import org.apache.pekko.actor.typed.ActorRef;

/**
 * What the file server of a control node understands. Bytes go beside these messages, in streams named by text as
 * Pekko's {@code StreamRefResolver} writes it.
 */
public sealed interface FilesMessage {
    /**
     * Offer a file's bytes: answered by {@link FilesReply.Offered} or {@link FilesReply.Refused}.
     *
     * @param path in the store, absolute
     * @param size in bytes that it must have
     */
    record Fetch(String path, long size, ActorRef<FilesReply> replyTo) implements FilesMessage {}

    /**
     * Put what a stream brings into the store, in place of what is there: answered by {@link FilesReply.Stored} or
     * {@link FilesReply.Refused} when the stream is over.
     *
     * @param path in the store, absolute
     * @param sha256 of the bytes, lower-case hex
     * @param size in bytes
     * @param source of the bytes, a stream
     */
    record Store(String path, String sha256, long size, String source, ActorRef<FilesReply> replyTo)
            implements FilesMessage {}

    /** Never leaves the JVM. */
    non-sealed interface Local extends FilesMessage {}
}
