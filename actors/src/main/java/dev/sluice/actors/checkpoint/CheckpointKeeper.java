package dev.sluice.actors.checkpoint;

import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.runtime.checkpoint.Checkpoint;
import dev.sluice.runtime.checkpoint.CheckpointStore;
import dev.sluice.runtime.checkpoint.Deaths;
import dev.sluice.runtime.checkpoint.Epochs;
import dev.sluice.runtime.network.EngineErrors;
import java.io.IOException;
import java.util.Optional;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;

/**
 * Checks the parts of a checkpoint, writes its manifest and forgets old ones; finds the newest and claims the next epoch
 * when the run has to go back. It waits for disks, so spawn it with {@code DispatcherSelector.blocking()}. A checkpoint
 * that cannot be kept is told and costs nothing but itself. Writes down what the run is at, for when the process dies, and
 * takes that back when it is stopped.
 *
 * <p>When the actor dies, a checkpoint that it was making is none.
 */
public final class CheckpointKeeper extends AbstractBehavior<CheckpointKeeper.Command> {
    /** What the keeper understands. */
    public sealed interface Command {}

    /** Make a checkpoint of these parts; answered by {@link Kept} or {@link NotKept}. */
    public record Keep(Checkpoint checkpoint, ActorRef<? super SupervisorMessage.Local> replyTo) implements Command {}

    /**
     * Claim the next epoch and find the newest checkpoint; answered by {@link Rewound} or {@link NotRewound}.
     *
     * @param epoch that is over
     */
    public record Rewind(int epoch, ActorRef<? super SupervisorMessage.Local> replyTo) implements Command {}

    /**
     * The run is at this now: what is told for it if the process dies.
     *
     * @param what such as {@code phase 1 was being loaded}
     */
    public record Doing(String what) implements Command {}

    /** The deaths of the process until now are not to be counted any more. */
    public record ForgetDeaths() implements Command {}

    /** The run is over here: the keeper ends when it has done what came before. */
    public record Close() implements Command {}

    /** The checkpoint is on the disk, whatever happens to the machine. */
    public record Kept(Checkpoint checkpoint) implements SupervisorMessage.Local {}

    /** There is no such checkpoint; {@code reason} is written for the user. */
    public record NotKept(int phase, int cycle, String reason) implements SupervisorMessage.Local {}

    /** {@code epoch} is this supervisor's and nobody else's, and {@code newest} is whole; empty when there is none. */
    public record Rewound(int epoch, Optional<Checkpoint> newest) implements SupervisorMessage.Local {}

    /** The store cannot be read or written; {@code reason} is written for the user. */
    public record NotRewound(String reason) implements SupervisorMessage.Local {}

    private final CheckpointStore store;
    private final Epochs epochs;
    private final Deaths deaths;
    private final int keep;

    private CheckpointKeeper(
            ActorContext<Command> context, CheckpointStore store, Epochs epochs, Deaths deaths, int keep) {
        super(context);
        this.store = store;
        this.epochs = epochs;
        this.deaths = deaths;
        this.keep = keep;
    }

    /** @param keep newest checkpoints that stay */
    public static Behavior<Command> create(CheckpointStore store, Epochs epochs, Deaths deaths, int keep) {
        return Behaviors.setup(context -> new CheckpointKeeper(context, store, epochs, deaths, keep));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Keep.class, this::onKeep)
                .onMessage(Rewind.class, this::onRewind)
                .onMessage(Doing.class, doing -> noted(() -> deaths.during(doing.what())))
                .onMessage(ForgetDeaths.class, order -> noted(deaths::forget))
                .onMessage(Close.class, order -> Behaviors.stopped())
                .onSignal(PostStop.class, this::onPostStop)
                .build();
    }

    /** Something to be written down of the deaths of processes. */
    private interface Note {
        void write() throws IOException;
    }

    /** A disk that refuses it makes the next death count as one more, or be told without what was done: no more than that. */
    private Behavior<Command> noted(Note note) {
        try {
            note.write();
        } catch (IOException e) {
            getContext().getLog().warn("how the run goes cannot be noted: {}", EngineErrors.cause(e));
        }
        return this;
    }

    /** Whatever stops this actor, the process lives or ends in order; what kills it does not come here. */
    private Behavior<Command> onPostStop(PostStop stopped) {
        return FatalEnd.isUnderWay() ? this : noted(deaths::ended);
    }

    private Behavior<Command> onKeep(Keep order) {
        Checkpoint checkpoint = order.checkpoint();
        try {
            store.complete(checkpoint);
        } catch (IOException | RuntimeException e) {
            order.replyTo().tell(new NotKept(checkpoint.phase(), checkpoint.cycle(), EngineErrors.cause(e)));
            return this;
        }
        noted(deaths::forget);
        try {
            store.forgetAllBut(keep, checkpoint);
        } catch (IOException | RuntimeException e) {
            getContext().getLog().warn("old checkpoints cannot be deleted: {}", e.toString());
        }
        // Not before: the parts of the next one would be taken for left-overs.
        order.replyTo().tell(new Kept(checkpoint));
        return this;
    }

    private Behavior<Command> onRewind(Rewind order) {
        try {
            int epoch = epochs.claim(order.epoch());
            // What is in the store is this run's: it was made or examined before the run began.
            CheckpointStore.Found found = store.newest(checkpoint -> Optional.empty());
            Optional<CheckpointStore.Ignored> undecided = found.undecided();
            if (undecided.isPresent()) {
                order.replyTo()
                        .tell(new NotRewound("checkpoint " + undecided.get().name() + " cannot be used: "
                                + undecided.get().reason() + "; put the file back as it was, and resume"));
                return this;
            }
            for (CheckpointStore.Ignored ignored : found.ignored()) {
                String kept = store.setAside(ignored)
                        .map(path -> "; it is kept as " + path)
                        .orElse("");
                getContext().getLog().warn("ignored checkpoint {}: {}{}", ignored.name(), ignored.reason(), kept);
            }
            order.replyTo().tell(new Rewound(epoch, found.newest()));
        } catch (IOException | RuntimeException e) {
            order.replyTo().tell(new NotRewound("the store of checkpoints cannot be used: " + EngineErrors.cause(e)));
        }
        return this;
    }
}
