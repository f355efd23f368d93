package dev.sluice.actors.sampler;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Requests that wait, in the order of their arrival, which is the order of their turn. Not thread-safe. */
final class Backlog {
    private final int limit;
    private final int maxBatch;
    private final Map<String, Pending> waiting = new LinkedHashMap<>();
    private int samples;

    /**
     * @param limit of requests
     * @param maxBatch samples in a batch at most
     */
    Backlog(int limit, int maxBatch) {
        this.limit = limit;
        this.maxBatch = maxBatch;
    }

    boolean isFull() {
        return waiting.size() >= limit;
    }

    boolean isEmpty() {
        return waiting.isEmpty();
    }

    int size() {
        return waiting.size();
    }

    boolean contains(String id) {
        return waiting.containsKey(id);
    }

    void add(Pending request) {
        waiting.put(request.id(), request);
        samples += request.samples();
    }

    Optional<Pending> remove(String id) {
        Pending removed = waiting.remove(id);
        if (removed != null) {
            samples -= removed.samples();
        }
        return Optional.ofNullable(removed);
    }

    /** Whether waiting for more would be for nothing: the next batch is full, or the one after the last in it does not fit. */
    boolean fillsABatch() {
        return samples >= maxBatch;
    }

    /** Takes the next batch: requests in order as long as they fit, so that none is overtaken for its size. */
    List<Pending> takeBatch() {
        List<Pending> batch = new ArrayList<>();
        int rows = 0;
        Iterator<Pending> inOrder = waiting.values().iterator();
        while (inOrder.hasNext()) {
            Pending next = inOrder.next();
            if (rows + next.samples() > maxBatch) {
                break;
            }
            rows += next.samples();
            batch.add(next);
            inOrder.remove();
        }
        samples -= rows;
        return batch;
    }

    /** Takes everything. */
    List<Pending> takeAll() {
        List<Pending> all = List.copyOf(waiting.values());
        waiting.clear();
        samples = 0;
        return all;
    }
}
