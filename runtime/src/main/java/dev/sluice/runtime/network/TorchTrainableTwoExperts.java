package dev.sluice.runtime.network;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.pytorch.engine.PtNDManager;
import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Two experts that train side by side under one optimizer: the fake of a phase that both experts of its teacher touch.
 * Parameters go by {@code high-noise.NAME} and {@code low-noise.NAME}.
 */
final class TorchTrainableTwoExperts extends TwoExpertNetwork implements TrainableNetwork {
    private final TwoExperts experts;
    private final TorchNetwork high;
    private final TorchNetwork low;
    private final PtNDManager manager;
    private final TrainedParameters parameters;

    /**
     * Takes {@code manager} over, for what the two share.
     *
     * @param highWeights that train, of {@code high}; {@code lowWeights} of {@code low}
     */
    TorchTrainableTwoExperts(
            NetworkCard card,
            TwoExperts experts,
            TorchNetwork high,
            NDList highWeights,
            TorchNetwork low,
            NDList lowWeights,
            PtNDManager manager,
            AdamWSettings settings,
            double averageDecay) {
        super(card, experts, high, low);
        this.experts = experts;
        this.high = high;
        this.low = low;
        this.manager = manager;
        NDList weights = new NDList();
        List<String> names = new ArrayList<>();
        gather(experts.highNoise().version(), highWeights, weights, names);
        gather(experts.lowNoise().version(), lowWeights, weights, names);
        parameters = new TrainedParameters(manager, names, weights, settings, averageDecay);
    }

    private static void gather(String part, NDList ofPart, NDList weights, List<String> names) {
        for (NDArray weight : ofPart) {
            weights.add(weight);
            names.add(part + "." + weight.getName());
        }
    }

    @Override
    public Pass forward(Tensor x, Tensor t, Tensor labels) {
        return RoutedPass.forward(experts, high::differentiable, low::differentiable, x, t, labels);
    }

    @Override
    public double step(double learningRate) {
        return parameters.step(learningRate);
    }

    @Override
    public void discardGradients() {
        parameters.discardGradients();
    }

    /** A network file holds one module. */
    @Override
    public void writeAverage(Path file, NetworkCard card) {
        throw new UnsupportedOperationException("two experts are not one network file; " + file + " was not written");
    }

    @Override
    public Map<String, Tensor> weights() {
        return parameters.weights();
    }

    @Override
    public Map<String, Tensor> average() {
        return parameters.average();
    }

    @Override
    public TrainingState state() {
        return parameters.state();
    }

    @Override
    public void restore(TrainingState state) {
        parameters.restore(state);
    }

    @Override
    public void close() {
        try {
            super.close();
        } finally {
            manager.close();
        }
    }
}
