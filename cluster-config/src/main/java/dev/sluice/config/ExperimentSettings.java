package dev.sluice.config;

import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import java.nio.file.Path;
import java.util.List;

/**
 * What is distilled, and how: section {@code experiment}.
 *
 * @param name of the run and of the model over HTTP
 * @param teacher TorchScript file, absolute; whether it is there is checked by {@link Settings#load}, not here,
 *     because a finished run can be served without it
 * @param method a name for boundaries and rollout, which it then sets: one phase with the budget of all, the phases
 *     that the boundaries make, or one for every step
 * @param plan keys {@code timesteps} and {@code boundaries}
 * @param cycles budget of every phase, in generator updates
 * @param teacherSteps solver steps over the whole schedule when the teacher itself serves
 * @param snapshotEvery cycles between two sheets of teacher, critic and generator side by side; 0 for none
 * @param gridSamples samples drawn after every phase, classes in turn; 0 for none
 * @param gridColumns of the sheet that shows them: with as many as there are classes, each gets a column; 0 makes it
 *     near-square
 */
public record ExperimentSettings(
        String name,
        Path teacher,
        Method method,
        PhasePlan plan,
        List<Integer> cycles,
        Recipe recipe,
        int teacherSteps,
        int snapshotEvery,
        int gridSamples,
        int gridColumns) {
    /** Re-noise times before the shift are drawn below this where a generator batch is scored. */
    private static final double HIGHEST_RENOISE_TIME = 0.98;

    private static final int MOST_CYCLES = 10_000_000;

    public ExperimentSettings {
        cycles = List.copyOf(cycles);
        Limits limits = new Limits("experiment");
        limits.require(
                name.matches("[a-z0-9][a-z0-9._-]{0,62}"),
                "name",
                '"' + name + '"',
                "must be 1 to 63 lower-case letters, digits, dots, dashes and underscores: it names the model over"
                        + " HTTP");
        limits.requireTogether(
                cycles.size() == plan.phaseCount(),
                "cycles",
                cycles,
                "must have one entry for each of the " + plan.phaseCount() + " phases that the boundaries "
                        + plan.boundaries() + " make");
        int wrong = 0;
        while (wrong < cycles.size() && cycles.get(wrong) >= 1 && cycles.get(wrong) <= MOST_CYCLES) {
            wrong++;
        }
        // The first, because each is told with all of them.
        limits.require(
                wrong == cycles.size(),
                "cycles",
                cycles,
                "must be between 1 and " + MOST_CYCLES + " in every phase; phase " + (wrong + 1) + " has "
                        + (wrong == cycles.size() ? "" : cycles.get(wrong)));
        limits.requireTogether(
                method.fits(plan, recipe.rollout()),
                "method",
                Scalars.key(method),
                "must go with "
                        + (method.isOnePhase()
                                ? "one phase and "
                                : method.isOneStepAPhase() ? "phases of one step and " : "")
                        + "recipe.rollout = "
                        + Scalars.key(method.rollout()) + ", not with boundaries " + plan.boundaries()
                        + " and recipe.rollout = " + Scalars.key(recipe.rollout())
                        + "; leave those to it, or write method = as-configured");
        limits.within("teacher-steps", teacherSteps, 1, 10_000);
        limits.within("snapshot-every", snapshotEvery, 0, 10_000_000);
        limits.within("grid-samples", gridSamples, 0, 65_536);
        limits.within("grid-columns", gridColumns, 0, 1024);
        for (PhasePlan.Phase phase : plan.phases()) {
            requireRollout(limits, phase, recipe);
            requireRenoiseInterval(limits, phase, recipe);
        }
        limits.refuse();
    }

    private static void requireRollout(Limits limits, PhasePlan.Phase phase, Recipe recipe) {
        limits.requireTogether(
                recipe.rollout() != Recipe.Rollout.ONE_STEP || phase.steps() == 1,
                "recipe.rollout",
                "one-step",
                "must have phases of one step each, phase " + phase.number() + " has " + phase.steps()
                        + "; write sgts or full, or cut the phase at every timestep");
    }

    /** The re-noise time is drawn from [unshifted s + margin, 0.98], which must not be empty. */
    private static void requireRenoiseInterval(Limits limits, PhasePlan.Phase phase, Recipe recipe) {
        double s = phase.boundary();
        double unshifted = unshifted(s, recipe);
        double last = recipe.ablation() == Recipe.Ablation.DISJOINT_INTERVALS
                ? Math.min(HIGHEST_RENOISE_TIME, unshifted(phase.start(), recipe))
                : HIGHEST_RENOISE_TIME;
        limits.requireTogether(
                unshifted + recipe.margin() < last,
                "recipe.margin",
                recipe.margin(),
                "must leave room for re-noising above the boundary " + s + " of phase " + phase.number()
                        + ", which is " + unshifted + " before the shift; the times end at " + last
                        + ", so take a smaller margin or lower that boundary");
    }

    /** The time that the shift κ takes to t: t = κu / (1 + (κ−1)u) solved for u. */
    private static double unshifted(double t, Recipe recipe) {
        return t / (recipe.shift() - (recipe.shift() - 1) * t);
    }
}
