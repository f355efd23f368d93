package dev.sluice.runtime.schedule;

/** α_t = 1 − t, σ_t = t: the schedule of flow matching, and the default. */
final class RectifiedFlow implements NoiseSchedule {
    static final RectifiedFlow INSTANCE = new RectifiedFlow();

    private RectifiedFlow() {}

    @Override
    public double alpha(double t) {
        return 1 - t;
    }

    @Override
    public double timeOf(double alpha) {
        return 1 - alpha;
    }

    @Override
    public double sigma(double t) {
        return t;
    }
}
