package dev.sluice.runtime.metric;

import dev.sluice.protocol.DType;
import dev.sluice.protocol.Tensor;

/** Rows of a tensor as doubles, and the distance between them. */
record Points(int count, int dimensions, double[] values) {
    /** @param what how a message calls it */
    static Points of(String what, Tensor tensor) {
        if (tensor.rank() < 2 || tensor.dtype() == DType.INT64 || tensor.size() == 0) {
            throw new IllegalArgumentException(what + " must be floating-point [n, …] with n ≥ 1, not " + tensor);
        }
        double[] values;
        if (tensor.dtype() == DType.FLOAT64) {
            values = tensor.toDoubles();
        } else {
            values = new double[tensor.size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = tensor.floatAt(i);
            }
        }
        return new Points(tensor.dim(0), tensor.sampleSize(), values);
    }

    /** Refuses points of another space. */
    void sameSpace(Points other) {
        if (dimensions != other.dimensions) {
            throw new IllegalArgumentException("points of " + dimensions + " dimensions cannot be compared with points"
                    + " of " + other.dimensions);
        }
    }

    /** Euclidean distance from point {@code i} to point {@code j} of {@code other}. */
    double distance(int i, Points other, int j) {
        double sum = 0;
        int a = i * dimensions;
        int b = j * dimensions;
        for (int d = 0; d < dimensions; d++) {
            double difference = values[a + d] - other.values[b + d];
            sum += difference * difference;
        }
        return Math.sqrt(sum);
    }
}
