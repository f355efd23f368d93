package dev.sluice.runtime.metric;

import dev.sluice.protocol.Tensor;
import java.util.Arrays;

/**
 * Fidelity and coverage apart (Kynkäänniemi et al., "Improved precision and recall", 2019): each set's manifold is the
 * union of balls around its samples that reach to the k-th nearest other one.
 *
 * @param precision share of the generated samples that lie in the real ones' manifold
 * @param recall share of the real samples that lie in the generated ones' manifold; samples far from everything have
 *     large balls and raise it
 * @param coverage share of the real balls with a generated sample inside (Naeem et al., "Reliable fidelity and diversity
 *     metrics", 2020), which such samples do not raise
 */
public record PrecisionRecall(double precision, double recall, double coverage) {
    /** k of the paper. */
    public static final int NEIGHBOURS = 3;

    /**
     * Costs n² + m² + nm distances, on the calling thread: a second or so for 2,000 of 64 dimensions.
     *
     * @param real features [n, d], n above k
     * @param generated features [m, d], m above k
     * @param k at least 1
     * @return NaN for all when any feature is not finite
     * @throws IllegalArgumentException when the shapes do not fit or there are not enough samples
     */
    public static PrecisionRecall between(Tensor real, Tensor generated, int k) {
        Points r = Points.of("the real features", real);
        Points g = Points.of("the generated features", generated);
        r.sameSpace(g);
        if (k < 1 || r.count() <= k || g.count() <= k) {
            throw new IllegalArgumentException("the " + k + " nearest neighbours of " + r.count() + " and " + g.count()
                    + " samples: there must be at least one, and more samples of each kind");
        }
        if (!real.isFinite() || !generated.isFinite()) {
            return new PrecisionRecall(Double.NaN, Double.NaN, Double.NaN);
        }
        double[] reach = radii(r, k);
        return new PrecisionRecall(within(g, r, reach), within(r, g, radii(g, k)), covered(r, reach, g));
    }

    /** Distance of every point to its k-th nearest other one. */
    private static double[] radii(Points points, int k) {
        double[] radii = new double[points.count()];
        double[] distances = new double[points.count() - 1];
        for (int i = 0; i < radii.length; i++) {
            for (int j = 0, at = 0; j < radii.length; j++) {
                if (j != i) {
                    distances[at++] = points.distance(i, points, j);
                }
            }
            Arrays.sort(distances);
            radii[i] = distances[k - 1];
        }
        return radii;
    }

    /** The share of the balls around {@code centres} that hold any of {@code points}. */
    private static double covered(Points centres, double[] radii, Points points) {
        int covered = 0;
        for (int i = 0; i < radii.length; i++) {
            for (int j = 0; j < points.count(); j++) {
                if (centres.distance(i, points, j) <= radii[i]) {
                    covered++;
                    break;
                }
            }
        }
        return (double) covered / radii.length;
    }

    /** The share of {@code points} in any of the balls around {@code centres}. */
    private static double within(Points points, Points centres, double[] radii) {
        int inside = 0;
        for (int i = 0; i < points.count(); i++) {
            for (int j = 0; j < radii.length; j++) {
                if (points.distance(i, centres, j) <= radii[j]) {
                    inside++;
                    break;
                }
            }
        }
        return (double) inside / points.count();
    }
}
