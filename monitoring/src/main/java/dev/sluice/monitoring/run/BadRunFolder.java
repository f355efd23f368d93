package dev.sluice.monitoring.run;

/** A folder that cannot be used as asked. The message is written for the user; print it without a stack trace. */
public final class BadRunFolder extends RuntimeException {
    private static final long serialVersionUID = 1L;

    BadRunFolder(String message) {
        super(message);
    }

    BadRunFolder(String message, Throwable cause) {
        super(message, cause);
    }
}
