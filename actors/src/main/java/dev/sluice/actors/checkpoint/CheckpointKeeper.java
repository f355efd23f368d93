package dev.sluice.actors.checkpoint;

import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.runtime.checkpoint.Checkpoint;
import dev.sluice.runtime.checkpoint.CheckpointStore;
import java.io.IOException;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;

/**
 * Checks the parts of a checkpoint, writes its manifest and forgets old ones. It waits for disks, so spawn it with
 * {@code DispatcherSelector.blocking()}. A checkpoint that cannot be kept is told and costs nothing but itself.
 *
 * <p>When the actor dies, a checkpoint that it was making is none.
 */
public final class CheckpointKeeper extends AbstractBehavior<CheckpointKeeper.Keep> {
    /** Make a checkpoint of these parts; answered by {@link Kept} or {@link NotKept}. */
    public record Keep(Checkpoint checkpoint, ActorRef<? super SupervisorMessage.Local> replyTo) {}

    /** The checkpoint is on the disk, whatever happens to the machine. */
    public record Kept(Checkpoint checkpoint) implements SupervisorMessage.Local {}

    /** There is no such checkpoint; {@code reason} is written for the user. */
    public record NotKept(int phase, int cycle, String reason) implements SupervisorMessage.Local {}

    private final CheckpointStore store;
    private final int keep;

    private CheckpointKeeper(ActorContext<Keep> context, CheckpointStore store, int keep) {
        super(context);
        this.store = store;
        this.keep = keep;
    }

    /** @param keep newest checkpoints that stay */
    public static Behavior<Keep> create(CheckpointStore store, int keep) {
        return Behaviors.setup(context -> new CheckpointKeeper(context, store, keep));
    }

    @Override
    public Receive<Keep> createReceive() {
        return newReceiveBuilder().onMessage(Keep.class, this::onKeep).build();
    }

    private Behavior<Keep> onKeep(Keep order) {
        Checkpoint checkpoint = order.checkpoint();
        try {
            store.complete(checkpoint);
        } catch (IOException | RuntimeException e) {
            order.replyTo().tell(new NotKept(checkpoint.phase(), checkpoint.cycle(), e.getMessage()));
            return this;
        }
        try {
            store.forgetAllBut(keep, checkpoint);
        } catch (IOException e) {
            getContext().getLog().warn("old checkpoints cannot be deleted: {}", e.toString());
        }
        // Not before: the parts of the next one would be taken for left-overs.
        order.replyTo().tell(new Kept(checkpoint));
        return this;
    }
}
