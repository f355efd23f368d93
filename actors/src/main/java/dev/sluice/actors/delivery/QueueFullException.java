package dev.sluice.actors.delivery;

/**
 * More would wait for a node than {@code sluice.delivery.queue} allows: its connection is slower than its sender, who goes on in
 * spite of {@link Courier.Pressure#HIGH}, or the batches are too large for the limit.
 */
public final class QueueFullException extends IllegalStateException {
    /** @param message what was not taken, what waits, and what to do */
    public QueueFullException(String message) {
        super(message);
    }
}
