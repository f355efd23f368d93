package dev.sluice.runtime.metric;

import dev.sluice.protocol.Tensor;

/**
 * Energy distance between two distributions, from samples: D = 2 E|X − Y| − E|X − X'| − E|Y − Y'| with Euclidean
 * distances, zero exactly when the distributions are equal (Székely and Rizzo, "Energy statistics", 2013). Not its
 * square root.
 */
public final class EnergyDistance {
    private EnergyDistance() {}

    /**
     * The unbiased estimate: the means within a set leave a point's distance to itself out. Its expectation does not
     * depend on the numbers of samples; in exchange it may fall slightly below 0 when the distributions are (nearly)
     * equal. Costs (n + m)² distances, on the calling thread, in double precision.
     *
     * @param a FLOAT32 or FLOAT64 [n, …], n ≥ 2; the axes after the first count as one
     * @param b the same with m ≥ 2
     * @return NaN when any sample is not finite
     * @throws IllegalArgumentException when the shapes do not fit
     */
    public static double between(Tensor a, Tensor b) {
        Points x = Points.of("the first samples", a);
        Points y = Points.of("the second samples", b);
        x.sameSpace(y);
        if (x.count() < 2 || y.count() < 2) {
            throw new IllegalArgumentException(
                    "an energy distance needs two samples of each kind, not " + x.count() + " and " + y.count());
        }
        if (!a.isFinite() || !b.isFinite()) {
            return Double.NaN;
        }
        return 2 * across(x, y) - within(x) - within(y);
    }

    private static double across(Points x, Points y) {
        double sum = 0;
        for (int i = 0; i < x.count(); i++) {
            double row = 0;
            for (int j = 0; j < y.count(); j++) {
                row += x.distance(i, y, j);
            }
            sum += row;
        }
        return sum / x.count() / y.count();
    }

    private static double within(Points x) {
        double sum = 0;
        for (int i = 1; i < x.count(); i++) {
            double row = 0;
            for (int j = 0; j < i; j++) {
                row += x.distance(i, x, j);
            }
            sum += row;
        }
        return 2 * sum / x.count() / (x.count() - 1);
    }
}
