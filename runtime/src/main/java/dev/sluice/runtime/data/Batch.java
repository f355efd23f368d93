package dev.sluice.runtime.data;

import dev.sluice.protocol.DType;
import dev.sluice.protocol.Tensor;

/**
 * Samples with their classes.
 *
 * @param x FLOAT32 [B, …]; images are [B, C, H, W] in [−1, 1]
 * @param labels INT64 [B]; all 0 where the data has no classes
 */
public record Batch(Tensor x, Tensor labels) {
    public Batch {
        if (x.dtype() != DType.FLOAT32 || x.rank() < 2) {
            throw new IllegalArgumentException("a batch's samples must be FLOAT32 [B, …], not " + x);
        }
        if (labels.dtype() != DType.INT64 || labels.rank() != 1 || labels.dim(0) != x.dim(0)) {
            throw new IllegalArgumentException(
                    "the labels of samples " + x + " must be INT64 [" + x.dim(0) + "], not " + labels);
        }
    }

    /** B. */
    public int size() {
        return x.dim(0);
    }

    /**
     * This batch of images with the chosen ones mirrored left to right: the augmentation for things that look the same
     * in a mirror. Who draws the choice decides what it is reproducible from.
     *
     * @param which one flag a sample; true mirrors it
     * @throws IllegalArgumentException when the samples are not images or the flags are not one a sample
     */
    public Batch mirrored(boolean[] which) {
        if (x.rank() != 4) {
            throw new IllegalArgumentException("only images [B, C, H, W] can be mirrored, not " + x);
        }
        if (which.length != size()) {
            throw new IllegalArgumentException(which.length + " flags for a batch of " + size() + " images");
        }
        float[] values = x.toFloats();
        int width = x.dim(3);
        int stride = x.sampleSize();
        for (int i = 0; i < which.length; i++) {
            if (which[i]) {
                for (int row = i * stride; row < (i + 1) * stride; row += width) {
                    reverse(values, row, row + width - 1);
                }
            }
        }
        return new Batch(Tensor.owning(values, x.shape()), labels);
    }

    private static void reverse(float[] values, int left, int right) {
        for (int l = left, r = right; l < r; l++, r--) {
            float v = values[l];
            values[l] = values[r];
            values[r] = v;
        }
    }
}
