package dev.sluice.runtime.objective;

import dev.sluice.protocol.Tensor;
import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;

/**
 * a_n·x + b_n·y with one pair of coefficients a sample: the shape of Eq 2, 5, 10, 11 and 12 alike. Coefficients and
 * arithmetic in double, the result rounded once.
 */
public final class Linear {
    private Linear() {}

    /** One coefficient a sample, computed from its time. */
    public static double[] at(Tensor t, DoubleUnaryOperator coefficient) {
        double[] values = new double[t.size()];
        for (int n = 0; n < values.length; n++) {
            values[n] = coefficient.applyAsDouble(t.doubleAt(n));
        }
        return values;
    }

    /**
     * a_n·x_n + b_n·y_n.
     *
     * @param a [B]
     * @param x float32 [B, …]
     * @param b [B]
     * @param y float32, of x's shape
     */
    public static Tensor combine(double[] a, Tensor x, double[] b, Tensor y) {
        requireSameShape(x, y);
        int stride = x.sampleSize();
        float[] out = new float[x.size()];
        for (int n = 0, i = 0; n < x.dim(0); n++) {
            for (int end = i + stride; i < end; i++) {
                out[i] = (float) (a[n] * x.floatAt(i) + b[n] * y.floatAt(i));
            }
        }
        return Tensor.owning(out, x.shape());
    }

    /** a·x + b·y with the same two coefficients for every sample. */
    public static Tensor combine(double a, Tensor x, double b, Tensor y) {
        requireSameShape(x, y);
        float[] out = new float[x.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) (a * x.floatAt(i) + b * y.floatAt(i));
        }
        return Tensor.owning(out, x.shape());
    }

    /** a·x. */
    public static Tensor scale(double a, Tensor x) {
        float[] out = new float[x.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) (a * x.floatAt(i));
        }
        return Tensor.owning(out, x.shape());
    }

    private static void requireSameShape(Tensor x, Tensor y) {
        if (!Arrays.equals(x.shape(), y.shape())) {
            throw new IllegalArgumentException("shapes differ: " + x + " and " + y);
        }
    }
}
