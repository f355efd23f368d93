package dev.sluice.actors.workbench;

import java.util.concurrent.atomic.AtomicLong;

/** How far a workbench is with what it was told. Written by the controller and the worker, read by the watch. */
final class Pace {
    private final AtomicLong told = new AtomicLong();
    private final AtomicLong done = new AtomicLong();
    private volatile boolean opening;

    void told() {
        told.incrementAndGet();
    }

    void done() {
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
