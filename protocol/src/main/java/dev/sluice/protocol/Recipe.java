package dev.sluice.protocol;

import java.util.Objects;

/**
 * Everything that decides the numbers of a distillation, apart from the teacher and the {@link PhasePlan}: two runs
 * with equal recipes on one machine type give equal weights.
 *
 * @param seed of every noise the run draws
 * @param batch samples in a batch
 * @param criticUpdates critic updates before each generator update (K)
 * @param guidance weight w of the teacher's classifier-free guidance, v = v_uncond + w·(v_cond − v_uncond); 1 is none
 * @param margin how far above the boundary, before the shift, the re-noise time starts
 * @param shift κ of the timestep shift t' = κt / (1 + (κ−1)t) applied to the re-noise time; 1 is none
 * @param emaDecay of the generator's published average
 * @param staleness cycles the generator may run ahead of its gradients
 * @param ablation a part of the method that is left out, to measure what it is for
 */
public record Recipe(
        long seed,
        int batch,
        int criticUpdates,
        double guidance,
        Schedule schedule,
        Rollout rollout,
        Normaliser normaliser,
        CriticWeighting criticWeighting,
        double margin,
        double shift,
        AdamWSettings generatorOptimizer,
        AdamWSettings criticOptimizer,
        double emaDecay,
        int staleness,
        Ablation ablation) {

    /** Which α_t and σ_t the forward process has. */
    public enum Schedule {
        RECTIFIED_FLOW,
        VARIANCE_PRESERVING
    }

    /** How a generator walks through its phase, and through which steps the gradient flows (Fig 1). */
    public enum Rollout {
        /** The phase has one step; it carries the gradient. */
        ONE_STEP,
        /** Stochastic gradient truncation: a random step j, 0..j−1 without gradient, then a jump to the phase's end. */
        SGTS,
        /** Every step of the phase, with gradient through all. */
        FULL
    }

    /** How the score difference is scaled into the gradient on x_s. */
    public enum Normaliser {
        /** Eq 10's own weight. */
        KL,
        /** x_0 form over the mean absolute distance within one sample; for images. */
        PER_SAMPLE,
        /** The same with the mean over the whole batch; for 1-D and 2-D data. */
        BATCH
    }

    /** Weight of the critic's regression in t; any positive one leaves the fake score unbiased. */
    public enum CriticWeighting {
        /** Eq 13: clamp(1/σ_{t|s}², 0, 10) on the σ-scaled error. */
        CLAMPED,
        /** 1/c², c the coefficient of ε in Eq 11: the target's noise has unit variance. */
        UNIT_VARIANCE
    }

    /** A part of the method that is left out on purpose. */
    public enum Ablation {
        NONE,
        /** Re-noise times of a phase end where the phase before it ended, instead of at 1 (the paper's Fig 10). */
        DISJOINT_INTERVALS,
        /** The fake score regresses on ε − x_s, which is biased, instead of Eq 11 (Fig 2c). */
        WRONG_TARGET
    }

    public Recipe {
        Objects.requireNonNull(schedule, "schedule is missing");
        Objects.requireNonNull(rollout, "rollout is missing");
        Objects.requireNonNull(normaliser, "normaliser is missing");
        Objects.requireNonNull(criticWeighting, "critic-weighting is missing");
        Objects.requireNonNull(generatorOptimizer, "generator-optimizer is missing");
        Objects.requireNonNull(criticOptimizer, "critic-optimizer is missing");
        Objects.requireNonNull(ablation, "ablation is missing");
        require(batch >= 1 && batch <= 65_536, "batch", batch, "between 1 and 65536");
        require(criticUpdates >= 1 && criticUpdates <= 1000, "critic-updates", criticUpdates, "between 1 and 1000");
        require(guidance >= 0 && guidance < 1000, "guidance", guidance, "at least 0 and below 1000; 1 is no guidance");
        require(margin > 0 && margin < 0.5, "margin", margin, "in (0, 0.5)");
        require(shift > 0 && shift < 1000, "shift", shift, "positive and below 1000; 1 is no shift");
        require(emaDecay >= 0 && emaDecay < 1, "ema", emaDecay, "in [0, 1)");
        require(staleness >= 0 && staleness <= 64, "staleness", staleness, "between 0 and 64");
    }

    private static void require(boolean holds, String key, Object value, String mend) {
        if (!holds) {
            throw new IllegalArgumentException(key + " = " + value + " must be " + mend);
        }
    }
}
