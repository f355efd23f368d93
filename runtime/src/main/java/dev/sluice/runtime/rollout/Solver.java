package dev.sluice.runtime.rollout;

import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.objective.Linear;
import dev.sluice.runtime.schedule.NoiseSchedule;

/**
 * The one deterministic solver, for training rollouts and for serving: x_t' = α_t' x̂_0 + σ_t' ε̂ with both read off the
 * velocity. On rectified flow this is Euler's x_t + (t' − t)·v; on other schedules it is DDIM.
 *
 * @param ofSample a in x_t' = a·x_t + b·v, (α' + σ') / (α + σ)
 * @param ofVelocity b, σ' − a·σ
 */
public record Solver(double ofSample, double ofVelocity) {
    /** The step from {@code t} down to {@code to}. */
    public static Solver step(NoiseSchedule schedule, double t, double to) {
        double a = (schedule.alpha(to) + schedule.sigma(to)) / (schedule.alpha(t) + schedule.sigma(t));
        return new Solver(a, schedule.sigma(to) - a * schedule.sigma(t));
    }

    /** x_t' from x_t and the velocity there, all float32 [B, …]. */
    public Tensor apply(Tensor x, Tensor velocity) {
        return Linear.combine(ofSample, x, ofVelocity, velocity);
    }
}
