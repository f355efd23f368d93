package dev.sluice.actors.cli;

/** What a command's exit code says to whoever started it. */
final class ExitCode {
    /** Done. */
    static final int DONE = 0;

    /** It failed, or a run did; the message says why. */
    static final int FAILED = 1;

    /** The cluster has gone on without this process; nothing is wrong with it, and it should be started again. */
    static final int START_AGAIN = 75;

    /** From here on, the number of the signal that ended the process is added. */
    private static final int SIGNAL = 128;

    private static final int INTERRUPT = 2;
    private static final int TERMINATE = 15;

    private ExitCode() {}

    /** Whether a process that ended so did not choose to: it crashed, was killed, or was removed from the cluster. */
    static boolean isAccident(int code) {
        return code == START_AGAIN || code > SIGNAL && code != SIGNAL + INTERRUPT && code != SIGNAL + TERMINATE;
    }
}
