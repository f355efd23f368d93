package dev.sluice.protocol;

/**
 * AdamW with global-norm clipping.
 *
 * @param clipNorm the gradient's L2 norm over all parameters is scaled down to this; infinity for none
 */
public record AdamWSettings(
        double learningRate, double beta1, double beta2, double epsilon, double weightDecay, double clipNorm) {
    public AdamWSettings {
        require(
                learningRate > 0 && Double.isFinite(learningRate),
                "learning-rate",
                learningRate,
                "positive and finite");
        require(beta1 >= 0 && beta1 < 1, "beta1", beta1, "in [0, 1)");
        require(beta2 >= 0 && beta2 < 1, "beta2", beta2, "in [0, 1)");
        require(epsilon > 0 && Double.isFinite(epsilon), "epsilon", epsilon, "positive and finite");
        require(weightDecay >= 0 && Double.isFinite(weightDecay), "weight-decay", weightDecay, "0 or more and finite");
        require(clipNorm > 0, "clip-norm", clipNorm, "positive");
    }

    private static void require(boolean holds, String key, double value, String mend) {
        if (!holds) {
            throw new IllegalArgumentException(key + " = " + value + " must be " + mend);
        }
    }

    /** The paper's β = (0, 0.999) and weight decay 0.01, with clipping at 1. */
    public static AdamWSettings ofPaper(double learningRate) {
        return new AdamWSettings(learningRate, 0, 0.999, 1e-8, 0.01, 1);
    }
}
