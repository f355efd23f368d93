package dev.sluice.runtime.objective;

import static dev.sluice.runtime.objective.Linear.at;

import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.Recipe.Normaliser;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.schedule.NoiseSchedule;
import java.util.Arrays;

/**
 * The distribution-matching gradient on x_s, Eq 10 and its normalised forms: points from what the fake score believes
 * to what the teacher believes.
 */
public final class ScoreGradient {
    /** Below this mean distance a normaliser stops growing: the generator already agrees with the teacher. */
    private static final double FLOOR = 1e-4;

    private ScoreGradient() {}

    /** Eq 10's weight w = α_t α_{t|s} / (α_t σ_t + σ_t²); the chain rule's α_{t|s} is inside. */
    public static double klWeight(NoiseSchedule schedule, double s, double t) {
        double alpha = schedule.alpha(t);
        double sigma = schedule.sigma(t);
        return alpha * schedule.kernel(s, t).alpha() / (alpha * sigma + sigma * sigma);
    }

    /**
     * The gradient of the mean loss over the batch with respect to x_s.
     *
     * @param teacher T(x_t, t) with guidance, float32 [B, …]
     * @param fake F(x_t, t), float32 [B, …]
     * @return float32 [B, …]
     */
    public static Tensor of(
            Normaliser normaliser, NoiseSchedule schedule, double s, NoisySamples noisy, Tensor teacher, Tensor fake) {
        Tensor t = noisy.t();
        int batch = t.size();
        if (normaliser == Normaliser.KL) {
            double[] w = at(t, u -> klWeight(schedule, s, u) / batch);
            return Linear.combine(w, teacher, negated(w), fake);
        }
        Tensor real = Velocity.toData(schedule, noisy.xT(), t, teacher);
        Tensor believed = Velocity.toData(schedule, noisy.xT(), t, fake);
        double[] distance = meanDistance(noisy.x0(), real);
        if (normaliser == Normaliser.BATCH) {
            double mean = 0;
            for (double d : distance) {
                mean += d / batch;
            }
            Arrays.fill(distance, mean);
        }
        double[] scale = new double[batch];
        for (int n = 0; n < batch; n++) {
            // Mean over elements and samples, as the published per-sample losses have it.
            scale[n] = 1 / (Math.max(distance[n], FLOOR) * real.size());
        }
        return Linear.combine(scale, believed, negated(scale), real);
    }

    /** mean |a − b| within each sample, [B]. */
    private static double[] meanDistance(Tensor a, Tensor b) {
        int stride = a.sampleSize();
        double[] distance = new double[a.dim(0)];
        for (int n = 0, i = 0; n < distance.length; n++) {
            double sum = 0;
            for (int end = i + stride; i < end; i++) {
                sum += Math.abs((double) a.floatAt(i) - b.floatAt(i));
            }
            distance[n] = sum / stride;
        }
        return distance;
    }

    private static double[] negated(double[] values) {
        double[] out = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            out[i] = -values[i];
        }
        return out;
    }
}
