package dev.sluice.protocol.message;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Tensor;
import org.apache.pekko.actor.typed.ActorRef;

/** What the fake-score critic understands. */
public sealed interface CriticMessage {
    /**
     * Start phase {@code phase} with a fresh fake score (the teacher's weights), then report
     * {@link SupervisorMessage.RoleReady}.
     *
     * @param snapshotEvery cycles between two {@link RecorderMessage.Snapshot}s; 0 for none
     */
    record BeginPhase(
            int epoch,
            int phase,
            PhasePlan plan,
            Recipe recipe,
            ExpertRef teacher,
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

    /** Let go of networks and partners; the run is over. */
    record Release(int epoch) implements CriticMessage {}

    /** Never leaves the JVM. */
    non-sealed interface Local extends CriticMessage {}
}
