package dev.sluice.actors.delivery;

/** A sender does not heed the back-pressure: more waits for a node than {@code sluice.delivery.queue} allows. */
public final class QueueFullException extends IllegalStateException {
    QueueFullException(String message) {
        super(message);
    }
}
