package dev.sluice.actors.checkpoint;

import java.util.Arrays;

/**
 * Whether this process is ending because a thread of the actor system met an error that nothing survives, such as an
 * {@link OutOfMemoryError}: everything is stopped in order then, too, and yet the process died.
 */
final class FatalEnd {
    private FatalEnd() {}

    /** Pekko ends the process from the handler of the thread's uncaught error, which is waiting for that end. */
    static boolean isUnderWay() {
        return Thread.getAllStackTraces().values().stream()
                .flatMap(Arrays::stream)
                .anyMatch(frame -> frame.getMethodName().equals("uncaughtException")
                        && frame.getClassName().startsWith("org.apache.pekko."));
    }
}
