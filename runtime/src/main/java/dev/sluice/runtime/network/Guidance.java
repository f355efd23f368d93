package dev.sluice.runtime.network;

import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.objective.Linear;
import java.util.Arrays;

/** Classifier-free guidance in this project's convention: v = v_uncond + w·(v_cond − v_uncond); w = 1 is none. */
public final class Guidance {
    private Guidance() {}

    /** Network evaluations behind one guided velocity. */
    public static int evaluations(double weight) {
        return weight == 1 ? 1 : 2;
    }

    /**
     * The guided velocity in one batched call, conditional and unconditional halves together.
     *
     * @param x float32 [B, …]
     * @param t float64 [B]
     * @param labels int64 [B]
     */
    public static Tensor velocity(Network network, double weight, Tensor x, Tensor t, Tensor labels) {
        if (weight == 1) {
            return network.velocity(x, t, labels);
        }
        int batch = t.size();
        long[] withNull = Arrays.copyOf(labels.toLongs(), 2 * batch);
        Arrays.fill(withNull, batch, 2 * batch, network.card().nullLabel());
        long[] shape = x.shape();
        shape[0] = 2L * batch;
        Tensor both = network.velocity(
                Tensor.owning(twice(x.toFloats()), shape),
                Tensor.of(twice(t.toDoubles()), 2L * batch),
                Tensor.of(withNull, 2L * batch));
        return Linear.combine(weight, both.rows(0, batch), 1 - weight, both.rows(batch, 2 * batch));
    }

    private static float[] twice(float[] values) {
        float[] out = Arrays.copyOf(values, 2 * values.length);
        System.arraycopy(values, 0, out, values.length, values.length);
        return out;
    }

    private static double[] twice(double[] values) {
        double[] out = Arrays.copyOf(values, 2 * values.length);
        System.arraycopy(values, 0, out, values.length, values.length);
        return out;
    }
}
