package dev.sluice.protocol.wire;

import java.nio.BufferOverflowException;

/**
 * A message was not sent because its frame is too large. Being a BufferOverflowException, it makes Pekko's
 * remoting publish a {@link org.apache.pekko.actor.Dropped} with the message on the sender's event stream.
 */
public final class FrameTooLargeException extends BufferOverflowException {
    private final String message;

    FrameTooLargeException(String message) {
        this.message = message;
    }

    /** Names the message type, its size, the limit and the setting behind it. */
    @Override
    public String getMessage() {
        return message;
    }
}
