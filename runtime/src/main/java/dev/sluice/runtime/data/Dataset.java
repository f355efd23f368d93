package dev.sluice.runtime.data;

import java.util.List;

/**
 * Samples that are read by index. Immutable, so any number of threads may draw from one; the same indices give the same
 * bytes at any time and on any machine.
 */
public interface Dataset {
    /** Number of samples; indices run from 0 to it, exclusive. A synthetic set has {@link Integer#MAX_VALUE}. */
    int size();

    /** Of one sample: channels, height, width of an image, or the dimensions of a point. */
    List<Integer> sampleShape();

    /** The classes, in the order of their labels; empty where there are none. */
    List<String> classNames();

    /**
     * The samples at {@code indices}, in that order; an index may repeat.
     *
     * @throws IndexOutOfBoundsException when an index is not below {@link #size()}
     */
    Batch batch(int[] indices);
}
