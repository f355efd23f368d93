package dev.sluice.runtime.objective;

import static dev.sluice.runtime.objective.Linear.at;

import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.schedule.NoiseSchedule;
import java.util.Arrays;

/**
 * What a fake score regresses on when its data stand at x_s and not at x_0: Eq 11 and Eq 12. Their conditional means are
 * the velocity and the data of the whole process, which {@code ε − x_s} is not.
 */
public final class SubintervalTarget {
    private SubintervalTarget() {}

    /** Coefficient of ε in Eq 11, (α_s²σ_t + α_tσ_s²) / (α_s² σ_{t|s}): grows without bound as t falls to s. */
    public static double noiseCoefficient(NoiseSchedule schedule, double s, double t) {
        double alphaS2 = schedule.alpha(s) * schedule.alpha(s);
        double sigmaS2 = schedule.sigma(s) * schedule.sigma(s);
        return (alphaS2 * schedule.sigma(t) + schedule.alpha(t) * sigmaS2)
                / (alphaS2 * schedule.kernel(s, t).sigma());
    }

    /** Eq 11, the velocity target: noiseCoefficient·ε − x_s/α_s. */
    public static Tensor velocity(NoiseSchedule schedule, double s, Tensor t, Tensor xS, Tensor epsilon) {
        return Linear.combine(
                at(t, u -> noiseCoefficient(schedule, s, u)), epsilon, perSample(t, -1 / schedule.alpha(s)), xS);
    }

    /** Eq 12, the x_0 target: x_s/α_s − α_t σ_s² / (α_s² σ_{t|s})·ε. */
    public static Tensor data(NoiseSchedule schedule, double s, Tensor t, Tensor xS, Tensor epsilon) {
        double ratio = Math.pow(schedule.sigma(s) / schedule.alpha(s), 2);
        return Linear.combine(
                perSample(t, 1 / schedule.alpha(s)),
                xS,
                at(t, u -> -schedule.alpha(u) * ratio / schedule.kernel(s, u).sigma()),
                epsilon);
    }

    private static double[] perSample(Tensor t, double value) {
        double[] values = new double[t.size()];
        Arrays.fill(values, value);
        return values;
    }
}
