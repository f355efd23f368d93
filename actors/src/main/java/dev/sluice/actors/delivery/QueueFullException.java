package dev.sluice.actors.delivery;

/**
 * More would wait for a node than {@code sluice.delivery.queue} allows: the sender is faster than the connection and ignores
 * {@link Courier.Pressure#HIGH}, or its messages are too large for the limit.
 */
public final class QueueFullException extends IllegalStateException {
    /** @param message what was not taken, what waits, and what to do */
    public QueueFullException(String message) {
        super(message);
    }
}
