package dev.sluice.actors.sampler;

import dev.sluice.actors.workbench.Pace;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.runtime.network.EngineErrors;
import dev.sluice.runtime.network.Networks;
import dev.sluice.runtime.sampling.Mixture;
import dev.sluice.runtime.sampling.MixturePlan;
import dev.sluice.runtime.sampling.Preparation;
import dev.sluice.runtime.sampling.Walk;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;

/**
 * Computes what the {@link Sampler} orders, on a thread of its own: one batch at a time, and beside it the preparation of
 * the next mixture. Every message is one bounded piece of work (open a network, one evaluation), so the two take turns
 * and a cancelled batch stops by its next evaluation.
 *
 * <p>It owns the networks and closes them when it stops, however it stops. A file that cannot be used is an answer; an
 * evaluation that throws is this actor's death, since nobody knows what state it left the engine in. Lost with it: the
 * batch, and a preparation under way.
 */
final class SamplerWorker extends AbstractBehavior<SamplerWorker.Command> {
    /** What the worker understands; from its controller and from itself only. */
    sealed interface Command {}

    /** Make this ready beside what serves, then put it in charge between two batches. One at a time. */
    record Prepare(MixturePlan plan) implements Command {}

    /** Compute a batch: arguments as of {@link Mixture#walk}. One at a time. */
    record Run(long batch, long[] seeds, long[] labels, int padTo) implements Command {}

    /** Nobody waits for this batch any more. */
    record Abandon(long batch) implements Command {}

    private record Brought(MixturePlan plan) implements Command {}

    private record NextPiece(Preparation preparation) implements Command {}

    private record NextStep(long batch) implements Command {}

    /** What the worker tells its controller. */
    sealed interface Event extends SamplerMessage.Local {
        /** The number that the worker was given. */
        int worker();
    }

    /** This serves from the next batch on. */
    record Prepared(int worker, MixturePlan plan) implements Event {}

    /** What served before still does. */
    record PreparationFailed(int worker, MixturePlan plan, String reason) implements Event {}

    /** @param plan that the batch was computed with, from its first step to its last */
    record BatchDone(int worker, long batch, MixturePlan plan, Tensor samples) implements Event {}

    record BatchAbandoned(int worker, long batch) implements Event {}

    private final int number;
    private final Networks networks;
    private final List<Integer> batchSizes;
    private final Pace pace;
    private final ActorRef<SamplerMessage> controller;
    private Mixture serving;
    private Preparation preparation;
    private Walk walk;
    private long batch;

    private SamplerWorker(
            ActorContext<Command> context,
            int number,
            Networks networks,
            List<Integer> batchSizes,
            Pace pace,
            ActorRef<SamplerMessage> controller) {
        super(context);
        this.number = number;
        this.networks = networks;
        this.batchSizes = batchSizes;
        this.pace = pace;
        this.controller = controller;
    }

    /**
     * @param number that its events bear
     * @param batchSizes that every network is warmed on before it serves
     * @param pace of its evaluations; opening a file takes what it takes
     */
    static Behavior<Command> create(
            int number, Networks networks, List<Integer> batchSizes, Pace pace, ActorRef<SamplerMessage> controller) {
        return Behaviors.setup(context -> new SamplerWorker(context, number, networks, batchSizes, pace, controller));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Prepare.class, this::onPrepare)
                .onMessage(Brought.class, this::onBrought)
                .onMessage(NextPiece.class, this::onNextPiece)
                .onMessage(Run.class, this::onRun)
                .onMessage(NextStep.class, this::onNextStep)
                .onMessage(Abandon.class, this::onAbandon)
                .onSignal(PostStop.class, this::onPostStop)
                .build();
    }

    /** Files may have to come from another machine, and requests do not wait for that: the rest follows when they are here. */
    private Behavior<Command> onPrepare(Prepare order) {
        Executor blocking = getContext().getSystem().dispatchers().lookup(DispatcherSelector.blocking());
        getContext()
                .pipeToSelf(
                        CompletableFuture.runAsync(() -> bring(order.plan()), blocking),
                        (done, failure) -> new Brought(order.plan()));
        return this;
    }

    private void bring(MixturePlan plan) {
        networks.bring(plan.teacher());
        plan.experts().forEach(networks::bring);
    }

    /** Also when something could not be had: whoever opens it says why. */
    private Behavior<Command> onBrought(Brought brought) {
        preparation = new Preparation(brought.plan(), networks, serving, batchSizes);
        getContext().getSelf().tell(new NextPiece(preparation));
        return this;
    }

    private Behavior<Command> onNextPiece(NextPiece next) {
        // An evaluation that does not come back is a stuck worker, be it for a request or to warm a network.
        boolean watched = preparation.evaluatesNext();
        try {
            if (watched) {
                pace.told();
            }
            preparation.advance();
        } catch (RuntimeException | LinkageError | OutOfMemoryError | StackOverflowError e) {
            // The errors would end the JVM and, with it, what serves: the engine's native libraries did not load, or
            // there is no room for the new network beside the old. What was half made is dropped here.
            String reason = EngineErrors.cause(e);
            getContext()
                    .getLog()
                    .warn("{} was not put in charge: {}", preparation.plan().version(), reason);
            getContext().getLog().debug("where it failed", e);
            refuse(reason);
            return this;
        } finally {
            if (watched) {
                pace.done();
            }
        }
        if (!preparation.done()) {
            getContext().getSelf().tell(next);
        } else {
            takeOverBetweenBatches();
        }
        return this;
    }

    private void refuse(String reason) {
        Preparation failed = preparation;
        preparation = null;
        controller.tell(new PreparationFailed(number, failed.plan(), reason));
        failed.close();
    }

    private void takeOverBetweenBatches() {
        if (walk != null || preparation == null || !preparation.done()) {
            return;
        }
        Mixture before = serving;
        serving = preparation.finish();
        preparation = null;
        controller.tell(new Prepared(number, serving.plan()));
        if (before != null) {
            before.retireFor(serving);
        }
    }

    private Behavior<Command> onRun(Run order) {
        batch = order.batch();
        walk = serving.walk(order.seeds(), order.labels(), order.padTo());
        getContext().getSelf().tell(new NextStep(batch));
        return this;
    }

    private Behavior<Command> onNextStep(NextStep next) {
        // A step of a batch that was abandoned may still be on its way.
        if (walk == null || next.batch() != batch) {
            return this;
        }
        pace.told();
        try {
            walk.advance();
        } catch (OutOfMemoryError | StackOverflowError | LinkageError e) {
            // The worker's end and not the process's: with its batch and its networks goes what took the memory.
            throw new IllegalStateException(
                    e instanceof OutOfMemoryError
                            ? "there is no memory for this batch (" + e.getMessage() + ")"
                            : EngineErrors.cause(e),
                    e);
        }
        pace.done();
        if (!walk.done()) {
            getContext().getSelf().tell(next);
            return this;
        }
        controller.tell(new BatchDone(number, batch, serving.plan(), walk.samples()));
        walk = null;
        takeOverBetweenBatches();
        return this;
    }

    private Behavior<Command> onAbandon(Abandon order) {
        if (walk != null && order.batch() == batch) {
            walk = null;
            controller.tell(new BatchAbandoned(number, order.batch()));
            takeOverBetweenBatches();
        }
        return this;
    }

    private Behavior<Command> onPostStop(PostStop stopped) {
        try {
            if (preparation != null) {
                preparation.close();
            }
        } finally {
            if (serving != null) {
                serving.close();
            }
        }
        return this;
    }
}
