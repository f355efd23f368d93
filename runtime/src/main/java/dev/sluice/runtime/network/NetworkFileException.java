package dev.sluice.runtime.network;

import java.nio.file.Path;

/** A network file that is missing, torn, altered or not one of ours; the message is written for the user. */
public final class NetworkFileException extends RuntimeException {
    public NetworkFileException(Path file, String problem, Throwable cause) {
        super(file + ": " + problem, cause);
    }

    public NetworkFileException(Path file, String problem) {
        this(file, problem, null);
    }
}
