package dev.sluice.runtime.checkpoint;

import java.nio.file.Path;

/** A part of a checkpoint that is missing, torn, altered or not what it should be; the message is for the user. */
public final class CheckpointException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    CheckpointException(Path file, String problem, Throwable cause) {
        super(file + ": " + problem, cause);
    }

    CheckpointException(Path file, String problem) {
        this(file, problem, null);
    }
}
