package dev.sluice.runtime.schedule;

/** The timestep shift t' = κt / (1 + (κ−1)t), which moves times towards the noise for κ &gt; 1. */
public final class TimestepShift {
    private TimestepShift() {}

    /** t' of {@code t} in [0, 1] for κ = {@code kappa} &gt; 0. */
    public static double shift(double kappa, double t) {
        // The denominator is 1 + (κ−1)t in a form that gives exactly 1 at t = 1.
        return kappa * t / (kappa * t + (1 - t));
    }

    /** The t whose shift is {@code shifted}. */
    public static double unshift(double kappa, double shifted) {
        return shifted / (kappa - (kappa - 1) * shifted);
    }
}
