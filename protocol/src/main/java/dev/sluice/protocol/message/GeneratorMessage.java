package dev.sluice.protocol.message;

import dev.sluice.protocol.CriticReport;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Tensor;
import java.util.List;
import org.apache.pekko.actor.typed.ActorRef;

/** What the generator expert understands. */
public sealed interface GeneratorMessage {
    /**
     * Start phase {@code phase}: load the teacher's weights as the new expert and the finished experts as the frozen
     * ones, then report {@link SupervisorMessage.RoleReady}.
     *
     * @param frozen the experts of phases 1..phase−1, in order
     * @param teachers any number; scored batches are spread over them
     */
    record BeginPhase(
            int epoch,
            int phase,
            PhasePlan plan,
            Recipe recipe,
            ExpertRef teacher,
            List<ExpertRef> frozen,
            ActorRef<CriticMessage> critic,
            List<ActorRef<TeacherMessage>> teachers,
            ActorRef<SupervisorMessage> supervisor)
            implements GeneratorMessage {
        public BeginPhase {
            frozen = List.copyOf(frozen);
            teachers = List.copyOf(teachers);
        }
    }

    /** Run cycles until {@code cycles} of this phase are committed, then report {@link SupervisorMessage.BudgetSpent}. */
    record Run(int epoch, int phase, int cycles) implements GeneratorMessage {}

    /** The critic's answer for one cycle: the gradient on x_s, float32 of the samples' shape. */
    record Gradient(int epoch, int phase, int cycle, Tensor gradient, CriticReport report)
            implements GeneratorMessage {}

    /** Write the EMA expert of this phase to {@code path}, then report {@link SupervisorMessage.ExpertPublished}. */
    record Publish(int epoch, int phase, String path) implements GeneratorMessage {}

    /** Let go of networks and partners; the run is over. */
    record Release(int epoch) implements GeneratorMessage {}

    /** Never leaves the JVM. */
    non-sealed interface Local extends GeneratorMessage {}
}
