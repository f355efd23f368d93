package dev.sluice.runtime.metric;

import dev.sluice.protocol.Tensor;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.EigenDecomposition_F64;

/**
 * Fréchet distance between the Gaussians that fit two sets of features (Heusel et al., 2017): |μ_a − μ_b|² + tr(Σ_a + Σ_b
 * − 2 (Σ_a Σ_b)^½), with unbiased covariances. Not its square root.
 *
 * <p>The estimate is biased upwards, the more so the fewer samples there are: compare values of equal n only.
 */
public final class FrechetDistance {
    private FrechetDistance() {}

    /**
     * @param a FLOAT32 or FLOAT64 [n, d], n ≥ 2
     * @param b the same with m ≥ 2
     * @return NaN when any feature is not finite
     * @throws IllegalArgumentException when the shapes do not fit
     */
    public static double between(Tensor a, Tensor b) {
        Points x = Points.of("the first features", a);
        Points y = Points.of("the second features", b);
        x.sameSpace(y);
        if (x.count() < 2 || y.count() < 2) {
            throw new IllegalArgumentException(
                    "a covariance needs two samples of each kind, not " + x.count() + " and " + y.count());
        }
        if (!a.isFinite() || !b.isFinite()) {
            return Double.NaN;
        }
        double[] meanX = mean(x);
        double[] meanY = mean(y);
        double distance = 0;
        for (int i = 0; i < meanX.length; i++) {
            distance += Math.pow(meanX[i] - meanY[i], 2);
        }
        DMatrixRMaj sigmaX = covariance(x, meanX);
        DMatrixRMaj sigmaY = covariance(y, meanY);
        return distance + CommonOps_DDRM.trace(sigmaX) + CommonOps_DDRM.trace(sigmaY) - 2 * traceOfRoot(sigmaX, sigmaY);
    }

    private static double[] mean(Points points) {
        double[] mean = new double[points.dimensions()];
        for (int i = 0; i < points.values().length; i++) {
            mean[i % mean.length] += points.values()[i] / points.count();
        }
        return mean;
    }

    private static DMatrixRMaj covariance(Points points, double[] mean) {
        int d = points.dimensions();
        DMatrixRMaj centred = new DMatrixRMaj(points.count(), d);
        for (int i = 0; i < points.values().length; i++) {
            centred.data[i] = points.values()[i] - mean[i % d];
        }
        DMatrixRMaj covariance = new DMatrixRMaj(d, d);
        CommonOps_DDRM.multTransA(1.0 / (points.count() - 1), centred, centred, covariance);
        return covariance;
    }

    /** tr (AB)^½ = tr (A^½ B A^½)^½, which is symmetric; rounding may take eigenvalues below 0. */
    private static double traceOfRoot(DMatrixRMaj a, DMatrixRMaj b) {
        DMatrixRMaj root = root(a);
        DMatrixRMaj half = new DMatrixRMaj(a.numRows, a.numRows);
        DMatrixRMaj whole = new DMatrixRMaj(a.numRows, a.numRows);
        CommonOps_DDRM.mult(root, b, half);
        CommonOps_DDRM.mult(half, root, whole);
        EigenDecomposition_F64<DMatrixRMaj> decomposed = decompose(whole, false);
        double trace = 0;
        for (int i = 0; i < a.numRows; i++) {
            trace += Math.sqrt(Math.max(0, decomposed.getEigenvalue(i).getReal()));
        }
        return trace;
    }

    /** A^½ = V diag(λ^½) Vᵀ. */
    private static DMatrixRMaj root(DMatrixRMaj symmetric) {
        int d = symmetric.numRows;
        EigenDecomposition_F64<DMatrixRMaj> decomposed = decompose(symmetric, true);
        DMatrixRMaj root = new DMatrixRMaj(d, d);
        for (int i = 0; i < d; i++) {
            DMatrixRMaj vector = decomposed.getEigenVector(i);
            double value = Math.sqrt(Math.max(0, decomposed.getEigenvalue(i).getReal()));
            CommonOps_DDRM.multAddTransB(value, vector, vector, root);
        }
        return root;
    }

    private static EigenDecomposition_F64<DMatrixRMaj> decompose(DMatrixRMaj symmetric, boolean vectors) {
        // Products are symmetric but for rounding, which the decomposition of symmetric matrices does not look at.
        EigenDecomposition_F64<DMatrixRMaj> decomposition =
                DecompositionFactory_DDRM.eig(symmetric.numRows, vectors, true);
        if (!decomposition.decompose(symmetric.copy())) {
            throw new ArithmeticException(
                    "the eigenvalues of a covariance of " + symmetric.numRows + " dimensions do not converge");
        }
        return decomposition;
    }
}
