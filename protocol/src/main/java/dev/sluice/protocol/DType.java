package dev.sluice.protocol;

/** Element types a {@link Tensor} may have. Closed on purpose: anything else is refused at the wire. */
public enum DType {
    /** Samples, velocities, gradients. */
    FLOAT32(4),
    /** Times and other quantities whose coefficients are computed in double. */
    FLOAT64(8),
    /** Class labels. */
    INT64(8);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes an element takes, in memory and on the wire. */
    public int bytes() {
        return bytes;
    }
}
