package dev.sluice.protocol;

/**
 * One committed cycle: K critic updates and one generator update.
 *
 * @param phase counted from 1
 * @param cycle counted from 0 in each phase
 * @param gradientMagnitude mean |gradient on x_s|: how hard the teacher still pulls
 * @param gradientNorm of the generator's parameters, before clipping; NaN when the step was skipped
 * @param stepped false when the generator's step was skipped because the gradient was not finite
 */
public record CycleReport(
        int phase, int cycle, CriticReport critic, double gradientMagnitude, double gradientNorm, boolean stepped) {}
