package dev.sluice.protocol.message;

import dev.sluice.protocol.CycleReport;
import dev.sluice.protocol.DeviceOffer;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import java.util.List;
import org.apache.pekko.actor.typed.ActorRef;

/** What an experiment's supervisor hears from nodes and roles. It touches no tensor. */
public sealed interface SupervisorMessage {
    /**
     * What a node offers; each one replaces what it said before.
     *
     * @param name for people
     * @param leaving whether the node is about to leave: what it plays should be handed over, and it plays nothing new
     */
    record NodeOffer(
            ActorRef<NodeMessage> node, String name, List<Role> roles, List<DeviceOffer> devices, boolean leaving)
            implements SupervisorMessage {
        public NodeOffer {
            roles = List.copyOf(roles);
            devices = List.copyOf(devices);
        }
    }

    /** The order to play {@code role} was carried out; {@code actor} understands that role's messages. */
    record RolePlaced(long order, Role role, ActorRef<?> actor) implements SupervisorMessage {}

    /** The node does not play that role; {@code reason} is written for the user. */
    record RoleNotPlaced(long order, String reason) implements SupervisorMessage {}

    /** A role has loaded what it was told to and waits. {@code phase} is 0 for roles that know no phases. */
    record RoleReady(int epoch, Role role, int phase, ActorRef<?> actor) implements SupervisorMessage {}

    /** The generator has stepped (or skipped) and a cycle is over. */
    record CycleCommitted(int epoch, CycleReport report) implements SupervisorMessage {}

    /** The generator has committed every cycle it was told to run, and none is under way. */
    record BudgetSpent(int epoch, int phase, int cycles) implements SupervisorMessage {}

    /** A trainer's part of a checkpoint is in the store. */
    record StateSaved(int epoch, StateRef state) implements SupervisorMessage {}

    /** A trainer could not write its part; {@code reason} is written for the user. It can go on. */
    record StateNotSaved(int epoch, Role role, int phase, int cycle, String reason) implements SupervisorMessage {}

    /** The EMA expert of a phase is in the store. */
    record ExpertPublished(int epoch, int phase, ExpertRef expert) implements SupervisorMessage {}

    /** The sampler serves this expert from the next batch on. */
    record SwapDone(int phase, ExpertRef expert, long millis, ActorRef<SamplerMessage> sampler)
            implements SupervisorMessage {}

    /** The sampler kept what it had. */
    record SwapRefused(int phase, ExpertRef expert, String reason, ActorRef<SamplerMessage> sampler)
            implements SupervisorMessage {}

    /** A role cannot go on; {@code cause} is written for the user. */
    record RoleFailed(int epoch, Role role, String cause, ActorRef<?> actor) implements SupervisorMessage {}

    /** What a node sent to {@code actor} did not arrive and is not sent again; {@code cause} is written for the user. */
    record RoleUnreachable(ActorRef<?> actor, String cause) implements SupervisorMessage {}

    /** Never leaves the JVM. */
    non-sealed interface Local extends SupervisorMessage {}
}
