package dev.sluice.actors.checkpoint;

import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.runtime.network.EngineErrors;
import java.io.IOException;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * A trainer's part of a checkpoint, written where it computes.
 *
 * @param supervisor hears whether it was written; a disk that refuses it is no failure of the trainer
 * @param cycle that comes next
 */
public record Saving(ActorRef<SupervisorMessage> supervisor, int epoch, Role role, int phase, int cycle) {
    /** Writes the part. */
    @FunctionalInterface
    public interface Write {
        StateRef run() throws IOException;
    }

    /** Writes it and tells the supervisor. On the thread that owns the state. */
    public void with(Write write) {
        try {
            supervisor.tell(new SupervisorMessage.StateSaved(epoch, write.run()));
        } catch (IOException e) {
            supervisor.tell(new SupervisorMessage.StateNotSaved(epoch, role, phase, cycle, EngineErrors.cause(e)));
        }
    }
}
