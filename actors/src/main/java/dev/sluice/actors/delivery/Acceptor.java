package dev.sluice.actors.delivery;

import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes connections until its port is closed. When one cannot be taken, which at the limit of open files or of memory is so for
 * each of them and at once, it waits before it tries again, twice as long each time, and says so once; so it neither spins
 * nor ends.
 */
final class Acceptor implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(Acceptor.class);

    static final Duration SHORTEST_PAUSE = Duration.ofMillis(10);
    static final Duration LONGEST_PAUSE = Duration.ofSeconds(1);

    /** Where connections come from. */
    interface Source {
        /** Waits for one. @throws ClosedChannelException when there will be no more */
        SocketChannel accept() throws IOException;
    }

    /** Who sees to a connection from then on; when it throws, the connection is closed here. */
    interface Receiver {
        void receive(SocketChannel socket) throws IOException;
    }

    private final String what;
    private final Source source;
    private final Receiver receiver;
    private final Predicate<Duration> pause;
    private Duration next = SHORTEST_PAUSE;
    private int failures;

    /**
     * @param what connections are for, for people
     * @param pause waits that long; false when no more connections are wanted
     */
    Acceptor(String what, Source source, Receiver receiver, Predicate<Duration> pause) {
        this.what = what;
        this.source = source;
        this.receiver = receiver;
        this.pause = pause;
    }

    @Override
    public void run() {
        while (true) {
            try {
                take();
                recovered();
            } catch (ClosedChannelException e) {
                LOG.debug("No more connections are taken for {}", what);
                return;
            } catch (IOException | RuntimeException | OutOfMemoryError e) {
                if (!failed(e)) {
                    return;
                }
            }
        }
    }

    private void take() throws IOException {
        SocketChannel socket = source.accept();
        boolean received = false;
        try {
            receiver.receive(socket);
            received = true;
        } catch (ClosedChannelException e) {
            // That one's, not the port's.
            throw new IOException("the connection was closed while it was taken", e);
        } finally {
            if (!received) {
                Threads.closeQuietly(socket);
            }
        }
    }

    private boolean failed(Throwable cause) {
        if (failures++ == 0) {
            LOG.error(
                    "A connection for {} was not taken ({}); trying again until it is, which is logged",
                    what,
                    cause.toString());
            LOG.debug("It was", cause);
        }
        Duration now = next;
        next = now.multipliedBy(2).compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : now.multipliedBy(2);
        return pause.test(now);
    }

    private void recovered() {
        if (failures > 0) {
            LOG.warn("Connections for {} are taken again, after {} that were not", what, failures);
            failures = 0;
            next = SHORTEST_PAUSE;
        }
    }
}
