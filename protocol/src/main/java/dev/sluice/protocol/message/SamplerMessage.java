package dev.sluice.protocol.message;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import java.util.List;
import java.util.Optional;
import org.apache.pekko.actor.typed.ActorRef;

/** What the sampler, which serves generations, understands. */
public sealed interface SamplerMessage {
    /**
     * Serve this model, with the teacher for every part of the schedule that no expert covers yet; then
     * report {@link SupervisorMessage.RoleReady}.
     *
     * @param teacherSteps solver steps the teacher would take over the whole schedule
     * @param guidance of the teacher; experts run without
     * @param recorder of the run, told what is served from then on; empty where no run is recorded
     */
    record Serve(
            int epoch,
            ModelCard card,
            PhasePlan plan,
            Recipe.Schedule schedule,
            ExpertRef teacher,
            int teacherSteps,
            double guidance,
            ActorRef<SupervisorMessage> supervisor,
            Optional<ActorRef<RecorderMessage>> recorder)
            implements SamplerMessage {}

    /** Put {@code expert} in charge of phase {@code phase}: answered by SwapDone or SwapRefused. */
    record SwapExpert(int phase, ExpertRef expert, ActorRef<SupervisorMessage> supervisor) implements SamplerMessage {}

    /**
     * Make one sample for every seed.
     *
     * @param id names the request in answers and logs; an id that is already waiting is refused
     * @param label class index, or −1 for an unconditional sample
     * @param deadlineMillis from arrival; past it the request is refused with {@code DEADLINE}
     */
    record Generate(String id, List<Long> seeds, int label, long deadlineMillis, ActorRef<GenerationReply> replyTo)
            implements SamplerMessage {
        public Generate {
            seeds = List.copyOf(seeds);
        }
    }

    /** The client has left: stop by the next network evaluation and free its place. */
    record Cancel(String id) implements SamplerMessage {}

    /** Answered at once, whatever the worker does. */
    record GetStatus(ActorRef<SamplerStatus> replyTo) implements SamplerMessage {}

    /** Nobody is to be served any more: end. */
    record Release() implements SamplerMessage {}

    /** Never leaves the JVM. */
    non-sealed interface Local extends SamplerMessage {}
}
