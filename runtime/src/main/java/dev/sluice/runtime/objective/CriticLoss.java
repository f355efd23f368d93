package dev.sluice.runtime.objective;

import static dev.sluice.runtime.objective.Linear.at;

import dev.sluice.protocol.Recipe.CriticWeighting;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.schedule.NoiseSchedule;
import java.util.Arrays;

/**
 * The critic's weighted regression on {@link SubintervalTarget#velocity}, mean over samples and elements.
 *
 * @param value the loss
 * @param gradient of the loss with respect to the prediction, float32 of its shape
 */
public record CriticLoss(double value, Tensor gradient) {
    /**
     * Weight on the squared velocity error at t. {@code CLAMPED} is Eq 13 with its σ_{t|s}² drawn out of the norm:
     * clamp(1/σ², 0, 10)·σ² = min(1, 10σ²). {@code UNIT_VARIANCE} is 1/c², c the coefficient of ε in Eq 11.
     */
    public static double weight(CriticWeighting weighting, NoiseSchedule schedule, double s, double t) {
        return switch (weighting) {
            case CLAMPED -> {
                double sigma = schedule.kernel(s, t).sigma();
                yield Math.min(1, 10 * sigma * sigma);
            }
            case UNIT_VARIANCE -> Math.pow(SubintervalTarget.noiseCoefficient(schedule, s, t), -2);
        };
    }

    /**
     * Eq 13 (or its unit-variance sibling) for a prediction F(x_t, t).
     *
     * @param prediction float32 [B, …]
     * @param t float64 [B], each above s
     */
    public static CriticLoss of(
            CriticWeighting weighting,
            NoiseSchedule schedule,
            double s,
            Tensor t,
            Tensor prediction,
            Tensor xS,
            Tensor epsilon) {
        return weighted(
                at(t, u -> weight(weighting, schedule, s, u)),
                prediction,
                SubintervalTarget.velocity(schedule, s, t, xS, epsilon));
    }

    /** The unweighted regression on ε − x_0. */
    public static CriticLoss plain(Tensor prediction, Tensor x0, Tensor epsilon) {
        double[] ones = new double[prediction.dim(0)];
        Arrays.fill(ones, 1);
        return plain(ones, prediction, x0, epsilon);
    }

    /**
     * The regression on ε − x_0, with which teachers are trained.
     *
     * @param weight on the squared velocity error of each sample, [B]
     */
    public static CriticLoss plain(double[] weight, Tensor prediction, Tensor x0, Tensor epsilon) {
        return weighted(weight, prediction, Linear.combine(1, epsilon, -1, x0));
    }

    private static CriticLoss weighted(double[] weight, Tensor prediction, Tensor target) {
        int stride = prediction.sampleSize();
        float[] gradient = new float[prediction.size()];
        double sum = 0;
        double perElement = 1.0 / prediction.size();
        for (int n = 0, i = 0; n < weight.length; n++) {
            double ofSample = 0;
            for (int end = i + stride; i < end; i++) {
                double error = (double) prediction.floatAt(i) - target.floatAt(i);
                ofSample += error * error;
                gradient[i] = (float) (2 * weight[n] * error * perElement);
            }
            sum += weight[n] * ofSample;
        }
        return new CriticLoss(sum * perElement, Tensor.owning(gradient, prediction.shape()));
    }
}
