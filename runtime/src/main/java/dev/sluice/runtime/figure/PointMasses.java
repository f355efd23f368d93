package dev.sluice.runtime.figure;

import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.rollout.Solver;
import dev.sluice.runtime.schedule.NoiseSchedule;
import java.util.List;
import java.util.function.DoubleUnaryOperator;

/**
 * Data that are one of a few numbers with equal odds, on a line: everything about their diffusion is known in closed form.
 *
 * @param at where the data are
 */
record PointMasses(List<Double> at) {
    PointMasses {
        at = List.copyOf(at);
    }

    /** E[ε − x_0 | x_t], exactly. */
    double velocity(NoiseSchedule schedule, double xT, double t) {
        double alpha = schedule.alpha(t);
        double sigma = schedule.sigma(t);
        DoubleUnaryOperator exponent = x0 -> -Math.pow((xT - alpha * x0) / sigma, 2) / 2;
        // Relative to the largest, so that not all of them underflow.
        double most = at.stream().mapToDouble(exponent::applyAsDouble).max().orElseThrow();
        double total = 0;
        double data = 0;
        for (double x0 : at) {
            double odds = Math.exp(exponent.applyAsDouble(x0) - most);
            total += odds;
            data += odds * x0;
        }
        data /= total;
        return (xT - alpha * data) / sigma - data;
    }

    /** The trajectory of the exact velocity from {@code start} through {@code times}, decreasing. */
    double[] trajectory(NoiseSchedule schedule, double start, List<Double> times) {
        double[] path = new double[times.size()];
        path[0] = start;
        for (int i = 1; i < path.length; i++) {
            Solver step = Solver.step(schedule, times.get(i - 1), times.get(i));
            double velocity = velocity(schedule, path[i - 1], times.get(i - 1));
            path[i] = step.ofSample() * path[i - 1] + step.ofVelocity() * velocity;
        }
        return path;
    }

    /** The data of a batch, float32 [B, 1]; {@code which} is int64 [B], each below the number of points. */
    Tensor samples(long[] which) {
        float[] values = new float[which.length];
        for (int n = 0; n < values.length; n++) {
            values[n] = at.get((int) which[n]).floatValue();
        }
        return Tensor.of(values, values.length, 1);
    }
}
