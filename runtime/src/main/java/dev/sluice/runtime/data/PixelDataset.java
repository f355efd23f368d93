package dev.sluice.runtime.data;

import dev.sluice.protocol.Tensor;
import java.util.List;
import java.util.Objects;

/**
 * Images held as bytes, one a channel value: a quarter of the floats' memory, and a table turns them into floats as
 * fast as a copy would.
 */
final class PixelDataset implements Dataset {
    /** Most bytes of pixels that are read into memory. */
    static final int MAX_BYTES = 1 << 30;

    /** Longest side of an image. */
    static final int MAX_SIDE = 4096;

    /** Byte v stands for v/127.5 − 1: 0 is −1, 255 is 1. */
    private static final float[] LEVELS = new float[256];

    static {
        for (int v = 0; v < LEVELS.length; v++) {
            LEVELS[v] = (float) (v / 127.5 - 1);
        }
    }

    private final List<Integer> sampleShape;
    private final List<String> classNames;
    private final byte[] pixels;
    private final int[] labels;
    private final int stride;

    /**
     * Takes both arrays over.
     *
     * @param pixels of all images, each channel by channel, row by row
     * @param labels one an image
     */
    PixelDataset(int channels, int height, int width, List<String> classNames, byte[] pixels, int[] labels) {
        this.sampleShape = List.of(channels, height, width);
        this.classNames = List.copyOf(classNames);
        this.stride = channels * height * width;
        this.pixels = pixels;
        this.labels = labels;
    }

    @Override
    public int size() {
        return labels.length;
    }

    @Override
    public List<Integer> sampleShape() {
        return sampleShape;
    }

    @Override
    public List<String> classNames() {
        return classNames;
    }

    @Override
    public Batch batch(int[] indices) {
        float[] x = new float[Math.multiplyExact(indices.length, stride)];
        long[] chosen = new long[indices.length];
        int at = 0;
        for (int i = 0; i < indices.length; i++) {
            int index = Objects.checkIndex(indices[i], labels.length);
            chosen[i] = labels[index];
            int from = index * stride;
            for (int k = from; k < from + stride; k++) {
                x[at++] = LEVELS[pixels[k] & 0xff];
            }
        }
        Tensor samples = Tensor.owning(x, indices.length, sampleShape.get(0), sampleShape.get(1), sampleShape.get(2));
        return new Batch(samples, Tensor.of(chosen, indices.length));
    }
}
