package dev.sluice.runtime.network;

import dev.sluice.protocol.Tensor;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Which rows of a batch go to which of two experts, by their times. An expert sees its rows in their order, in one call,
 * and a batch that is one expert's alone goes to it as it is.
 */
final class Routing {
    /** A network's evaluation of some rows. */
    @FunctionalInterface
    interface Evaluation<T> {
        T of(Tensor x, Tensor t, Tensor labels);
    }

    private final int[] high;
    private final int[] low;

    private Routing(int[] high, int[] low) {
        this.high = high;
        this.low = low;
    }

    static Routing of(TwoExperts experts, Tensor t) {
        return new Routing(
                IntStream.range(0, t.size())
                        .filter(row -> experts.isHighNoise(t.doubleAt(row)))
                        .toArray(),
                IntStream.range(0, t.size())
                        .filter(row -> !experts.isHighNoise(t.doubleAt(row)))
                        .toArray());
    }

    /** The high-noise expert's evaluation of its rows; null when it has none. */
    <T> T high(Evaluation<T> evaluation, Tensor x, Tensor t, Tensor labels) {
        return evaluate(high, evaluation, x, t, labels);
    }

    /** The low-noise expert's. */
    <T> T low(Evaluation<T> evaluation, Tensor x, Tensor t, Tensor labels) {
        return evaluate(low, evaluation, x, t, labels);
    }

    private <T> T evaluate(int[] rows, Evaluation<T> evaluation, Tensor x, Tensor t, Tensor labels) {
        if (rows.length == 0) {
            return null;
        }
        return rows.length == high.length + low.length
                ? evaluation.of(x, t, labels)
                : evaluation.of(
                        pick(rows, x),
                        Tensor.of(Arrays.stream(rows).mapToDouble(t::doubleAt).toArray(), rows.length),
                        Tensor.of(Arrays.stream(rows).mapToLong(labels::longAt).toArray(), rows.length));
    }

    /** The high-noise expert's rows of a float32 [B, …]. */
    Tensor ofHigh(Tensor x) {
        return low.length == 0 ? x : pick(high, x);
    }

    /** The low-noise expert's. */
    Tensor ofLow(Tensor x) {
        return high.length == 0 ? x : pick(low, x);
    }

    private static Tensor pick(int[] rows, Tensor x) {
        int stride = x.sampleSize();
        float[] picked = new float[rows.length * stride];
        for (int i = 0; i < picked.length; i++) {
            picked[i] = x.floatAt(rows[i / stride] * stride + i % stride);
        }
        long[] shape = x.shape();
        shape[0] = rows.length;
        return Tensor.owning(picked, shape);
    }

    /** One batch again; a part that has no rows may be null. */
    Tensor merge(Tensor ofHigh, Tensor ofLow) {
        if (low.length == 0) {
            return ofHigh;
        }
        if (high.length == 0) {
            return ofLow;
        }
        int stride = ofHigh.sampleSize();
        float[] all = new float[ofHigh.size() + ofLow.size()];
        put(all, high, ofHigh, stride);
        put(all, low, ofLow, stride);
        long[] shape = ofHigh.shape();
        shape[0] = (long) high.length + low.length;
        return Tensor.owning(all, shape);
    }

    private static void put(float[] all, int[] rows, Tensor from, int stride) {
        for (int i = 0; i < from.size(); i++) {
            all[rows[i / stride] * stride + i % stride] = from.floatAt(i);
        }
    }
}
