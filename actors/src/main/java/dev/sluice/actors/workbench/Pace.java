package dev.sluice.actors.workbench;

import java.util.concurrent.atomic.AtomicLong;

/** How far a worker is with what it was told. Written by the controller and the worker, read by the {@link WorkWatch}. */
public final class Pace {
    private final AtomicLong told = new AtomicLong();
    private final AtomicLong done = new AtomicLong();
    private volatile boolean opening;

    /** Another piece of work is to be done. */
    public void told() {
        told.incrementAndGet();
    }

    /** The oldest of those is. */
    public void done() {
        done.incrementAndGet();
    }

    void opening(boolean now) {
        opening = now;
    }

    /** Pieces that are done. */
    long pieces() {
        return done.get();
    }

    /** Whether it is at a piece of work, or should be. */
    boolean isAtWork() {
        return !opening && done.get() < told.get();
    }
}
