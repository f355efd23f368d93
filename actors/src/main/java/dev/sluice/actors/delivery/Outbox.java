package dev.sluice.actors.delivery;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What one node has to deliver to another: a lane a receiving actor, in which parcels are numbered from 1. A parcel is
 * held from {@link #offer} until the receiver has settled it, refused it, or gone.
 *
 * <p>A lane has at most a window of bytes sent and unsettled, though always one parcel. Lanes with something to send take
 * turns. When the connection breaks, what was sent and not settled is sent again in the same order, under the same numbers.
 *
 * <p>Plain state without clock or connection; its owner has a lock.
 *
 * @param <P> what is delivered
 */
final class Outbox<P> {
    /**
     * A parcel to be sent now.
     *
     * @param previous number of the lane on this connection, so that the receiver sees a gap or a repetition; 0 for the
     *     first, and then the receiver's name must go with it
     */
    record Item<P>(int lane, String receiver, long previous, long number, P parcel, long bytes) {
        boolean isFirst() {
            return previous == 0;
        }
    }

    private record Held<P>(long number, P parcel, long bytes) {}

    private static final class Lane<P> {
        private final int id;
        private final String receiver;
        private final Deque<Held<P>> waiting = new ArrayDeque<>();
        private final Deque<Held<P>> sent = new ArrayDeque<>();
        private long sentBytes;
        private long last;
        /** The last that went on this connection; 0 for none. */
        private long lastSent;
        /** Something of it may have reached the peer. */
        private boolean begun;

        private Lane(int id, String receiver) {
            this.id = id;
            this.receiver = receiver;
        }
    }

    private final long window;
    private final Map<String, Lane<P>> lanes = new LinkedHashMap<>();
    private final Map<Integer, Lane<P>> byId = new LinkedHashMap<>();
    private int lastLane;
    private long held;

    /** @param window bytes a lane may have sent and unsettled */
    Outbox(long window) {
        this.window = window;
    }

    /** Bytes of all parcels that are not settled. */
    long held() {
        return held;
    }

    boolean isEmpty() {
        return held == 0;
    }

    /** Receiving actors that are kept in mind. */
    int lanes() {
        return lanes.size();
    }

    /** @param bytes that it counts as, above 0 */
    void offer(String receiver, P parcel, long bytes) {
        Lane<P> lane = lanes.get(receiver);
        if (lane == null) {
            lane = new Lane<>(++lastLane, receiver);
            lanes.put(receiver, lane);
            byId.put(lane.id, lane);
        }
        lane.waiting.add(new Held<>(++lane.last, parcel, bytes));
        held += bytes;
    }

    /** The next to send, if any may be sent now. */
    Optional<Item<P>> next() {
        for (Lane<P> lane : lanes.values()) {
            Held<P> parcel = lane.waiting.peek();
            if (parcel == null || (!lane.sent.isEmpty() && lane.sentBytes + parcel.bytes() > window)) {
                continue;
            }
            lane.sent.add(lane.waiting.remove());
            lane.sentBytes += parcel.bytes();
            long previous = lane.lastSent;
            lane.lastSent = parcel.number();
            lane.begun = true;
            // To the end: the others' turn.
            lanes.remove(lane.receiver);
            lanes.put(lane.receiver, lane);
            return Optional.of(
                    new Item<>(lane.id, lane.receiver, previous, parcel.number(), parcel.parcel(), parcel.bytes()));
        }
        return Optional.empty();
    }

    /**
     * The receiver has handled everything in {@code lane} up to {@code number}. A lane that is no more is not an error: it
     * was ended while this was on its way.
     *
     * @throws IllegalArgumentException when that was not sent
     */
    void settled(int lane, long number) {
        Lane<P> its = byId.get(lane);
        if (its == null) {
            return;
        }
        long lastSent = its.waiting.isEmpty() ? its.last : its.waiting.peek().number() - 1;
        if (number > lastSent) {
            throw new IllegalArgumentException("it acknowledges message " + number + " of lane " + lane
                    + ", where the last that was sent is " + lastSent);
        }
        while (!its.sent.isEmpty() && its.sent.peek().number() <= number) {
            forget(its, its.sent.remove());
        }
    }

    /** The receiver will not have parcel {@code number}; the others of its lane are not concerned. */
    Optional<P> refused(int lane, long number) {
        Lane<P> its = byId.get(lane);
        if (its == null) {
            return Optional.empty();
        }
        for (Iterator<Held<P>> sent = its.sent.iterator(); sent.hasNext(); ) {
            Held<P> parcel = sent.next();
            if (parcel.number() == number) {
                sent.remove();
                forget(its, parcel);
                return Optional.of(parcel.parcel());
            }
        }
        return Optional.empty();
    }

    /** Ends a lane: its actor is gone. Gives what it held, in order. */
    List<P> gone(int lane) {
        Lane<P> its = byId.get(lane);
        return its == null ? List.of() : end(List.of(its));
    }

    /**
     * The connection is gone: what was sent on it and not settled is to be sent again. Lanes in which nothing waits are
     * forgotten, since word that their actor has ended may have been lost with it; the next parcel opens a new one.
     */
    void rewind() {
        List<Lane<P>> idle = lanes.values().stream()
                .filter(lane -> lane.waiting.isEmpty() && lane.sent.isEmpty())
                .toList();
        end(idle);
        for (Lane<P> lane : lanes.values()) {
            while (!lane.sent.isEmpty()) {
                lane.waiting.addFirst(lane.sent.removeLast());
            }
            lane.sentBytes = 0;
            lane.lastSent = 0;
        }
    }

    /**
     * The peer is another incarnation than before. The actors of lanes that were sent on died with the old one; those of
     * other lanes may be of the new. Ends the former and gives what they held.
     */
    List<P> restarted() {
        return end(lanes.values().stream().filter(lane -> lane.begun).toList());
    }

    /** Ends all lanes and gives what they held. */
    List<P> clear() {
        return end(List.copyOf(lanes.values()));
    }

    private List<P> end(Collection<Lane<P>> ended) {
        List<P> parcels = new ArrayList<>();
        for (Lane<P> lane : ended) {
            lanes.remove(lane.receiver);
            byId.remove(lane.id);
            lane.sent.forEach(parcel -> parcels.add(parcel.parcel()));
            lane.waiting.forEach(parcel -> parcels.add(parcel.parcel()));
            lane.sent.forEach(parcel -> held -= parcel.bytes());
            lane.waiting.forEach(parcel -> held -= parcel.bytes());
        }
        return parcels;
    }

    private void forget(Lane<P> lane, Held<P> parcel) {
        lane.sentBytes -= parcel.bytes();
        held -= parcel.bytes();
    }
}
