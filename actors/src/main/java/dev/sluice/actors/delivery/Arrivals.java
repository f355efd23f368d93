package dev.sluice.actors.delivery;

import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Function;

/** What one incarnation of another node delivers here: its {@link Inbox}, and the connection that fills it. Thread-safe. */
final class Arrivals {
    private final String peer;
    private final Inbox<Intake<?>> inbox;
    private Inbound connection;
    private boolean connectedBefore;
    private boolean over;

    /** @param peer its address, for people */
    Arrivals(String peer, long window, Function<String, Optional<Intake<?>>> intakes) {
        this.peer = peer;
        inbox = new Inbox<>(window, intakes);
    }

    String peer() {
        return peer;
    }

    /** Bytes in the mailboxes of actors and on their way there. */
    synchronized long bytes() {
        return inbox.bytes() + (connection == null ? 0 : connection.reading());
    }

    /** Nothing of it has ever been here. */
    synchronized boolean neverConnected() {
        return !connectedBefore;
    }

    /** Gives the arrivals to a new connection; the one before is closed. */
    synchronized void connect(Inbound by) throws IOException {
        if (over) {
            throw new IOException("its node has left the cluster");
        }
        if (connection != null) {
            connection.close();
        }
        connection = by;
        connectedBefore = true;
        inbox.connected();
        notifyAll();
    }

    synchronized Inbox.Arrival<Intake<?>> arriving(
            Inbound by, int lane, Optional<String> name, long previous, long number, long size)
            throws IOException, Inbox.Violation {
        require(by);
        try {
            return inbox.arriving(lane, name, previous, number, size);
        } finally {
            notifyAll();
        }
    }

    synchronized void give(Inbound by, int lane, long number, long size, Intake<?> intake, Object message)
            throws IOException {
        require(by);
        inbox.told(lane, number, size);
        intake.give(message, () -> taken(lane, number));
    }

    synchronized void refuse(Inbound by, int lane, long number, String cause) throws IOException, Inbox.Violation {
        require(by);
        inbox.refused(lane, number, cause);
        notifyAll();
    }

    private synchronized void taken(int lane, long number) {
        inbox.taken(lane, number);
        notifyAll();
    }

    /** The actor called {@code name} has ended. */
    synchronized void ended(String name) {
        inbox.ended(name);
        notifyAll();
    }

    /** The next thing to tell the sender, a beat when there is nothing for so long; empty when {@code by} is over. */
    synchronized Optional<Notice> next(Inbound by, Duration beat) throws InterruptedException {
        long until = System.nanoTime() + beat.toNanos();
        while (connection == by) {
            Optional<Notice> notice = inbox.next();
            if (notice.isPresent()) {
                return notice;
            }
            long left = (until - System.nanoTime()) / 1_000_000;
            if (left <= 0) {
                return Optional.of(new Notice.Beat());
            }
            wait(left);
        }
        return Optional.empty();
    }

    /** The connection {@code by} has ended. */
    synchronized void disconnected(Inbound by) {
        if (connection == by) {
            connection = null;
            notifyAll();
        }
    }

    /** The peer's incarnation has left: nothing of it is taken any more. */
    synchronized void close() {
        over = true;
        if (connection != null) {
            connection.close();
        }
    }

    private void require(Inbound by) throws IOException {
        if (connection != by || over) {
            throw new IOException("the connection was replaced");
        }
    }
}
