package dev.sluice.actors.http;

/** The API cannot listen where it was told to; the message is written for the user. */
public final class ListenException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ListenException(String message, Throwable cause) {
        super(message, cause);
    }

    /** Of a name that stands for no address. */
    static ListenException unknown(String host, int port, Throwable failure) {
        return new ListenException(
                "cannot listen on " + host + ":" + port + ": there is no host called " + host
                        + "; give an address of this machine, such as 127.0.0.1",
                failure);
    }

    /** @param key of the port: an option, or a setting */
    static ListenException of(String host, int port, String key, Throwable failure) {
        Throwable root = failure;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        String reason = root.getMessage() == null ? root.getClass().getSimpleName() : root.getMessage();
        if (reason.contains("in use")) {
            return new ListenException(
                    "port " + port + " on " + host + " is in use; choose another with " + key
                            + ", or 0 for any free one",
                    failure);
        }
        return new ListenException(
                "cannot listen on " + host + ":" + port + " (" + reason
                        + "); it must be an address of this machine, and a port that you may open: " + key,
                failure);
    }
}
