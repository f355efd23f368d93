package dev.sluice.runtime.teacher;

import dev.sluice.protocol.AdamWSettings;

/**
 * How a teacher is trained.
 *
 * @param steps optimizer steps
 * @param batch samples a step
 * @param times how t is drawn
 * @param labelDropout share of samples whose class is hidden, which is what guidance later leans on; 0 to 1
 * @param mirror whether each image is flipped left to right with probability ½
 * @param warmup steps over which the rate rises to the optimizer's, before the cosine takes it to zero
 * @param averageDecay of the weights that are kept
 */
public record FlowMatchingSettings(
        long seed,
        int steps,
        int batch,
        Times times,
        double labelDropout,
        boolean mirror,
        int warmup,
        AdamWSettings optimizer,
        double averageDecay) {
    /** Distribution of t in training. */
    public enum Times {
        UNIFORM,
        /** t = 1 / (1 + e^−z), z standard normal: more often in the middle, where the work is. */
        LOGIT_NORMAL
    }

    public FlowMatchingSettings {
        require(steps >= 1, "steps", steps, "1 or more");
        require(batch >= 1 && batch <= 65_536, "batch", batch, "between 1 and 65536");
        require(labelDropout >= 0 && labelDropout <= 1, "label-dropout", labelDropout, "between 0 and 1");
        require(warmup >= 0 && warmup < steps, "warmup", warmup, "0 or more and below the steps");
        require(averageDecay >= 0 && averageDecay < 1, "ema", averageDecay, "in [0, 1)");
    }

    private static void require(boolean holds, String key, Object value, String mend) {
        if (!holds) {
            throw new IllegalArgumentException(key + " = " + value + " must be " + mend);
        }
    }

    /** The rate of step {@code step}, counted from 0: a linear rise, then half a cosine down to zero. */
    public double learningRate(int step) {
        double peak = optimizer.learningRate();
        if (step < warmup) {
            return peak * (step + 1) / warmup;
        }
        return peak * 0.5 * (1 + Math.cos(Math.PI * (step - warmup) / (steps - warmup)));
    }
}
