package dev.sluice.protocol.message;

import dev.sluice.protocol.Role;
import java.util.Optional;
import org.apache.pekko.actor.typed.ActorRef;

/** What the agent of a node understands: it plays roles for the supervisors of experiments. */
public sealed interface NodeMessage {
    /** Tell this supervisor what the node offers, now and whenever that changes ({@link SupervisorMessage.NodeOffer}). */
    record Attend(ActorRef<SupervisorMessage> supervisor) implements NodeMessage {}

    /**
     * Have a role played here: answered by {@link SupervisorMessage.RolePlaced} or
     * {@link SupervisorMessage.RoleNotPlaced}.
     *
     * <p>A trainer is always a new actor, and the one that the experiment had here in this role before is stopped. A
     * teacher is shared by everyone who names the same {@code teacher}; a sampler that serves the run already goes on
     * serving it, unless it is the one that is to be replaced. One of another run of the same name is another's
     * ({@link Succeed}).
     *
     * @param order of this supervisor; the answer repeats it
     * @param experiment that the role is played for
     * @param run of that experiment; empty for what is no run
     * @param device one that the node offers
     * @param teacher SHA-256 of the experiment's teacher
     * @param insteadOf an actor that has failed
     * @param workWithinMillis after which a worker that is still at the same piece of work counts as stuck
     */
    record Play(
            long order,
            String experiment,
            Optional<String> run,
            Role role,
            String device,
            String teacher,
            Optional<ActorRef<?>> insteadOf,
            long workWithinMillis,
            ActorRef<SupervisorMessage> supervisor)
            implements NodeMessage {}

    /**
     * {@code run} is served from now on under the name of {@code experiment}: samplers here of any other run of that name
     * answer whom they have and who is on the way to them, and end.
     */
    record Succeed(String experiment, Optional<String> run) implements NodeMessage {}

    /** Never leaves the JVM. */
    non-sealed interface Local extends NodeMessage {}
}
