package dev.sluice.actors.bench;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** Counts acknowledgements: the sending thread takes a place a message, whoever hears an acknowledgement gives it back. */
final class Window {
    private static final long PATIENCE_SECONDS = 60;

    private final Semaphore free = new Semaphore(0);

    /** Gives back one place. */
    void acknowledged() {
        free.release();
    }

    /**
     * Runs {@code send} {@code count} times with at most {@code window} unacknowledged and waits for the last.
     *
     * @throws IllegalStateException when an acknowledgement does not come within a minute
     */
    void run(int count, int window, Send send) throws Exception {
        for (int i = 0; i < count; i++) {
            if (i >= window) {
                await();
            }
            send.one();
        }
        for (int i = 0; i < Math.min(count, window); i++) {
            await();
        }
    }

    private void await() throws InterruptedException {
        if (!free.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            throw new IllegalStateException("no acknowledgement for " + PATIENCE_SECONDS + " s: the message is lost");
        }
    }

    interface Send {
        void one() throws Exception;
    }
}
