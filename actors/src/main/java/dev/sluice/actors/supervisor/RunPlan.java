package dev.sluice.actors.supervisor;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.runtime.checkpoint.Checkpoint;
import dev.sluice.runtime.checkpoint.CheckpointStore;
import dev.sluice.runtime.checkpoint.Deaths;
import dev.sluice.runtime.checkpoint.Epochs;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a supervisor carries out.
 *
 * @param epoch of this start; higher than of any start before; messages of an older epoch are ignored
 * @param from where the run goes on; empty for its beginning
 * @param cycles generator updates of each phase
 * @param experts folder that finished experts are written to
 * @param skippedLimit generator steps in a row that may be left out because they were not finite
 */
public record RunPlan(
        int epoch,
        Optional<Checkpoint> from,
        ModelCard card,
        ExpertRef teacher,
        PhasePlan plan,
        Recipe recipe,
        List<Integer> cycles,
        Path experts,
        int teacherSteps,
        int snapshotEvery,
        int skippedLimit,
        Keeping keeping,
        Timeouts timeouts,
        Restarts restarts) {
    /**
     * When and where checkpoints are kept.
     *
     * @param epochs that were handed out
     * @param deaths of processes that trained the run
     * @param past of those, before this start
     * @param every cycles of a phase; 0 for only at its end and on a requested stop
     * @param keep newest that stay
     * @param configuration what must be the same when the run is resumed
     */
    public record Keeping(
            CheckpointStore store,
            Epochs epochs,
            Deaths deaths,
            Deaths.Past past,
            int every,
            int keep,
            Map<String, String> configuration) {
        public Keeping {
            configuration = Map.copyOf(configuration);
        }
    }

    /**
     * How long the supervisor waits for what, before it counts as a failure.
     *
     * @param roles somebody is found for every role
     * @param place a node answers the order to play a role
     * @param load a role has loaded its networks, or written its part of a checkpoint
     * @param swap a sampler serves a new expert
     * @param stall a cycle is committed
     * @param work a worker ends one piece of work
     */
    public record Timeouts(
            Duration roles, Duration place, Duration load, Duration swap, Duration stall, Duration work) {}

    /**
     * How what has failed is put back.
     *
     * @param most failures in a row, with no checkpoint kept between them, that a run survives; deaths of the whole process
     *     too
     * @param backOffMin wait after the first failure; it doubles with each
     * @param backOffMax longest wait
     */
    public record Restarts(int most, Duration backOffMin, Duration backOffMax) {}

    public RunPlan {
        cycles = List.copyOf(cycles);
        if (cycles.size() != plan.phaseCount()) {
            throw new IllegalArgumentException(
                    "cycles has " + cycles.size() + " entries for " + plan.phaseCount() + " phases");
        }
    }
}
