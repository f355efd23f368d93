package dev.sluice.protocol;

import java.util.ArrayList;
import java.util.List;

/**
 * The sampling timesteps 1 = t_0 > … > t_N = 0 and where they are cut into phases.
 *
 * @param timesteps strictly decreasing from 1 to 0, at least two
 * @param boundaries the end s_k of every phase: a strictly decreasing selection of the timesteps that ends with 0
 */
public record PhasePlan(List<Double> timesteps, List<Double> boundaries) {
    /**
     * One phase: the part of the schedule that one expert covers.
     *
     * @param number counted from 1, the noisiest
     * @param timesteps those of this phase, its start and its boundary included
     */
    public record Phase(int number, List<Double> timesteps) {
        public Phase {
            timesteps = List.copyOf(timesteps);
            if (number < 1 || timesteps.size() < 2) {
                throw new IllegalArgumentException("phase " + number + " with timesteps " + timesteps
                        + ": phases count from 1 and have at least a start and a boundary");
            }
        }

        /** Time at which the phase's first step starts. */
        public double start() {
            return timesteps.get(0);
        }

        /** The boundary s_k at which the phase's samples stand; 0 for the last phase. */
        public double boundary() {
            return timesteps.get(timesteps.size() - 1);
        }

        /** Number of solver steps, each one network evaluation. */
        public int steps() {
            return timesteps.size() - 1;
        }
    }

    public PhasePlan {
        // −0 is 0 to every equation, but not to List.contains.
        timesteps = timesteps.stream().map(t -> t + 0.0).toList();
        boundaries = boundaries.stream().map(s -> s + 0.0).toList();
        if (timesteps.size() < 2 || timesteps.get(0) != 1.0 || timesteps.get(timesteps.size() - 1) != 0.0) {
            throw new IllegalArgumentException("timesteps must start at 1 and end at 0, these are " + timesteps);
        }
        requireDecreasing("timesteps", timesteps);
        if (boundaries.isEmpty() || boundaries.get(boundaries.size() - 1) != 0.0) {
            throw new IllegalArgumentException("the last phase's boundary must be 0, the boundaries are " + boundaries);
        }
        requireDecreasing("boundaries", boundaries);
        for (double s : boundaries) {
            if (!timesteps.contains(s) || s == 1.0) {
                throw new IllegalArgumentException(
                        "boundary " + s + " is not one of the timesteps after the first: " + timesteps);
            }
        }
    }

    private static void requireDecreasing(String what, List<Double> values) {
        for (int i = 1; i < values.size(); i++) {
            // Written so that NaN is refused too.
            if (!(values.get(i) < values.get(i - 1))) {
                throw new IllegalArgumentException(what + " must decrease strictly, these do not: " + values);
            }
        }
    }

    /** Number of phases K. */
    public int phaseCount() {
        return boundaries.size();
    }

    /** Phase {@code number}, counted from 1. */
    public Phase phase(int number) {
        if (number < 1 || number > phaseCount()) {
            throw new IllegalArgumentException(
                    "there is no phase " + number + ", the plan has phases 1 to " + phaseCount());
        }
        int from = number == 1 ? 0 : timesteps.indexOf(boundaries.get(number - 2));
        int to = timesteps.indexOf(boundaries.get(number - 1));
        return new Phase(number, timesteps.subList(from, to + 1));
    }

    /** All phases, noisiest first. */
    public List<Phase> phases() {
        List<Phase> phases = new ArrayList<>();
        for (int k = 1; k <= phaseCount(); k++) {
            phases.add(phase(k));
        }
        return phases;
    }
}
