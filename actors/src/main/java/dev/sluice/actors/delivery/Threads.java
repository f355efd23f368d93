package dev.sluice.actors.delivery;

import java.io.Closeable;
import java.io.IOException;
import org.slf4j.LoggerFactory;

/** Threads that wait for the network. */
final class Threads {
    private Threads() {}

    /** Runs {@code body}, whose errors are logged, and which does not keep the process alive. */
    static void start(String name, Runnable body) {
        Thread thread = new Thread(body, name);
        thread.setDaemon(true);
        thread.setUncaughtExceptionHandler((where, error) ->
                LoggerFactory.getLogger(Threads.class).error("Thread {} ended", where.getName(), error));
        thread.start();
    }

    /** Closes what is not needed any more; that it cannot be closed changes nothing for anybody. */
    static void closeQuietly(Closeable closeable) {
        try {
            closeable.close();
        } catch (IOException e) {
            LoggerFactory.getLogger(Threads.class).debug("While closing a connection", e);
        }
    }
}
