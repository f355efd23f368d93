package dev.sluice.actors.bench;

import dev.sluice.protocol.message.CriticMessage;
import java.io.IOException;

/** One way from this JVM to the peer's. Used by one thread. */
interface Way extends AutoCloseable {
    /** As the table calls it. */
    String name();

    /**
     * Sends {@code message} {@code count} times, at most {@code window} of them unacknowledged, and returns when the last
     * is acknowledged: the peer's receiver then holds the whole message in memory of its own.
     *
     * @throws IllegalStateException when an acknowledgement does not come
     */
    void send(CriticMessage.Samples message, int count, int window) throws Exception;

    @Override
    void close() throws IOException;
}
