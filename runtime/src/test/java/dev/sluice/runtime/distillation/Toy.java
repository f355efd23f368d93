package dev.sluice.runtime.distillation;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Recipe.CriticWeighting;
import dev.sluice.protocol.Recipe.Normaliser;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.FormulaNetworks.Term;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.noise.Noise;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A distillation small enough to be followed by hand: points of two coordinates and two classes. */
final class Toy {
    /** Steps 1 → 0.5 → 0.25 of phase 1 and 0.25 → 0 of phase 2. */
    static final PhasePlan PLAN = new PhasePlan(List.of(1.0, 0.5, 0.25, 0.0), List.of(0.25, 0.0));

    /** One step a phase. */
    static final PhasePlan SINGLE_STEPS = new PhasePlan(List.of(1.0, 0.5, 0.0), List.of(0.5, 0.0));

    static final NetworkCard CARD =
            new NetworkCard(List.of(2), List.of("a", "b"), Recipe.Schedule.RECTIFIED_FLOW, 0, List.of(), Map.of());

    static final Map<Term, Double> WEIGHTS =
            Map.of(Term.X, 0.6, Term.T_X, -0.4, Term.SINE_X, 0.8, Term.ONE, 0.2, Term.LABEL, -0.3);

    static final double GENERATOR_RATE = 0.05;
    static final double CRITIC_RATE = 0.02;
    static final double EMA = 0.75;

    private Toy() {}

    static Recipe recipe(Recipe.Rollout rollout, long seed) {
        return recipe(rollout, seed, Normaliser.KL, CriticWeighting.CLAMPED, 0.02, 1);
    }

    /** Batches of 8 and two critic updates a cycle. */
    static Recipe recipe(
            Recipe.Rollout rollout,
            long seed,
            Normaliser normaliser,
            CriticWeighting weighting,
            double margin,
            double shift) {
        return new Recipe(
                seed,
                8,
                2,
                1,
                Recipe.Schedule.RECTIFIED_FLOW,
                rollout,
                normaliser,
                weighting,
                margin,
                shift,
                AdamWSettings.ofPaper(GENERATOR_RATE),
                AdamWSettings.ofPaper(CRITIC_RATE),
                EMA,
                0,
                Recipe.Ablation.NONE);
    }

    /** The recipe with a part of the method left out. */
    static Recipe without(Recipe.Ablation ablation, Recipe whole) {
        return new Recipe(
                whole.seed(),
                whole.batch(),
                whole.criticUpdates(),
                whole.guidance(),
                whole.schedule(),
                whole.rollout(),
                whole.normaliser(),
                whole.criticWeighting(),
                whole.margin(),
                whole.shift(),
                whole.generatorOptimizer(),
                whole.criticOptimizer(),
                whole.emaDecay(),
                whole.staleness(),
                ablation);
    }

    /** A gradient or batch that has nothing to do with the run's own draws. */
    static Tensor gaussian(long step) {
        return new Noise(99, 0).gaussian(Noise.Purpose.SERVING, step, 8, 2);
    }

    static Tensor full(float value) {
        float[] values = new float[16];
        Arrays.fill(values, value);
        return Tensor.of(values, 8, 2);
    }

    static Map<Term, Double> byTerm(Map<String, Tensor> weights) {
        Map<Term, Double> byTerm = new HashMap<>();
        weights.forEach((name, value) -> byTerm.put(Term.valueOf(name), value.doubleAt(0)));
        return byTerm;
    }
}
