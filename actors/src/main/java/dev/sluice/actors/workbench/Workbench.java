package dev.sluice.actors.workbench;

import dev.sluice.runtime.network.EngineErrors;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;

/**
 * The compute half of a role: owns one thing that lives on one thread, and does one bounded piece of work with it a
 * message, in the order they were sent. Spawn it on the pinned dispatcher, as the child of a controller that watches it
 * and always answers.
 *
 * <p>Work reports by telling actors. When it throws, the workbench dies with the cause, which the controller hears as
 * {@code ChildFailed}; the thing is closed on its own thread, and what waited in the mailbox is lost. That holds for memory
 * or stack that ran out and for libraries that do not load, too: they are the work's failure, and not the process's end.
 *
 * @param <R> what it owns
 */
public final class Workbench<R extends AutoCloseable> extends AbstractBehavior<Workbench.Task<R>> {
    /** What a workbench is told. Never leaves the JVM. */
    public sealed interface Task<R> {}

    /** Closes what it had and opens the next. */
    public record Open<R>(Supplier<R> opening) implements Task<R> {}

    /** Does a piece of work. */
    public record Do<R>(Consumer<R> work) implements Task<R> {}

    /** An error that the actor system would end the process for. */
    static final class WorkException extends IllegalStateException {
        private static final long serialVersionUID = 1L;

        WorkException(Error error) {
            super(
                    error instanceof OutOfMemoryError
                            ? "it ran out of memory (" + error.getMessage() + ")"
                            : error instanceof StackOverflowError ? "it ran out of stack" : EngineErrors.cause(error),
                    error);
        }
    }

    private R resource;

    private Workbench(ActorContext<Task<R>> context) {
        super(context);
    }

    public static <R extends AutoCloseable> Behavior<Task<R>> create() {
        return Behaviors.setup(Workbench::new);
    }

    @Override
    public Receive<Task<R>> createReceive() {
        return newReceiveBuilder()
                .onAnyMessage(this::onTask)
                .onSignal(PostStop.class, this::onPostStop)
                .build();
    }

    private Behavior<Task<R>> onTask(Task<R> task) throws Exception {
        try {
            return work(task);
        } catch (VirtualMachineError | LinkageError e) {
            throw new WorkException(e);
        }
    }

    private Behavior<Task<R>> work(Task<R> task) throws Exception {
        if (task instanceof Open<R> open) {
            closeResource();
            resource = open.opening().get();
        } else if (task instanceof Do<R> piece) {
            if (resource == null) {
                throw new IllegalStateException("work came before anything was opened");
            }
            piece.work().accept(resource);
        }
        return this;
    }

    private Behavior<Task<R>> onPostStop(PostStop signal) throws Exception {
        closeResource();
        return this;
    }

    private void closeResource() throws Exception {
        R old = resource;
        resource = null;
        if (old != null) {
            old.close();
        }
    }
}
