package dev.sluice.runtime.schedule;

import dev.sluice.protocol.Recipe;

/**
 * The forward process p(x_t | x_0) = N(α_t x_0, σ_t² I), t ∈ [0, 1], with a signal-to-noise ratio that falls strictly
 * in t. Pure functions in double.
 */
public interface NoiseSchedule {
    /** α_t, the share of the data. */
    double alpha(double t);

    /** σ_t, the share of the noise. */
    double sigma(double t);

    /** The time whose share of the data is {@code alpha}, in [0, 1]. */
    double timeOf(double alpha);

    /** The schedule a recipe names. */
    static NoiseSchedule of(Recipe.Schedule kind) {
        return switch (kind) {
            case RECTIFIED_FLOW -> RectifiedFlow.INSTANCE;
            case VARIANCE_PRESERVING -> VariancePreserving.INSTANCE;
        };
    }

    /**
     * The kernel from s up to t, Eq 2: x_t = α x_s + σ ε, a fresh diffusion and not the ODE run backwards.
     *
     * @param alpha α_{t|s} = α_t / α_s
     * @param sigma σ_{t|s}, its square σ_t² − α_{t|s}² σ_s²
     */
    record Kernel(double alpha, double sigma) {}

    /** The kernel of Eq 2 for 0 ≤ s &lt; t ≤ 1. */
    default Kernel kernel(double s, double t) {
        if (!(s >= 0 && s < t && t <= 1)) {
            throw new IllegalArgumentException("a kernel needs 0 <= s < t <= 1, not s = " + s + ", t = " + t);
        }
        double alpha = alpha(t) / alpha(s);
        // σ_t² − α²σ_s² as a product: the difference of two nearly equal squares would lose digits as t nears s, and
        // could round to something negative.
        double below = alpha * sigma(s);
        return new Kernel(alpha, Math.sqrt((sigma(t) - below) * (sigma(t) + below)));
    }
}
