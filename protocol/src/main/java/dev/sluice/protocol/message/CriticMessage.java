package dev.sluice.protocol.message;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.Tensor;
import java.util.Optional;
import org.apache.pekko.actor.typed.ActorRef;

/** What the fake-score critic understands. */
public sealed interface CriticMessage {
    /**
     * Start phase {@code phase} with a fresh fake score (the teacher's weights), or go on with it from a saved state,
     * then report {@link SupervisorMessage.RoleReady}.
     *
     * @param from empty for the phase's beginning
     * @param snapshotEvery cycles between two {@link RecorderMessage.Snapshot}s; 0 for none
     */
    record BeginPhase(
            int epoch,
            int phase,
            PhasePlan plan,
            Recipe recipe,
            ExpertRef teacher,
            Optional<StateRef> from,
            int snapshotEvery,
            ActorRef<GeneratorMessage> generator,
            ActorRef<RecorderMessage> recorder,
            ActorRef<SupervisorMessage> supervisor)
            implements CriticMessage {}

    /**
     * Batch {@code update} (0..K−1) of a cycle, to train on.
     *
     * @param xS samples at the phase's boundary, float32 [B, …]
     * @param labels int64 [B]
     */
    record Samples(int epoch, int phase, int cycle, int update, Tensor xS, Tensor labels) implements CriticMessage {}

    /**
     * The batch that becomes this cycle's gradient, with the teacher's word on it.
     *
     * @param teacherVelocity with guidance, float32 [B, …]
     */
    record ScoredSamples(int epoch, int phase, int cycle, NoisySamples noisy, Tensor teacherVelocity)
            implements CriticMessage {}

    /**
     * Write the fake score and its optimizer to {@code path}, then report {@link SupervisorMessage.StateSaved}, or
     * {@link SupervisorMessage.StateNotSaved} and go on. Only between two cycles.
     *
     * @param cycle that comes next
     */
    record Save(int epoch, int phase, int cycle, String path) implements CriticMessage {}

    /** Let go of networks and partners, and end. */
    record Release(int epoch) implements CriticMessage {}

    /** Never leaves the JVM. */
    non-sealed interface Local extends CriticMessage {}
}
