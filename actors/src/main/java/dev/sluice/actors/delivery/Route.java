package dev.sluice.actors.delivery;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way to one other node: its {@link Outbox}, and the connection that empties it. Thread-safe; nothing is called with the
 * lock held that could wait.
 */
final class Route {
    private static final Logger LOG = LoggerFactory.getLogger(Route.class);

    private final String peer;
    private final DeliverySettings settings;
    private final Outbox<Parcel> outbox;
    /** Null while there is none. */
    private Outbound connection;
    /** Incarnation of the peer; 0 when it has never answered. */
    private long uid;
    /** When the peer was heard last, or began to be waited for. */
    private long heard = System.nanoTime();

    private String trouble = "it does not answer";
    private boolean closed;

    /** @param peer its address, for people */
    Route(String peer, DeliverySettings settings) {
        this.peer = peer;
        this.settings = settings;
        outbox = new Outbox<>(settings.window());
    }

    String peer() {
        return peer;
    }

    /** Bytes that wait. */
    synchronized long held() {
        return outbox.held();
    }

    /** Whether something waits and nothing carries it. */
    synchronized boolean wantsConnection() {
        return connection == null && !outbox.isEmpty() && !closed;
    }

    /** Nothing waits, nothing carries it, and no incarnation of the peer is in the cluster: it can be forgotten. */
    synchronized boolean isOver() {
        return uid == 0 && connection == null && outbox.isEmpty();
    }

    /**
     * Takes a parcel, unless the node is ending: then it is undeliverable.
     *
     * @param receiver's name
     * @throws QueueFullException when it does not fit
     */
    Courier.Pressure offer(String receiver, Parcel parcel) {
        long bytes = parcel.message().size();
        synchronized (this) {
            if (!closed) {
                if (outbox.held() + bytes > settings.queue()) {
                    throw new QueueFullException(parcel.message().name() + " of " + bytes + " bytes for " + receiver
                            + " was not taken: " + outbox.held() + " bytes wait for " + peer
                            + ", the limit sluice.delivery.queue is " + settings.queue()
                            + "; make the batches smaller or the limit larger");
                }
                if (outbox.isEmpty()) {
                    heard = System.nanoTime();
                }
                outbox.offer(receiver, parcel, bytes);
                notifyAll();
                return outbox.held() > settings.queue() / 2 ? Courier.Pressure.HIGH : Courier.Pressure.NONE;
            }
        }
        fail(List.of(parcel), "this node is ending");
        return Courier.Pressure.NONE;
    }

    /** The peer has said that it is {@code uid}. What was under way to another incarnation is undeliverable. */
    void welcomed(long uid) {
        List<Parcel> lost = List.of();
        synchronized (this) {
            if (this.uid != 0 && this.uid != uid) {
                lost = outbox.restarted();
            }
            this.uid = uid;
        }
        fail(lost, "its node was started anew");
    }

    /** Gives the route to a new connection; false when it has one or is closed. */
    synchronized boolean connect(Outbound by) {
        if (connection != null || closed) {
            return false;
        }
        connection = by;
        return true;
    }

    /** The next to send, for which it waits; empty when {@code by} is no longer the connection. */
    synchronized Optional<Outbox.Item<Parcel>> take(Outbound by) throws InterruptedException {
        while (connection == by) {
            Optional<Outbox.Item<Parcel>> next = outbox.next();
            if (next.isPresent()) {
                return next;
            }
            wait();
        }
        return Optional.empty();
    }

    /** What the receiver said on {@code by}; nothing when that is no longer the connection. */
    void heard(Outbound by, Notice notice) {
        List<Parcel> lost = List.of();
        String cause = "";
        synchronized (this) {
            if (connection != by) {
                return;
            }
            heard = System.nanoTime();
            if (notice instanceof Notice.Settled settled) {
                try {
                    outbox.settled(settled.lane(), settled.number());
                } catch (IllegalArgumentException e) {
                    lost = outbox.clear();
                    cause = "its node cannot be trusted: " + e.getMessage();
                }
            } else if (notice instanceof Notice.Refused refused) {
                lost = outbox.refused(refused.lane(), refused.number()).stream().toList();
                cause = "its node refused it: " + refused.cause();
            } else if (notice instanceof Notice.Gone gone) {
                lost = outbox.gone(gone.lane());
                cause = "the actor has ended, or takes no deliveries";
            } else if (notice instanceof Notice.Closing closing) {
                lost = outbox.clear();
                cause = "its node closed the connection: " + closing.cause();
            }
            notifyAll();
        }
        fail(lost, cause);
    }

    /** Connection {@code by} has ended. What was sent on it and not settled will be sent again. */
    synchronized void disconnected(Outbound by, String why) {
        if (connection == by) {
            connection = null;
            outbox.rewind();
            trouble = why;
            notifyAll();
        }
    }

    /** The peer could not be asked where to connect. */
    synchronized void unanswered(String why) {
        trouble = why;
    }

    /** Closes a connection that is silent, and gives up a peer that has been for too long. */
    void tick() {
        List<Parcel> lost = List.of();
        String cause = "";
        synchronized (this) {
            if (connection != null && connection.isSilentFor(settings.silentAfter())) {
                connection.close("nothing was heard for " + seconds(settings.silentAfter()));
            }
            if (!outbox.isEmpty()
                    && System.nanoTime() - heard > settings.giveUpAfter().toNanos()) {
                lost = outbox.clear();
                cause = "nothing was heard of its node for " + seconds(settings.giveUpAfter()) + ": " + trouble;
            }
        }
        fail(lost, cause);
    }

    /** The peer's incarnation {@code uid} has left the cluster. */
    void left(long uid) {
        List<Parcel> lost;
        synchronized (this) {
            if (this.uid != uid) {
                return;
            }
            lost = outbox.clear();
            this.uid = 0;
            closeConnection("the peer left the cluster");
        }
        fail(lost, "its node left the cluster");
    }

    /** Nothing more is sent; this node is ending. */
    void close() {
        List<Parcel> lost;
        synchronized (this) {
            closed = true;
            lost = outbox.clear();
            closeConnection("this node is ending");
        }
        fail(lost, "this node is ending");
    }

    private void closeConnection(String why) {
        if (connection != null) {
            connection.close(why);
        }
    }

    private void fail(List<Parcel> lost, String cause) {
        if (lost.isEmpty()) {
            return;
        }
        LOG.warn(
                "Not delivered: {} of {} to {} at {}: {}",
                lost.size() == 1 ? "a message" : lost.size() + " messages",
                lost.stream().map(parcel -> parcel.message().name()).collect(Collectors.toCollection(TreeSet::new)),
                lost.stream()
                        .map(parcel -> parcel.receiver().path().name())
                        .collect(Collectors.toCollection(TreeSet::new)),
                peer,
                cause);
        lost.forEach(parcel -> parcel.undeliverable(cause));
    }

    private static String seconds(Duration duration) {
        return duration.toMillis() / 1000.0 + " s";
    }
}
