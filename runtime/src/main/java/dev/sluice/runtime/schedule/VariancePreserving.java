package dev.sluice.runtime.schedule;

/**
 * The trigonometric variance-preserving schedule α_t = cos(πt/2), σ_t = sin(πt/2), so that α² + σ² = 1 (the "cosine"
 * schedule in continuous time).
 */
final class VariancePreserving implements NoiseSchedule {
    static final VariancePreserving INSTANCE = new VariancePreserving();

    private VariancePreserving() {}

    @Override
    public double alpha(double t) {
        // cos(π/2) is 6e-17 in double; the data's share at t = 1 is exactly none.
        return t == 1 ? 0 : StrictMath.cos(Math.PI / 2 * t);
    }

    @Override
    public double timeOf(double alpha) {
        return 2 / Math.PI * StrictMath.acos(alpha);
    }

    @Override
    public double sigma(double t) {
        return StrictMath.sin(Math.PI / 2 * t);
    }

    /** The general form's difference rounds to no noise at all for the smallest steps; this product does not. */
    @Override
    public Kernel kernel(double s, double t) {
        Kernel general = NoiseSchedule.super.kernel(s, t);
        double variance = StrictMath.sin(Math.PI / 2 * (t - s)) * StrictMath.sin(Math.PI / 2 * (t + s));
        return new Kernel(general.alpha(), Math.sqrt(variance) / alpha(s));
    }
}
