package dev.sluice.runtime.distillation;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.TwoExperts;
import dev.sluice.runtime.noise.Noise;
import dev.sluice.runtime.rollout.Rollout;
import dev.sluice.runtime.schedule.NoiseSchedule;
import dev.sluice.runtime.schedule.TimestepShift;
import java.util.List;
import java.util.Optional;

/**
 * What generator and critic of one phase agree on: the plan, the recipe, the teacher's shape, and every draw as a
 * function.
 *
 * <p>Where the teacher is made of two experts, the generator starts from the one that answers at the phase's timesteps,
 * and the fake from each that its re-noise times touch: the high-noise expert alone when that is
 * the generator's, for then those times stay above the boundary between the two; otherwise both.
 *
 * @param number of the phase, counted from 1
 * @param experts of the teacher; empty for a single network
 */
public record PhaseSetting(PhasePlan plan, int number, Recipe recipe, Optional<TwoExperts> experts) {
    /** Uniform re-noise times end here, before the shift, where a generator batch is scored; the critic's end at 1. */
    private static final double LAST_SCORED = 0.98;

    /**
     * Checks that they fit together.
     *
     * @throws IllegalArgumentException when the phase leaves no room to re-noise in, or has steps that the rollout
     *     cannot walk or that no one expert of the teacher answers at
     */
    public PhaseSetting {
        PhasePlan.Phase phase = plan.phase(number);
        Rollout.Path.of(recipe.rollout(), phase, 0);
        experts.ifPresent(two -> requireOneSide(phase, two));
        double lowest = lowest(phase, experts);
        double first = firstTime(phase, recipe, lowest);
        double last = lastTime(phase, recipe, LAST_SCORED);
        if (!(first < last)) {
            throw new IllegalArgumentException("phase " + number + " ends at " + phase.boundary()
                    + ", which with shift " + recipe.shift() + " and margin " + recipe.margin()
                    + " leaves no time to score its samples at (before the shift, " + first + " to " + last
                    + "): lower the boundary or the margin, or raise the shift"
                    + (lowest > phase.boundary() ? "; the teacher's own boundary is " + lowest : ""));
        }
    }

    /** The setting under a teacher that is a single network. */
    public PhaseSetting(PhasePlan plan, int number, Recipe recipe) {
        this(plan, number, recipe, Optional.empty());
    }

    /** The same under another teacher. */
    PhaseSetting under(Optional<TwoExperts> others) {
        return new PhaseSetting(plan, number, recipe, others);
    }

    private static void requireOneSide(PhasePlan.Phase phase, TwoExperts experts) {
        List<Double> evaluated = phase.timesteps().subList(0, phase.steps());
        if (experts.isHighNoise(phase.start()) && !experts.isHighNoise(evaluated.get(evaluated.size() - 1))) {
            double cut = evaluated.stream()
                    .filter(t -> !experts.isHighNoise(t))
                    .findFirst()
                    .orElseThrow();
            throw new IllegalArgumentException("phase " + phase.number() + " evaluates its network at " + evaluated
                    + ", but the teacher has one expert from 1 to " + experts.boundary()
                    + " and another below, and a phase starts from one of them: cut the phase at " + cut
                    + ", by adding that to the boundaries");
        }
    }

    /** The file that the generator starts from. */
    ExpertRef generatorStart(ExpertRef teacher) {
        return experts.map(two -> two.isHighNoise(phase().start()) ? two.highNoise() : two.lowNoise())
                .orElse(teacher);
    }

    /** The file that the fake starts from: one network where one expert covers all re-noise times. */
    ExpertRef fakeStart(ExpertRef teacher) {
        return experts.filter(two -> two.isHighNoise(phase().start()))
                .map(TwoExperts::highNoise)
                .orElse(teacher);
    }

    /** No re-noise time is below this: the phase's boundary, or that of the one expert it uses. */
    private static double lowest(PhasePlan.Phase phase, Optional<TwoExperts> experts) {
        return experts.filter(two -> two.isHighNoise(phase.start()))
                .map(two -> Math.max(phase.boundary(), two.boundary()))
                .orElse(phase.boundary());
    }

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

    private Tensor times(Noise.Purpose purpose, long key, double most) {
        double lowest = lowest(phase(), experts);
        double first = firstTime(phase(), recipe, lowest);
        double last = lastTime(phase(), recipe, most);
        double[] t = noise().uniform(purpose, key, recipe.batch());
        for (int i = 0; i < t.length; i++) {
            // The shift there and back may round to just below.
            t[i] = Math.max(lowest, TimestepShift.shift(recipe.shift(), first + t[i] * (last - first)));
        }
        return Tensor.of(t, t.length);
    }

    /**
     * Where re-noise times begin, before the shift: the margin above the phase's boundary, where the target's noise
     * grows without bound, and not below the lowest.
     */
    private static double firstTime(PhasePlan.Phase phase, Recipe recipe, double lowest) {
        return Math.max(
                TimestepShift.unshift(recipe.shift(), phase.boundary()) + recipe.margin(),
                TimestepShift.unshift(recipe.shift(), lowest));
    }

    /** Where they end: intervals are nested, up to {@code most} in every phase, unless that is ablated. */
    private static double lastTime(PhasePlan.Phase phase, Recipe recipe, double most) {
        return recipe.ablation() == Recipe.Ablation.DISJOINT_INTERVALS
                ? Math.min(most, TimestepShift.unshift(recipe.shift(), phase.start()))
                : most;
    }

    /**
     * Refuses a teacher of another forward process than the recipe's: nothing later would notice, and nothing would be
     * learnt.
     */
    void requireTeacher(NetworkCard card) {
        if (card.schedule() != recipe.schedule()) {
            throw new IllegalArgumentException("the teacher was trained on the schedule " + card.schedule()
                    + ", the recipe says " + recipe.schedule() + ": set the recipe's schedule to the teacher's");
        }
    }

    /** Refuses the expert of an earlier phase that was made from another kind of teacher, place or timesteps. */
    void requireExpert(int number, NetworkCard card, NetworkCard teacher) {
        PhasePlan.Phase phase = plan.phase(number);
        if (card.schedule() != teacher.schedule()
                || !card.sampleShape().equals(teacher.sampleShape())
                || !card.classNames().equals(teacher.classNames())) {
            throw new IllegalArgumentException("the expert of phase " + number + " makes samples of shape "
                    + card.sampleShape() + " of " + card.classNames().size() + " classes on the schedule "
                    + card.schedule() + ", the teacher of shape " + teacher.sampleShape() + " of "
                    + teacher.classNames().size() + " classes on " + teacher.schedule()
                    + ": it is of another teacher; distil that phase again");
        }
        if (card.phase() != number || !card.timesteps().equals(phase.timesteps())) {
            throw new IllegalArgumentException("phase " + number + " of the plan has timesteps " + phase.timesteps()
                    + ", its expert was trained as phase " + card.phase() + " with " + card.timesteps()
                    + ": distil that phase again, or go back to the plan it was trained with");
        }
    }
}
