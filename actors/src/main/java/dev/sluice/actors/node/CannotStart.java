package dev.sluice.actors.node;

/** This process cannot be started here as it is told to, for want of a port or a folder; the message is written for the user. */
public final class CannotStart extends RuntimeException {
    private static final long serialVersionUID = 1L;

    CannotStart(String message, Throwable cause) {
        super(message, cause);
    }
}
