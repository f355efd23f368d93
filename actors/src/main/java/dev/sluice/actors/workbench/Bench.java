package dev.sluice.actors.workbench;

import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ChildFailed;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.javadsl.ActorContext;

/**
 * A controller's hold on its {@link Workbench}: there is one from the first opening on, watched, until it is let go or
 * dies. A workbench that stays at one piece of work for too long has failed as if it had thrown. Used by the
 * controller alone.
 *
 * @param <R> what the workbench owns
 */
public final class Bench<R extends AutoCloseable> {
    private final ActorContext<?> context;
    private final DispatcherSelector pinned;
    private final Duration workWithin;
    private ActorRef<Workbench.Task<R>> workbench;
    private ActorRef<WorkWatch.Tick> watch;
    private Pace pace;

    /**
     * @param context of the controller
     * @param pinned dispatcher of the thread that computes
     * @param workWithin for one piece of work; openings take what they take
     */
    public Bench(ActorContext<?> context, DispatcherSelector pinned, Duration workWithin) {
        this.context = context;
        this.pinned = pinned;
        this.workWithin = workWithin;
    }

    /** Has what is there closed and the next opened, on one thread: the two never share the memory. */
    public void open(Supplier<R> opening) {
        if (workbench == null) {
            pace = new Pace();
            workbench = context.spawnAnonymous(Workbench.<R>create(), pinned);
            watch = context.spawnAnonymous(WorkWatch.create(pace, workWithin));
            context.watch(workbench);
            context.watch(watch);
        }
        Pace of = pace;
        workbench.tell(new Workbench.Open<>(() -> {
            of.opening(true);
            try {
                return opening.get();
            } finally {
                of.opening(false);
            }
        }));
    }

    /** Has a piece of work done after all that was told before. */
    public void work(Consumer<R> piece) {
        Pace of = pace;
        of.told();
        workbench.tell(new Workbench.Do<>(resource -> {
            piece.accept(resource);
            of.done();
        }));
    }

    /** Whether it is said of this workbench that it stays at one piece of work. */
    public boolean isStuck(ChildFailed signal) {
        return signal.getRef().equals(watch);
    }

    /** Whether it was this workbench that failed or got stuck; there is none then until the next opening. */
    public boolean failed(ChildFailed signal) {
        boolean mine = signal.getRef().equals(workbench) || signal.getRef().equals(watch);
        if (mine) {
            letGo();
        }
        return mine;
    }

    /** Stops the workbench when its present piece of work is done, and does not wait for that. */
    public void letGo() {
        if (workbench != null) {
            context.unwatch(workbench);
            context.unwatch(watch);
            context.stop(workbench);
            context.stop(watch);
            workbench = null;
            watch = null;
        }
    }
}
