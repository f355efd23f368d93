package dev.sluice.actors.http;

import dev.sluice.config.ConnectionSettings;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.apache.pekko.Done;

/**
 * The open connections of one listener. A new one is always let in: where there are too many, the one goes that was
 * silent longest, so that nobody shuts out the others by saying nothing, not even at the same address. Thread-safe.
 */
final class Connections {
    /** What a connection does; the limits on {@link ConnectionSettings#most} hold for all but the last. */
    enum State {
        /** A request's first line and headers are awaited or have begun; at most {@code header-within}. */
        HEADER,
        /** Between two requests; at most {@code idle-within}. */
        IDLE,
        /** A request is read or answered; whoever answers it bounds the time. */
        REQUEST,
        /** A sampler works on the request. */
        WORKING
    }

    /** A connection, as {@link Connections} knows it. */
    static class Entry {
        private final InetAddress address;
        private final Runnable abort;
        private State state = State.HEADER;
        private long since;

        /** @param abort ends the connection at once; called once at most, by any thread, never under a lock of its own */
        Entry(InetAddress address, Runnable abort) {
            this.address = address;
            this.abort = abort;
        }
    }

    private static final Comparator<Entry> MOST_SILENT_FIRST = Comparator.<Entry, Boolean>comparing(
                    entry -> entry.state == State.REQUEST)
            .thenComparing((a, b) -> Long.signum(a.since - b.since));

    private final ConnectionSettings limits;
    private final LongSupplier nanos;
    private final Set<Entry> open = new HashSet<>();
    private final CompletableFuture<Done> drained = new CompletableFuture<>();
    private boolean draining;

    /** @param nanos a clock, as {@link System#nanoTime} */
    Connections(ConnectionSettings limits, LongSupplier nanos) {
        this.limits = limits;
        this.nanos = nanos;
    }

    void add(Entry entry) {
        List<Entry> over;
        synchronized (this) {
            entry.since = nanos.getAsLong();
            open.add(entry);
            over = draining ? List.of(entry) : tooMany(entry.address);
            open.removeAll(over);
        }
        over.forEach(one -> one.abort.run());
    }

    /** The connection is gone. */
    synchronized void remove(Entry entry) {
        open.remove(entry);
        completeWhenDrained();
    }

    /** Bytes have arrived. */
    synchronized void heard(Entry entry) {
        if (entry.state == State.IDLE) {
            change(entry, State.HEADER);
        }
    }

    /** Bytes of an answer have left. */
    synchronized void said(Entry entry) {
        if (entry.state == State.IDLE) {
            entry.since = nanos.getAsLong();
        }
    }

    void enter(Entry entry, State state) {
        List<Entry> over;
        synchronized (this) {
            boolean counted = entry.state != State.WORKING;
            change(entry, state);
            // Only what counts now and did not before can make too many.
            over = counted || state == State.WORKING || !open.contains(entry) ? List.of() : tooMany(entry.address);
            open.removeAll(over);
        }
        over.forEach(one -> one.abort.run());
    }

    synchronized State state(Entry entry) {
        return entry.state;
    }

    private void change(Entry entry, State state) {
        entry.state = state;
        entry.since = nanos.getAsLong();
    }

    private List<Entry> tooMany(InetAddress address) {
        List<Entry> over =
                new ArrayList<>(excess(counted().filter(e -> e.address.equals(address)), limits.ofOneAddress()));
        open.removeAll(over);
        over.addAll(excess(counted(), limits.most()));
        return over;
    }

    private Stream<Entry> counted() {
        return open.stream().filter(entry -> entry.state != State.WORKING);
    }

    private static List<Entry> excess(Stream<Entry> entries, int most) {
        List<Entry> all = entries.toList();
        return all.size() <= most
                ? List.of()
                : all.stream()
                        .sorted(MOST_SILENT_FIRST)
                        .limit(all.size() - most)
                        .toList();
    }

    /** Closes what has been silent for too long; to be called every second or so. */
    void sweep() {
        List<Entry> late;
        synchronized (this) {
            long now = nanos.getAsLong();
            late = open.stream()
                    .filter(entry -> switch (entry.state) {
                        case HEADER -> now - entry.since > limits.headerWithin().toNanos();
                        case IDLE -> now - entry.since > limits.idleWithin().toNanos();
                        case REQUEST, WORKING -> false;
                    })
                    .toList();
            late.forEach(open::remove);
        }
        late.forEach(entry -> entry.abort.run());
    }

    /** Closes the {@code some} that were silent longest. */
    void spare(int some) {
        List<Entry> spared;
        synchronized (this) {
            spared = counted().sorted(MOST_SILENT_FIRST).limit(some).toList();
            spared.forEach(open::remove);
        }
        spared.forEach(entry -> entry.abort.run());
    }

    synchronized int size() {
        return open.size();
    }

    synchronized boolean isDraining() {
        return draining;
    }

    /** Closes what answers no request, and lets the others answer theirs. */
    CompletionStage<Done> drain() {
        List<Entry> silent;
        synchronized (this) {
            draining = true;
            silent = open.stream()
                    .filter(entry -> entry.state == State.HEADER || entry.state == State.IDLE)
                    .toList();
            silent.forEach(open::remove);
            completeWhenDrained();
        }
        silent.forEach(entry -> entry.abort.run());
        return drained;
    }

    /** Closes them all. */
    void abort() {
        List<Entry> all;
        synchronized (this) {
            draining = true;
            all = List.copyOf(open);
            open.clear();
            completeWhenDrained();
        }
        all.forEach(entry -> entry.abort.run());
    }

    private void completeWhenDrained() {
        if (draining && open.isEmpty()) {
            drained.complete(Done.getInstance());
        }
    }
}
