package dev.sluice.actors.supervisor;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.runtime.checkpoint.Checkpoint;
import dev.sluice.runtime.checkpoint.CheckpointStore;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a supervisor carries out.
 *
 * @param epoch of this start; higher than of any start before (design, decision 5)
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
        Timeouts timeouts) {
    /**
     * When and where checkpoints are kept.
     *
     * @param every cycles of a phase; 0 for only at its end and on a requested stop
     * @param keep newest that stay
     * @param configuration what must be the same when the run is resumed
     */
    public record Keeping(CheckpointStore store, int every, int keep, Map<String, String> configuration) {
        public Keeping {
            configuration = Map.copyOf(configuration);
        }
    }

    /** How long the supervisor waits for what, before it says that the run has failed. */
    public record Timeouts(Duration roles, Duration load, Duration swap, Duration stall) {}

    public RunPlan {
        cycles = List.copyOf(cycles);
        if (cycles.size() != plan.phaseCount()) {
            throw new IllegalArgumentException(
                    "cycles has " + cycles.size() + " entries for " + plan.phaseCount() + " phases");
        }
    }
}
