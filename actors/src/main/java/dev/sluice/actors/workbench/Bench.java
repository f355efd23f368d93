package dev.sluice.actors.workbench;

import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ChildFailed;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.javadsl.ActorContext;

/**
 * A controller's hold on its {@link Workbench}: there is one from the first opening on, watched, until it is let go or
 * dies. Used by the controller alone.
 *
 * @param <R> what the workbench owns
 */
public final class Bench<R extends AutoCloseable> {
    private final ActorContext<?> context;
    private final DispatcherSelector pinned;
    private ActorRef<Workbench.Task<R>> workbench;

    /**
     * @param context of the controller
     * @param pinned dispatcher of the thread that computes
     */
    public Bench(ActorContext<?> context, DispatcherSelector pinned) {
        this.context = context;
        this.pinned = pinned;
    }

    /** Has what is there closed and the next opened, on one thread: the two never share the memory. */
    public void open(Supplier<R> opening) {
        if (workbench == null) {
            workbench = context.spawnAnonymous(Workbench.<R>create(), pinned);
            context.watch(workbench);
        }
        workbench.tell(new Workbench.Open<>(opening));
    }

    /** Has a piece of work done after all that was told before. */
    public void work(Consumer<R> piece) {
        workbench.tell(new Workbench.Do<>(piece));
    }

    /** Whether it was this workbench that failed; there is none then until the next opening. */
    public boolean failed(ChildFailed signal) {
        boolean mine = signal.getRef().equals(workbench);
        if (mine) {
            workbench = null;
        }
        return mine;
    }

    /** Stops the workbench when its present piece of work is done, and does not wait for that. */
    public void letGo() {
        if (workbench != null) {
            context.unwatch(workbench);
            context.stop(workbench);
            workbench = null;
        }
    }
}
