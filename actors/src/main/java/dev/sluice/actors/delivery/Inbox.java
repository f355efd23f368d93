package dev.sluice.actors.delivery;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * How far one incarnation of another node has got with delivering to this one, and what it is to be told. Outlives its
 * connections, so that what comes twice is handled once.
 *
 * <p>On one connection the messages of a lane form a chain whose numbers rise, and never by more than one beyond the highest
 * that ever came: after a break the sender begins again where it was not acknowledged. Whoever does otherwise, or sends beyond an actor's window,
 * breaks the rules: all lanes that it has are closed, and nobody else's. It may open others.
 *
 * <p>Plain state without clock or connection; its owner has a lock.
 *
 * @param <R> a receiving actor
 */
final class Inbox<R> {
    /** Actors that one node may deliver to at a time. */
    static final int MAX_LANES = 4096;

    /** Refused messages that the sender may not have heard of. */
    static final int MAX_REFUSALS = 1024;

    /** The peer broke the rules. */
    static final class Violation extends Exception {
        Violation(String message) {
            super(message);
        }
    }

    /** What to do with a message that is about to come. */
    sealed interface Arrival<R> {}

    /** Read it and give it to {@code receiver}, then say {@link Inbox#told}; or say {@link Inbox#refused}. */
    record Expected<R>(R receiver) implements Arrival<R> {}

    /** Read over it: it was here before, or nobody takes it any more. */
    record Superfluous<R>() implements Arrival<R> {}

    private static final class Lane<R> {
        private final String name;
        /** Empty when its actor is gone; the peer may not have heard of that yet. */
        private Optional<R> receiver;
        /** Bytes of what was given to the actor and not handled, by number. */
        private final TreeMap<Long, Long> untaken = new TreeMap<>();

        private final Map<Long, String> refusals = new HashMap<>();
        /** The highest that was given to the actor or refused. */
        private long last;
        /** The highest that the actor has handled. */
        private long taken;
        /** The highest that came on this connection: only what the sender has sent on it may be acknowledged on it. */
        private long seen;
        /** The highest that was acknowledged on this connection. */
        private long settled;

        private Lane(String name, Optional<R> receiver) {
            this.name = name;
            this.receiver = receiver;
        }
    }

    private final long window;
    private final Function<String, Optional<R>> receivers;
    private final Map<Integer, Lane<R>> lanes = new LinkedHashMap<>();
    /** Bytes that are in an actor's mailbox, whichever lane they came by. */
    private final Map<String, Long> loads = new HashMap<>();

    private final Deque<Notice> urgent = new ArrayDeque<>();
    private int refusals;
    private int highestLane;
    /** Lanes up to this one were closed by a violation. */
    private int closedUpTo;

    /**
     * @param window bytes that an actor may have been given and not have handled
     * @param receivers by their name
     */
    Inbox(long window, Function<String, Optional<R>> receivers) {
        this.window = window;
        this.receivers = receivers;
    }

    /** Bytes of all messages that were given to actors and not handled yet. */
    long bytes() {
        return loads.values().stream().mapToLong(Long::longValue).sum();
    }

    /** A new connection takes the place of the one before, on which nothing more is to be said. */
    void connected() {
        urgent.clear();
        // The peer announces anew the lanes that it still has; those of actors that are gone it shall not find.
        lanes.values().removeIf(lane -> lane.receiver.isEmpty() && lane.untaken.isEmpty());
        for (Lane<R> lane : lanes.values()) {
            lane.seen = 0;
            lane.settled = 0;
        }
    }

    /**
     * A message's header has come.
     *
     * @param name of the receiver; empty when this connection has heard it for this lane
     * @param previous number of this lane on this connection, 0 for none. An acknowledgement includes all before it, so
     *     that nothing may have been left out unseen
     * @param size of the message in bytes, within the limit for one
     * @throws Violation when it may not come now; the connection is to be ended
     */
    Arrival<R> arriving(int id, Optional<String> name, long previous, long number, long size) throws Violation {
        Lane<R> lane = lane(id, name);
        if (lane.receiver.isEmpty()) {
            return new Superfluous<>();
        }
        if (previous != lane.seen || number <= previous) {
            throw violation("message " + number + " of lane " + id + " claims to follow " + previous + ", and follows "
                    + lane.seen);
        }
        if (number > lane.last + 1) {
            throw violation("message " + number + " of lane " + id + " comes where " + (lane.last + 1) + " is due");
        }
        if (lane.seen == 0) {
            // It has heard of all refusals before the first that it sends again.
            refusals -= lane.refusals.size();
            lane.refusals.keySet().removeIf(before -> before < number);
            refusals += lane.refusals.size();
        }
        lane.seen = number;
        if (number <= lane.last) {
            String refusal = lane.refusals.get(number);
            if (refusal != null) {
                urgent.add(new Notice.Refused(id, number, refusal));
            }
            return new Superfluous<>();
        }
        long load = loads.getOrDefault(lane.name, 0L);
        if (load > 0 && load + size > window) {
            throw violation(lane.name + " has " + load + " bytes to handle and is sent " + size
                    + " more, beyond the window of " + window
                    + ": sluice.delivery.window must be the same on every node");
        }
        return new Expected<>(lane.receiver.get());
    }

