package dev.sluice.runtime.noise;

import dev.sluice.protocol.Tensor;

/**
 * Noise as a function, not a state: every draw is a pure function of (seed, stream, step, index),
 * index counting the samples of a global batch. Recovery needs no random state, placement does not change results, and n
 * replicas that draw their own rows draw the one global batch.
 *
 * <p>Immutable and thread-safe. Same bits on every machine.
 *
 * @param seed of the run
 * @param phase 0 where there are none; at most 65535
 */
public record Noise(long seed, int phase) {
    /** What a draw is for: streams of different purposes never share a block. */
    public enum Purpose {
        /** Class labels of a rollout. */
        ROLLOUT_LABEL,
        /** x_1 of a rollout. */
        ROLLOUT_START,
        /** Which step of the phase carries the gradient. */
        ROLLOUT_STEP,
        /** t at which the critic trains. */
        CRITIC_TIME,
        /** ε that takes the critic's samples to t. */
        CRITIC_NOISE,
        /** t at which a generator batch is scored. */
        SCORE_TIME,
        /** ε that takes a generator batch to t. */
        SCORE_NOISE,
        /** Which data a teacher's batch holds. */
        DATA_INDEX,
        /** Which images of a teacher's batch are mirrored. */
        DATA_AUGMENT,
        /** Whose label is hidden. */
        DATA_DROPOUT,
        /** t of a teacher's batch. */
        DATA_TIME,
        /** ε that takes a teacher's batch to t. */
        DATA_NOISE,
        /** Initial weights. */
        WEIGHT,
        /** x_1 of a served sample; its seed is the request's. */
        SERVING
    }

    private static final double TWO_TO_MINUS_32 = 0x1p-32;

    public Noise {
        if (phase < 0 || phase > 0xFFFF) {
            throw new IllegalArgumentException("there is no noise for phase " + phase + ": phases are 0 to 65535");
        }
    }

    /**
     * Standard normal noise, float32 of {@code shape}; row i depends on the key and i alone.
     *
     * @param step below 2^40; what counts it is the purpose's
     */
    public Tensor gaussian(Purpose purpose, long step, long... shape) {
        return gaussianFrom(0, purpose, step, shape);
    }

    /** {@link #gaussian} for rows {@code firstIndex}, {@code firstIndex} + 1, … of the global batch. */
    public Tensor gaussianFrom(int firstIndex, Purpose purpose, long step, long... shape) {
        int rows = (int) shape[0];
        int perRow = 1;
        for (int i = 1; i < shape.length; i++) {
            perRow = Math.multiplyExact(perRow, (int) shape[i]);
        }
        float[] values = new float[Math.multiplyExact(rows, perRow)];
        int[] block = new int[4];
        for (int row = 0; row < rows; row++) {
            int at = row * perRow;
            int end = at + perRow;
            for (int b = 0; at < end; b++) {
                block(purpose, step, firstIndex + row, b, block);
                for (int i = 0; i < 4 && at < end; i++) {
                    values[at++] = (float) NormalQuantile.of(unit(block[i]));
                }
            }
        }
        return Tensor.owning(values, shape);
    }

    /** Uniform in (0, 1), one for every row. */
    public double[] uniform(Purpose purpose, long step, int rows) {
        double[] values = new double[rows];
        int[] block = new int[4];
        for (int row = 0; row < rows; row++) {
            block(purpose, step, row, 0, block);
            values[row] = unit(block[0]);
        }
        return values;
    }

    /** Integers uniform in [0, bound), one for every row. */
    public long[] integers(Purpose purpose, long step, int rows, int bound) {
        double[] unit = uniform(purpose, step, rows);
        long[] values = new long[rows];
        for (int row = 0; row < rows; row++) {
            values[row] = (long) (unit[row] * bound);
        }
        return values;
    }

    private static double unit(int bits) {
        return ((bits & 0xFFFFFFFFL) + 0.5) * TWO_TO_MINUS_32;
    }

    private void block(Purpose purpose, long step, int index, int block, int[] out) {
        if (step < 0 || step >= 1L << 40) {
            throw new IllegalArgumentException("there is no noise for step " + step + ": steps are 0 to 2^40 - 1");
        }
        // 128 bits of counter: 32 of block, 32 of sample, then step (40), purpose (8) and phase (16).
        int low = (int) step;
        int high = (int) (step >>> 32) << 24 | purpose.ordinal() << 16 | phase;
        Philox.block(block, index, low, high, (int) seed, (int) (seed >>> 32), out);
    }
}
