package dev.sluice.protocol.message;

import dev.sluice.protocol.CriticReport;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.Tensor;
import java.util.List;
import java.util.Optional;
import org.apache.pekko.actor.typed.ActorRef;

/** What the generator expert understands. */
public sealed interface GeneratorMessage {
    /**
     * Start phase {@code phase}, or go on with it: load the teacher's weights as the new expert, or a saved state, and
     * the finished experts as the frozen ones, then report {@link SupervisorMessage.RoleReady}.
     *
     * @param frozen the experts of phases 1..phase−1, in order
     * @param from empty for the phase's beginning
     */
    record BeginPhase(
            int epoch,
            int phase,
            PhasePlan plan,
            Recipe recipe,
            ExpertRef teacher,
            List<ExpertRef> frozen,
            Optional<StateRef> from,
            ActorRef<CriticMessage> critic,
            ActorRef<SupervisorMessage> supervisor)
            implements GeneratorMessage {
        public BeginPhase {
            frozen = List.copyOf(frozen);
        }
    }

    /**
     * From now on have batches scored by these, one after the other. Batches under way at a teacher that is not among
     * them any more are sent again; with none, they wait.
     */
    record UseTeachers(int epoch, List<ActorRef<TeacherMessage>> teachers) implements GeneratorMessage {
        public UseTeachers {
            teachers = List.copyOf(teachers);
        }
    }

    /**
     * Run until {@code cycles} of this phase are committed, then report {@link SupervisorMessage.BudgetSpent} with no
     * cycle under way. A later order replaces an earlier one; one for fewer cycles than are begun ends with those.
     */
    record Run(int epoch, int phase, int cycles) implements GeneratorMessage {}

    /** The critic's answer for one cycle: the gradient on x_s, float32 of the samples' shape. */
    record Gradient(int epoch, int phase, int cycle, Tensor gradient, CriticReport report)
            implements GeneratorMessage {}

    /**
     * Write everything that the phase goes on from to {@code path}, then report {@link SupervisorMessage.StateSaved}, or
     * {@link SupervisorMessage.StateNotSaved} and go on. Only with no cycle under way.
     *
     * @param cycle that comes next
     */
    record Save(int epoch, int phase, int cycle, String path) implements GeneratorMessage {}

    /** Write the EMA expert of this phase to {@code path}, then report {@link SupervisorMessage.ExpertPublished}. */
    record Publish(int epoch, int phase, String path) implements GeneratorMessage {}

    /** Let go of networks and partners, and end. */
    record Release(int epoch) implements GeneratorMessage {}

    /** Never leaves the JVM. */
    non-sealed interface Local extends GeneratorMessage {}
}
