package dev.sluice.runtime.objective;

import static dev.sluice.runtime.objective.Linear.at;

import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.schedule.NoiseSchedule;

/** Eq 2: takes samples from the boundary s up to t. */
public final class Renoise {
    private Renoise() {}

    /** x_t = α_{t|s} x_s + σ_{t|s} ε, each sample at its own t &gt; s. */
    public static Tensor to(NoiseSchedule schedule, double s, Tensor t, Tensor xS, Tensor epsilon) {
        return Linear.combine(
                at(t, u -> schedule.kernel(s, u).alpha()),
                xS,
                at(t, u -> schedule.kernel(s, u).sigma()),
                epsilon);
    }

    /** The ε that took {@code xS} to {@code xT}: Eq 2 solved for it. */
    public static Tensor noiseBetween(NoiseSchedule schedule, double s, Tensor t, Tensor xS, Tensor xT) {
        return Linear.combine(
                at(t, u -> 1 / schedule.kernel(s, u).sigma()), xT, at(t, u -> -ratio(schedule.kernel(s, u))), xS);
    }

    private static double ratio(NoiseSchedule.Kernel kernel) {
        return kernel.alpha() / kernel.sigma();
    }
}