    private Lane<R> lane(int id, Optional<String> name) throws Violation {
        if (id <= closedUpTo) {
            throw violation("lane " + id + " was closed");
        }
        Lane<R> lane = lanes.get(id);
        if (lane != null) {
            if (name.isPresent() && !name.get().equals(lane.name)) {
                throw violation("lane " + id + " is to " + lane.name + " and becomes one to " + name.get());
            }
            return lane;
        }
        if (name.isEmpty()) {
            throw violation("lane " + id + " has no receiver");
        }
        if (lanes.size() >= MAX_LANES) {
            lanes.values().removeIf(other -> other.receiver.isEmpty() && other.untaken.isEmpty());
            if (lanes.size() >= MAX_LANES) {
                throw violation("it has more than " + MAX_LANES + " receivers");
            }
        }
        lane = new Lane<>(name.get(), receivers.apply(name.get()));
        lanes.put(id, lane);
        highestLane = Math.max(highestLane, id);
        if (lane.receiver.isEmpty()) {
            urgent.add(new Notice.Gone(id));
        }
        return lane;
    }

    /** Closes all lanes; what actors were given they keep. */
    private Violation violation(String message) {
        closedUpTo = highestLane;
        lanes.values().forEach(lane -> lane.receiver = Optional.empty());
        lanes.values().forEach(lane -> lane.refusals.clear());
        refusals = 0;
        urgent.clear();
        return new Violation(message);
    }

    /** The message that was expected last on {@code lane} has been given to its receiver. */
    void told(int id, long number, long size) {
        Lane<R> lane = lanes.get(id);
        lane.last = number;
        if (lane.receiver.isPresent()) {
            lane.untaken.put(number, size);
            loads.merge(lane.name, size, Long::sum);
        }
    }

    /**
     * The message that was expected last on {@code lane} cannot be given to its receiver.
     *
     * @throws Violation when that has happened too often; the connection is to be ended
     */
    void refused(int id, long number, String cause) throws Violation {
        Lane<R> lane = lanes.get(id);
        lane.last = number;
        lane.refusals.put(number, cause);
        urgent.add(new Notice.Refused(id, number, cause));
        if (++refusals > MAX_REFUSALS) {
            throw violation("more than " + MAX_REFUSALS + " of its messages were refused");
        }
    }

    /** The receiver has handled what it was given, up to {@code number}. */
    void taken(int id, long number) {
        Lane<R> lane = lanes.get(id);
        if (lane == null) {
            return;
        }
        Map<Long, Long> taken = lane.untaken.headMap(number, true);
        unload(lane.name, taken.values().stream().mapToLong(Long::longValue).sum());
        taken.clear();
        lane.taken = Math.max(lane.taken, number);
    }

    /** The actor called {@code name} has ended, and its mailbox with it. */
    void ended(String name) {
        lanes.forEach((id, lane) -> {
            if (lane.name.equals(name)) {
                lane.untaken.clear();
                if (lane.receiver.isPresent()) {
                    lane.receiver = Optional.empty();
                    urgent.add(new Notice.Gone(id));
                }
            }
        });
        loads.remove(name);
    }

    /** The next thing to tell the sender. A refusal goes before the acknowledgement that includes its number. */
    Optional<Notice> next() {
        if (!urgent.isEmpty()) {
            return Optional.of(urgent.remove());
        }
        for (Map.Entry<Integer, Lane<R>> entry : lanes.entrySet()) {
            Lane<R> lane = entry.getValue();
            long number = Math.min(lane.taken, lane.seen);
            if (number > lane.settled && lane.receiver.isPresent()) {
                lane.settled = number;
                return Optional.of(new Notice.Settled(entry.getKey(), number));
            }
        }
        return Optional.empty();
    }

    private void unload(String name, long size) {
        loads.computeIfPresent(name, (same, load) -> load > size ? load - size : null);
    }
}
