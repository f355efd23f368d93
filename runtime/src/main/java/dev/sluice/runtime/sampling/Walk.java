package dev.sluice.runtime.sampling;

import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.Guidance;
import dev.sluice.runtime.noise.Noise;
import java.util.Arrays;
import java.util.List;

/**
 * One batch on its way from noise to samples, a network call at a time, so that whoever drives it can stop between two.
 * Used by the mixture's thread alone; owns nothing native.
 */
public final class Walk {
    private final List<Mixture.Step> steps;
    private final int rows;
    private final Tensor labels;
    private Tensor x;
    private int next;

    Walk(ModelCard card, List<Mixture.Step> steps, long[] seeds, long[] labels, int padTo) {
        if (seeds.length == 0 || seeds.length != labels.length || padTo < seeds.length) {
            throw new IllegalArgumentException(
                    "no batch of " + padTo + " rows from " + seeds.length + " seeds and " + labels.length + " labels");
        }
        this.steps = steps;
        this.rows = seeds.length;
        this.labels = labels(card, labels, padTo);
        this.x = noise(card, seeds, padTo);
    }

    private static Tensor labels(ModelCard card, long[] labels, int padTo) {
        int classes = card.classNames().size();
        long[] all = new long[padTo];
        for (int row = 0; row < padTo; row++) {
            long label = labels[Math.min(row, labels.length - 1)];
            if (label < -1 || label >= classes) {
                throw new IllegalArgumentException(
                        "label " + label + " is neither −1 (no class) nor one of " + classes + " classes");
            }
            all[row] = label == -1 ? classes : label;
        }
        return Tensor.of(all, padTo);
    }

    private static Tensor noise(ModelCard card, long[] seeds, int padTo) {
        long[] one = batchShape(card, 1);
        long[] all = batchShape(card, padTo);
        float[] values = null;
        for (int row = 0; row < seeds.length; row++) {
            float[] sample = new Noise(seeds[row], 0)
                    .gaussian(Noise.Purpose.SERVING, 0, one)
                    .toFloats();
            if (values == null) {
                values = new float[padTo * sample.length];
            }
            int last = row == seeds.length - 1 ? padTo - 1 : row;
            for (int to = row; to <= last; to++) {
                System.arraycopy(sample, 0, values, to * sample.length, sample.length);
            }
        }
        return Tensor.owning(values, all);
    }

    static long[] batchShape(ModelCard card, int rows) {
        long[] shape = new long[card.sampleShape().size() + 1];
        shape[0] = rows;
        for (int i = 1; i < shape.length; i++) {
            shape[i] = card.sampleShape().get(i - 1);
        }
        return shape;
    }

    /** Whether the samples are there. */
    public boolean done() {
        return next == steps.size();
    }

    /** Takes the next solver step: one call of a network, with guidance both halves in it. */
    public void advance() {
        if (done()) {
            throw new IllegalStateException("the walk is over");
        }
        Mixture.Step step = steps.get(next);
        double[] t = new double[x.dim(0)];
        Arrays.fill(t, step.t());
        Tensor velocity = Guidance.velocity(step.network(), step.guidance(), x, Tensor.of(t, t.length), labels);
        x = step.solver().apply(x, velocity);
        next++;
    }

    /** The samples without the padding, float32 [n, …] in the order of the seeds. */
    public Tensor samples() {
        if (!done()) {
            throw new IllegalStateException("only " + next + " of " + steps.size() + " steps are done");
        }
        return x.rows(0, rows);
    }
}
