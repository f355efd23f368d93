package dev.sluice.actors.supervisor;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.runtime.checkpoint.Checkpoint;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** At which cycles a run is worth keeping, the checkpoint under way, and the last that was kept. */
final class Checkpointing {
    private final RunPlan run;
    private Optional<Checkpoint> last;
    /** Whether the process died in an earlier start, with nothing kept since. */
    private boolean suspected;

    private final Map<Role, StateRef> parts = new EnumMap<>(Role.class);

    Checkpointing(RunPlan run) {
        this.run = run;
        this.last = run.from();
        this.suspected = run.keeping().past().times() > 0;
    }

    /**
     * The cycle up to which the generator may run on from {@code cycle} before it has to stand. When the process has died,
     * that is the next one until something is kept: it tells a run that killed the process from one that died with it, and
     * brings every run forward that can go forward at all.
     */
    int nextStand(int phase, int cycle) {
        if (suspected && run.recipe().staleness() == 0) {
            return Math.min(run.cycles().get(phase - 1), cycle + 1);
        }
        int every = run.keeping().every();
        int budget = run.cycles().get(phase - 1);
        return every == 0 ? budget : Math.min(budget, (cycle / every + 1) * every);
    }

    /**
     * Whether there should be a checkpoint at {@code cycle}, where the generator stands.
     *
     * @param stopping whether the run is to be left here
     * @param skippedInARow generator steps left out just before
     */
    boolean isWorthKeeping(int phase, int cycle, boolean stopping, int skippedInARow) {
        if (of(phase).filter(c -> c.cycle() == cycle).isPresent()) {
            return false;
        }
        if (cycle == run.cycles().get(phase - 1)) {
            return true;
        }
        if (stopping) {
            // With batches under way at staleness above 0, standing still changes what comes after: where the
            // undisturbed run would not stand, nothing is kept, and the cycles since the last are done again.
            return run.recipe().staleness() == 0;
        }
        // Not in the middle of steps left out: what is kept is what one would want to go back to.
        return skippedInARow == 0;
    }

    /** A checkpoint is under way and the trainers' parts are to come. */
    void begin() {
        parts.clear();
    }

    /** Takes a part in. Says whether it was the last. */
    boolean add(StateRef part) {
        parts.put(part.role(), part);
        return parts.containsKey(Role.GENERATOR) && parts.containsKey(Role.CRITIC);
    }

    /** The checkpoint of the parts that are in. */
    Checkpoint assemble(int epoch, int skippedInARow, long elapsedMillis, List<ExpertRef> experts) {
        return new Checkpoint(
                epoch,
                skippedInARow,
                elapsedMillis,
                run.teacher().sha256(),
                run.keeping().configuration(),
                experts,
                parts.get(Role.GENERATOR),
                parts.get(Role.CRITIC));
    }

    /** What the store has now. */
    void rewind(Optional<Checkpoint> newest) {
        last = newest;
    }

    void kept(Checkpoint checkpoint) {
        last = Optional.of(checkpoint);
        suspected = false;
    }

    /** The last kept or resumed from. */
    Optional<Checkpoint> last() {
        return last;
    }

    /** The last one if it is of this phase. */
    Optional<Checkpoint> of(int phase) {
        return last.filter(c -> c.phase() == phase);
    }
}
