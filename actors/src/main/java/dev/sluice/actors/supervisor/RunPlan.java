package dev.sluice.actors.supervisor;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * What a supervisor carries out.
 *
 * @param cycles generator updates of each phase
 * @param experts folder that finished experts are written to
 * @param skippedLimit generator steps in a row that may be left out because they were not finite
 */
public record RunPlan(
        ModelCard card,
        ExpertRef teacher,
        PhasePlan plan,
        Recipe recipe,
        List<Integer> cycles,
        Path experts,
        int teacherSteps,
        int snapshotEvery,
        int skippedLimit,
        Timeouts timeouts) {
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
