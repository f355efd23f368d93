package dev.sluice.protocol.message;

/** What a file server answers. */
public sealed interface FilesReply {
    /** @param source of the bytes, a stream that waits to be drawn from, for a while */
    record Offered(String source) implements FilesReply {}

    /** The file is in the store, whatever happens to the machine. */
    record Stored() implements FilesReply {}

    /** Nothing was changed; {@code reason} is written for the user. */
    record Refused(String reason) implements FilesReply {}
}
