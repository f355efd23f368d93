package dev.sluice.runtime.metric;

import dev.sluice.protocol.Tensor;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * How different two samples of one class are, by the paper's protocol: the mean over all pairs of a class, then over the
 * classes. A generator that has collapsed makes the same image for every seed.
 *
 * <p>Labels may be −1 throughout, which is one class. All are NaN when any value is not finite. Cost: all pairs within a
 * class, on the calling thread.
 */
public final class Diversity {
    private static final int[] SCALES = {1, 2, 4};

    private Diversity() {}

    /**
     * Mean pairwise cosine of features; lower is more diverse. A sample whose features are all 0 has cosine 0 to any.
     *
     * @param features floating-point [n, d]
     * @param labels [n]
     * @throws IllegalArgumentException when a class has fewer than two samples
     */
    public static double cosine(Tensor features, long[] labels) {
        Points points = Points.of("the features", features);
        int d = points.dimensions();
        double[] unit = points.values().clone();
        for (int i = 0; i < points.count(); i++) {
            double square = 0;
            for (int k = i * d; k < (i + 1) * d; k++) {
                square += unit[k] * unit[k];
            }
            double norm = Math.sqrt(square);
            for (int k = i * d; k < (i + 1) * d; k++) {
                unit[k] = norm == 0 ? 0 : unit[k] / norm;
            }
        }
        return overClasses(features, labels, (i, j) -> {
            double product = 0;
            for (int k = 0; k < d; k++) {
                product += unit[i * d + k] * unit[j * d + k];
            }
            return product;
        });
    }

    /**
     * Mean pairwise root mean square difference; higher is more diverse.
     *
     * @param samples floating-point [n, …]
     */
    public static double pixel(Tensor samples, long[] labels) {
        Points points = Points.of("the samples", samples);
        double scale = 1 / Math.sqrt(points.dimensions());
        return overClasses(samples, labels, (i, j) -> points.distance(i, points, j) * scale);
    }

    /**
     * {@link #pixel}, averaged over the images as they are and with squares of 2×2 and 4×4 pixels averaged: coarse
     * differences count more than noise and small shifts.
     *
     * @param images float32 [n, C, H, W], sides divisible by 4
     */
    public static double multiScale(Tensor images, long[] labels) {
        return Arrays.stream(SCALES)
                .mapToDouble(scale -> pixel(pooled(images, scale), labels))
                .average()
                .orElseThrow();
    }

    /**
     * The share of the diversity that {@code baseline} lost against the teacher and {@code value} did not: 0 at the
     * baseline, 1 at the teacher, more beyond. Meaningless where the two are equal: infinite or NaN.
     */
    public static double recovered(double teacher, double baseline, double value) {
        return (value - baseline) / (teacher - baseline);
    }

    private static Tensor pooled(Tensor images, int scale) {
        if (images.rank() != 4 || images.dim(2) % scale != 0 || images.dim(3) % scale != 0) {
            throw new IllegalArgumentException(
                    "images must be [n, C, H, W] with sides that " + scale + " divides, not " + images);
        }
        int height = images.dim(2) / scale;
        int width = images.dim(3) / scale;
        int planes = images.dim(0) * images.dim(1);
        double[] sums = new double[planes * height * width];
        int at = 0;
        for (int plane = 0; plane < planes; plane++) {
            for (int y = 0; y < images.dim(2); y++) {
                for (int x = 0; x < images.dim(3); x++) {
                    sums[(plane * height + y / scale) * width + x / scale] += images.floatAt(at++);
                }
            }
        }
        float[] means = new float[sums.length];
        for (int i = 0; i < means.length; i++) {
            means[i] = (float) (sums[i] / (scale * scale));
        }
        return Tensor.owning(means, images.dim(0), images.dim(1), height, width);
    }

    @FunctionalInterface
    private interface Pair {
        double of(int i, int j);
    }

    private static double overClasses(Tensor samples, long[] labels, Pair pair) {
        if (labels.length != samples.dim(0)) {
            throw new IllegalArgumentException(labels.length + " labels for " + samples.dim(0) + " samples");
        }
        if (!samples.isFinite()) {
            return Double.NaN;
        }
        return Arrays.stream(labels)
                .distinct()
                .mapToDouble(label -> overPairs(label, labels, pair))
                .average()
                .orElseThrow();
    }

    private static double overPairs(long label, long[] labels, Pair pair) {
        int[] members = IntStream.range(0, labels.length)
                .filter(i -> labels[i] == label)
                .toArray();
        if (members.length < 2) {
            throw new IllegalArgumentException("class " + label + " has " + members.length
                    + " sample; how different two are needs two: draw more samples");
        }
        double sum = 0;
        for (int i = 1; i < members.length; i++) {
            for (int j = 0; j < i; j++) {
                sum += pair.of(members[i], members[j]);
            }
        }
        return 2 * sum / members.length / (members.length - 1);
    }
}
