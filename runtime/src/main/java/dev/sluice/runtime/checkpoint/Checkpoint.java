package dev.sluice.runtime.checkpoint;

import dev.sluice.protocol.Epoch;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.StateRef;
import java.util.List;
import java.util.Map;

/**
 * A consistent cut: every trainer's state after the same number of cycles, and what the supervisor must know to go on.
 *
 * @param epoch under which it was taken
 * @param skippedInARow generator steps left out just before it because they were not finite
 * @param elapsedMillis of training up to here, over all starts
 * @param teacherSha256 of the teacher's file
 * @param configuration keys that must not change, with their values as text
 * @param experts of the phases before this one, noisiest first
 */
public record Checkpoint(
        int epoch,
        int skippedInARow,
        long elapsedMillis,
        String teacherSha256,
        Map<String, String> configuration,
        List<ExpertRef> experts,
        StateRef generator,
        StateRef critic) {
    public Checkpoint {
        if (!Epoch.isOne(epoch)) {
            throw new IllegalArgumentException("there is no epoch " + epoch);
        }
        configuration = Map.copyOf(configuration);
        experts = List.copyOf(experts);
        if (generator.phase() != critic.phase() || generator.cycle() != critic.cycle()) {
            throw new IllegalArgumentException("not one cut: " + generator + " and " + critic);
        }
        if (experts.size() != generator.phase() - 1) {
            throw new IllegalArgumentException(
                    "phase " + generator.phase() + " needs the experts before it, got " + experts.size());
        }
    }

    /** The phase, counted from 1. */
    public int phase() {
        return generator.phase();
    }

    /** The cycle of the phase that comes next. */
    public int cycle() {
        return generator.cycle();
    }
}
