package dev.sluice.runtime.data;

import dev.sluice.protocol.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;

/**
 * Equal mixture of round Gaussians: data whose distribution is known exactly. Sample i is a function of the seed and i,
 * the same on every machine.
 */
public final class Mixture implements Dataset {
    private final int dimensions;
    /** Row-major, one centre after another. */
    private final double[] centres;

    private final double sigma;
    private final double spacing;
    private final long key;

    private Mixture(int dimensions, double[] centres, double sigma, double spacing, long seed) {
        if (!(sigma >= 0 && Double.isFinite(sigma))) {
            throw new IllegalArgumentException("sigma = " + sigma + " must be 0 or more, and finite");
        }
        this.dimensions = dimensions;
        this.centres = centres;
        this.sigma = sigma;
        this.spacing = spacing;
        // One draw scatters neighbouring seeds, so that their samples do not share keys.
        this.key = new SplittableRandom(seed).nextLong();
    }

    /**
     * The 1-D points −1, 0, 1, 2 (the data of the paper's Fig 2).
     *
     * @param sigma standard deviation about each point; 0 gives the points themselves
     */
    public static Mixture line(double sigma, long seed) {
        return new Mixture(1, new double[] {-1, 0, 1, 2}, sigma, 1, seed);
    }

    /** The 2-D grid of 5×5 Gaussians with spacing 0.8 and σ 0.06, centred at 0. */
    public static Mixture grid(long seed) {
        double[] centres = new double[50];
        for (int mode = 0; mode < 25; mode++) {
            centres[2 * mode] = 0.8 * (mode % 5 - 2);
            centres[2 * mode + 1] = 0.8 * (mode / 5 - 2);
        }
        return new Mixture(2, centres, 0.06, 0.8, seed);
    }

    /** The modes, FLOAT64 [modes, dimensions]. */
    public Tensor centres() {
        return Tensor.of(centres, modes(), dimensions);
    }

    /** Number of modes. */
    public int modes() {
        return centres.length / dimensions;
    }

    /** Standard deviation of each mode along each axis. */
    public double sigma() {
        return sigma;
    }

    /**
     * Distance from a centre within which a generated sample counts as that mode's: 3σ, but at least a tenth of the
     * spacing, since no generator hits a point of width zero.
     */
    public double modeRadius() {
        return Math.max(3 * sigma, spacing / 10);
    }

    @Override
    public int size() {
        return Integer.MAX_VALUE;
    }

    @Override
    public List<Integer> sampleShape() {
        return List.of(dimensions);
    }

    @Override
    public List<String> classNames() {
        return List.of();
    }

    @Override
    public Batch batch(int[] indices) {
        float[] x = new float[Math.multiplyExact(indices.length, dimensions)];
        for (int i = 0; i < indices.length; i++) {
            SplittableRandom random = new SplittableRandom(key + Objects.checkIndex(indices[i], size()));
            int mode = random.nextInt(modes());
            for (int d = 0; d < dimensions; d++) {
                x[i * dimensions + d] = (float) (centres[mode * dimensions + d] + sigma * gaussian(random));
            }
        }
        long[] shape = {indices.length, dimensions};
        return new Batch(Tensor.owning(x, shape), Tensor.of(new long[indices.length], indices.length));
    }

    /** Box–Muller in StrictMath: the library's own gaussian may change with the Java version. */
    private static double gaussian(SplittableRandom random) {
        double radius = StrictMath.sqrt(-2 * StrictMath.log(1 - random.nextDouble()));
        return radius * StrictMath.cos(2 * Math.PI * random.nextDouble());
    }

    @Override
    public String toString() {
        return "mixture of " + modes() + " modes in " + dimensions + "-D, sigma " + sigma + ", centres "
                + Arrays.toString(centres);
    }
}
