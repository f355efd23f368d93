package dev.sluice.runtime.trial;

import dev.sluice.protocol.Role;
import java.util.Map;
import java.util.TreeMap;

/**
 * The memory of one process that trains, and which experiments have been promised how much of it. Thread-safe.
 *
 * <p>It reckons with estimates and not with what is free at the moment: that depends on what the others are just doing.
 */
public final class MemoryBudget {
    /** Libtorch, the JVM and the actors, before any experiment. */
    private static final long BASE = 400L << 20;

    private static final long HEAP_BASE = 128L << 20;

    private final long memory;
    private final long heap;
    private final Map<String, MemoryEstimate> promised = new TreeMap<>();

    /**
     * @param memory of the machine or the container, in bytes
     * @param heap that Java may use, in bytes
     */
    public MemoryBudget(long memory, long heap) {
        this.memory = memory;
        this.heap = heap;
    }

    /**
     * Promises an experiment what it needs, in the place of what it was promised before under this name.
     *
     * @throws IllegalArgumentException naming the estimate and the mend, when that cannot be had
     */
    public synchronized void promise(String name, MemoryEstimate estimate) {
        requireRoom(name, estimate);
        promised.put(name, estimate);
    }

    /** {@link #promise} without promising. */
    public synchronized void requireRoom(String name, MemoryEstimate estimate) {
        long others = 0;
        long othersHeap = 0;
        for (Map.Entry<String, MemoryEstimate> other : promised.entrySet()) {
            if (!other.getKey().equals(name)) {
                others += other.getValue().total();
                othersHeap += other.getValue().heap();
            }
        }
        if (estimate.total() + others > memory - BASE) {
            throw new IllegalArgumentException("experiment " + name + " needs " + estimate
                    + " of memory and this node has " + Bytes.text(memory) + taken(others)
                    + "; lower experiment.recipe.batch, or say in node.memory-gib that there is more");
        }
        if (estimate.heap() + othersHeap > heap - HEAP_BASE) {
            throw new IllegalArgumentException("experiment " + name + " needs about " + Bytes.text(estimate.heap())
                    + " of Java's heap for tensors and this process has " + Bytes.text(heap) + taken(othersHeap)
                    + "; lower experiment.recipe.batch or experiment.grid-samples, or start with a larger SLUICE_HEAP");
        }
    }

    private static String taken(long others) {
        return others == 0 ? "" : ", of which running experiments need about " + Bytes.text(others);
    }

    /** The experiment is over, and its sampler serves on. */
    public synchronized void onlyServes(String name) {
        promised.computeIfPresent(
                name,
                (key, estimate) ->
                        new MemoryEstimate(Map.of(Role.SAMPLER, estimate.roles().getOrDefault(Role.SAMPLER, 0L)), 0));
    }

    /** The experiment needs nothing any more. */
    public synchronized void release(String name) {
        promised.remove(name);
    }

    /**
     * Refuses an experiment with a role that does not fit on one node.
     *
     * @throws IllegalArgumentException naming the estimate and the mend
     */
    public void requireRolesFit(String name, MemoryEstimate estimate) {
        for (Map.Entry<Role, Long> role : estimate.roles().entrySet()) {
            if (role.getValue() > memory - BASE) {
                throw new IllegalArgumentException("the " + role.getKey().key() + " of experiment " + name
                        + " needs about " + Bytes.text(role.getValue()) + " of memory and a node has "
                        + Bytes.text(memory)
                        + "; lower experiment.recipe.batch, or say in node.memory-gib that there is more");
            }
        }
    }
}
