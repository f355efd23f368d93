package dev.sluice.actors.cli;

import java.io.PrintWriter;
import java.util.concurrent.CountDownLatch;

/** What a command does that finds itself at its end because a signal ends the process. */
final class Signals {
    private Signals() {}

    /**
     * Has a line said when the process is ended before the returned is closed.
     *
     * @param out is flushed
     */
    static Unsaid whenEndedSay(PrintWriter out, String line) {
        Thread hook = new Thread(
                () -> {
                    out.println(line);
                    out.flush();
                },
                "last-word");
        Runtime.getRuntime().addShutdownHook(hook);
        return () -> RunProcess.removeHook(hook);
    }

    /** A line that is said only if the process is ended. */
    interface Unsaid extends AutoCloseable {
        @Override
        void close();

        /** It is not said from here on. */
        default void dismiss() {
            close();
        }
    }

    /**
     * Does not return when a signal is ending the process: it then ends with the exit code that the signal stands for,
     * once everything has been shut down in order, and this thread must not be faster.
     */
    static void leaveToTheSignal() throws InterruptedException {
        Thread probe = new Thread(() -> {});
        try {
            Runtime.getRuntime().addShutdownHook(probe);
            Runtime.getRuntime().removeShutdownHook(probe);
        } catch (IllegalStateException shuttingDown) {
            new CountDownLatch(1).await();
        }
    }
}
