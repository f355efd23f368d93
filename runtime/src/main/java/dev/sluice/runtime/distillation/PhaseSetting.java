package dev.sluice.runtime.distillation;

import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.noise.Noise;
import dev.sluice.runtime.schedule.NoiseSchedule;
import dev.sluice.runtime.schedule.TimestepShift;

/** What generator and critic of one phase agree on: the plan, the recipe, and every draw as a function. */
public record PhaseSetting(PhasePlan plan, int number, Recipe recipe) {
    /** Uniform re-noise times end here, before the shift, where a generator batch is scored (algorithm.md). */
    private static final double LAST_SCORED = 0.98;

    /** The phase. */
    public PhasePlan.Phase phase() {
        return plan.phase(number);
    }

    /** Its boundary s. */
    public double s() {
        return phase().boundary();
    }

    public NoiseSchedule schedule() {
        return NoiseSchedule.of(recipe.schedule());
    }

    public Noise noise() {
        return new Noise(recipe.seed(), number);
    }

    /** Key of batch {@code index} of a cycle: 0..K−1 train the critic, K is scored. */
    long batchKey(int cycle, int index) {
        return (long) cycle * (recipe.criticUpdates() + 1) + index;
    }

    /** t of a critic batch, float64 [B], from the margin above s up to 1. */
    Tensor criticTimes(long key) {
        return times(Noise.Purpose.CRITIC_TIME, key, 1);
    }

    /** t of a scored batch, float64 [B], from the margin above s up to 0.98 (before the shift). */
    Tensor scoreTimes(long key) {
        return times(Noise.Purpose.SCORE_TIME, key, LAST_SCORED);
    }

    private Tensor times(Noise.Purpose purpose, long key, double last) {
        double first = TimestepShift.unshift(recipe.shift(), s()) + recipe.margin();
        double[] t = noise().uniform(purpose, key, recipe.batch());
        for (int i = 0; i < t.length; i++) {
            t[i] = TimestepShift.shift(recipe.shift(), first + t[i] * (last - first));
        }
        return Tensor.of(t, t.length);
    }
}
