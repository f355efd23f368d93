package dev.sluice.runtime.teacher;

import static dev.sluice.runtime.noise.Noise.Purpose.DATA_AUGMENT;
import static dev.sluice.runtime.noise.Noise.Purpose.DATA_DROPOUT;
import static dev.sluice.runtime.noise.Noise.Purpose.DATA_INDEX;
import static dev.sluice.runtime.noise.Noise.Purpose.DATA_NOISE;
import static dev.sluice.runtime.noise.Noise.Purpose.DATA_TIME;

import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.data.Batch;
import dev.sluice.runtime.data.Dataset;
import dev.sluice.runtime.network.TrainableNetwork;
import dev.sluice.runtime.noise.Noise;
import dev.sluice.runtime.objective.CriticLoss;
import dev.sluice.runtime.objective.Linear;
import dev.sluice.runtime.objective.Prediction;
import dev.sluice.runtime.objective.Renoise;
import dev.sluice.runtime.schedule.NoiseSchedule;

/**
 * Flow matching (Lipman et al., 2023): regresses a network on ε − x_0 at x_t. It is the critic's regression at s = 0,
 * where Eq 11 is the ordinary target, weighed so that the loss is the mean squared error of what the network itself
 * predicts: with weight one for the velocity.
 *
 * <p>Single-threaded; every draw is a function of the seed and the step, so equal settings give equal weights.
 */
public final class FlowMatching {
    private final FlowMatchingSettings settings;
    private final Dataset data;
    private final TrainableNetwork network;
    private final NoiseSchedule schedule;
    private final Prediction prediction;
    private final Noise noise;

    /** Trains {@code network}, which stays the caller's, on {@code data}. */
    public FlowMatching(FlowMatchingSettings settings, Dataset data, TrainableNetwork network) {
        this.settings = settings;
        this.data = data;
        this.network = network;
        this.schedule = NoiseSchedule.of(network.card().schedule());
        this.prediction = network.card().prediction();
        this.noise = new Noise(settings.seed(), 0);
    }

    /**
     * One optimizer step.
     *
     * @param step counted from 0
     * @return the mean squared error of what the network predicts on this step's batch; the step is skipped when it is not finite
     */
    public double step(int step) {
        Batch batch = batch(step);
        // No later than a network that predicts noise is ever asked.
        Tensor t = prediction.askedAt(schedule, times(step));
        Tensor epsilon = noise.gaussian(DATA_NOISE, step, batch.x().shape());
        Tensor xT = Renoise.to(schedule, 0, t, batch.x(), epsilon);
        double[] weight = Linear.at(t, u -> prediction.weight(schedule, u));
        try (TrainableNetwork.Pass pass = network.forward(xT, t, hideSome(step, batch.labels()))) {
            CriticLoss loss = CriticLoss.plain(weight, pass.velocity(), batch.x(), epsilon);
            pass.backward(loss.gradient());
            network.step(settings.learningRate(step));
            return loss.value();
        }
    }

    private Batch batch(int step) {
        int size = settings.batch();
        long[] drawn = noise.integers(DATA_INDEX, step, size, data.size());
        int[] indices = new int[size];
        for (int i = 0; i < size; i++) {
            indices[i] = (int) drawn[i];
        }
        Batch batch = data.batch(indices);
        if (!settings.mirror()) {
            return batch;
        }
        double[] coin = noise.uniform(DATA_AUGMENT, step, size);
        boolean[] which = new boolean[size];
        for (int i = 0; i < size; i++) {
            which[i] = coin[i] < 0.5;
        }
        return batch.mirrored(which);
    }

    private Tensor times(int step) {
        int size = settings.batch();
        double[] t =
                switch (settings.times()) {
                    case UNIFORM -> noise.uniform(DATA_TIME, step, size);
                    case LOGIT_NORMAL -> {
                        Tensor z = noise.gaussian(DATA_TIME, step, size, 1);
                        double[] values = new double[size];
                        for (int i = 0; i < size; i++) {
                            values[i] = 1 / (1 + StrictMath.exp(-z.floatAt(i)));
                        }
                        yield values;
                    }
                };
        return Tensor.of(t, size);
    }

    private Tensor hideSome(int step, Tensor labels) {
        long[] out = labels.toLongs();
        double[] coin = noise.uniform(DATA_DROPOUT, step, out.length);
        for (int i = 0; i < out.length; i++) {
            if (coin[i] < settings.labelDropout()) {
                out[i] = network.card().nullLabel();
            }
        }
        return Tensor.of(out, out.length);
    }
}
