package dev.sluice.runtime.objective;

import static dev.sluice.runtime.objective.Linear.at;

import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.schedule.NoiseSchedule;

/**
 * What a velocity ψ = E[ε − x_0 | x_t] says of the data, the noise and the score. Any two of (x_t, x_0, ε, v, score)
 * give the others: x_t = α x_0 + σ ε and v = ε − x_0.
 */
public final class Velocity {
    private Velocity() {}

    /** E[x_0 | x_t] = (x_t − σ v) / (α + σ). */
    public static Tensor toData(NoiseSchedule schedule, Tensor xT, Tensor t, Tensor velocity) {
        return Linear.combine(
                at(t, u -> 1 / (schedule.alpha(u) + schedule.sigma(u))),
                xT,
                at(t, u -> -schedule.sigma(u) / (schedule.alpha(u) + schedule.sigma(u))),
                velocity);
    }

    /** E[ε | x_t] = (x_t + α v) / (α + σ). */
    public static Tensor toNoise(NoiseSchedule schedule, Tensor xT, Tensor t, Tensor velocity) {
        return Linear.combine(
                at(t, u -> 1 / (schedule.alpha(u) + schedule.sigma(u))),
                xT,
                at(t, u -> schedule.alpha(u) / (schedule.alpha(u) + schedule.sigma(u))),
                velocity);
    }

    /** Eq 5: v = −x_t/α_t − (σ_t + σ_t²/α_t)·∇log p(x_t); needs α_t &gt; 0, that is t &lt; 1. */
    public static Tensor fromScore(NoiseSchedule schedule, Tensor xT, Tensor t, Tensor score) {
        return Linear.combine(
                at(t, u -> -1 / schedule.alpha(u)), xT, at(t, u -> -spread(schedule, u) / schedule.alpha(u)), score);
    }

    /** Eq 5 the other way round: ∇log p(x_t) = −(x_t + α_t v) / (α_tσ_t + σ_t²); needs t &gt; 0. */
    public static Tensor toScore(NoiseSchedule schedule, Tensor xT, Tensor t, Tensor velocity) {
        return Linear.combine(
                at(t, u -> -1 / spread(schedule, u)),
                xT,
                at(t, u -> -schedule.alpha(u) / spread(schedule, u)),
                velocity);
    }

    /** α_tσ_t + σ_t². */
    private static double spread(NoiseSchedule schedule, double t) {
        return schedule.sigma(t) * (schedule.alpha(t) + schedule.sigma(t));
    }
}
