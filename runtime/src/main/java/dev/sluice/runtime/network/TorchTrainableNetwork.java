package dev.sluice.runtime.network;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** A network that trains on libtorch. */
final class TorchTrainableNetwork extends TorchNetwork implements TrainableNetwork {
    private final ModuleFile file;
    private final TrainedParameters parameters;

    /** Takes {@code manager} and {@code file}, which the module was loaded from, over: closing the network closes both. */
    TorchTrainableNetwork(
            NetworkCard card,
            PtNDManager manager,
            PtSymbolBlock module,
            ModuleFile file,
            AdamWSettings settings,
            double averageDecay) {
        super(card, manager, module);
        this.file = file;
        NDList weights = TrainedParameters.of(file, LibTorch.parameters(module, manager));
        parameters = new TrainedParameters(
                manager, weights.stream().map(NDArray::getName).toList(), weights, settings, averageDecay);
    }

    @Override
    public Pass forward(Tensor x, Tensor t, Tensor labels) {
        return differentiable(x, t, labels);
    }

    @Override
    public double step(double learningRate) {
        return parameters.step(learningRate);
    }

    @Override
    public void discardGradients() {
        parameters.discardGradients();
    }

    @Override
    public void writeAverage(Path target, NetworkCard card) throws IOException {
        NetworkFile.write(target, file, parameters.averages(), card);
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
            file.close();
        }
    }
}
