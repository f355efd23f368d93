package dev.sluice.runtime.metric;

import dev.sluice.protocol.Tensor;
import java.util.Arrays;

/**
 * 2-Wasserstein distance between two sets of equally many points: the root of the mean squared distance under the best
 * one-to-one assignment, which is exact for the two empirical distributions.
 */
public final class Wasserstein {
    /** More than these take minutes. */
    public static final int MOST_POINTS = 2048;

    private Wasserstein() {}

    /**
     * By shortest augmenting paths (Jonker and Volgenant, 1987); O(n³), a few seconds for a thousand points.
     *
     * @param a FLOAT32 or FLOAT64 [n, …], n ≤ {@link #MOST_POINTS}; the axes after the first count as one
     * @param b of a's shape
     * @return NaN when any coordinate is not finite
     * @throws IllegalArgumentException when the shapes do not fit or there are too many points
     */
    public static double between(Tensor a, Tensor b) {
        Points x = Points.of("the first points", a);
        Points y = Points.of("the second points", b);
        x.sameSpace(y);
        int n = x.count();
        if (n != y.count() || n > MOST_POINTS) {
            throw new IllegalArgumentException("an assignment is between equally many points, at most " + MOST_POINTS
                    + ", not " + n + " and " + y.count() + ": take fewer");
        }
        if (!a.isFinite() || !b.isFinite()) {
            return Double.NaN;
        }
        double[][] cost = new double[n][n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                cost[i][j] = Math.pow(x.distance(i, y, j), 2);
            }
        }
        int[] rowOf = assign(cost);
        double sum = 0;
        for (int j = 0; j < n; j++) {
            sum += cost[rowOf[j]][j];
        }
        return Math.sqrt(sum / n);
    }

    /**
     * The cheapest perfect assignment: rows are taken in one after another, each along the path of least reduced cost to
     * a free column; the potentials keep reduced costs at 0 or above.
     *
     * @return the row of every column
     */
    private static int[] assign(double[][] cost) {
        int n = cost.length;
        double[] ofRow = new double[n];
        double[] ofColumn = new double[n + 1];
        int[] rowOf = new int[n + 1];
        Arrays.fill(rowOf, -1);
        int[] before = new int[n + 1];
        double[] least = new double[n + 1];
        boolean[] reached = new boolean[n + 1];
        for (int row = 0; row < n; row++) {
            // Column n stands for the row that is to be taken in.
            rowOf[n] = row;
            Arrays.fill(least, Double.POSITIVE_INFINITY);
            Arrays.fill(reached, false);
            int column = n;
            while (rowOf[column] >= 0) {
                reached[column] = true;
                int from = rowOf[column];
                int next = -1;
                for (int j = 0; j < n; j++) {
                    if (!reached[j]) {
                        double reduced = cost[from][j] - ofRow[from] - ofColumn[j];
                        if (reduced < least[j]) {
                            least[j] = reduced;
                            before[j] = column;
                        }
                        if (next < 0 || least[j] < least[next]) {
                            next = j;
                        }
                    }
                }
                double step = least[next];
                for (int j = 0; j <= n; j++) {
                    if (reached[j]) {
                        ofRow[rowOf[j]] += step;
                        ofColumn[j] -= step;
                    } else {
                        least[j] -= step;
                    }
                }
                column = next;
            }
            while (column != n) {
                rowOf[column] = rowOf[before[column]];
                column = before[column];
            }
        }
        return Arrays.copyOf(rowOf, n);
    }
}
