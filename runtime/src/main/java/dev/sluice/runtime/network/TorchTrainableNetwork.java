package dev.sluice.runtime.network;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** A network that trains on libtorch. */
final class TorchTrainableNetwork extends TorchNetwork implements TrainableNetwork {
    private final NDList weights;
    private final AdamW optimizer;

    TorchTrainableNetwork(
            NetworkCard card, PtNDManager manager, PtSymbolBlock module, AdamWSettings settings, double averageDecay) {
        super(card, manager, module);
        weights = LibTorch.parameters(module, manager);
        optimizer = new AdamW(manager, weights, settings, averageDecay);
    }

    @Override
    public Pass forward(Tensor x, Tensor t, Tensor labels) {
        return differentiable(x, t, labels);
    }

    @Override
    public double step(double learningRate) {
        try (PtNDManager step = stepManager()) {
            NDList gradients = LibTorch.gradients(weights, step);
            try {
                return optimizer.step(weights, gradients, learningRate);
            } finally {
                optimizer.zero(gradients);
            }
        }
    }

    @Override
    public void discardGradients() {
        try (PtNDManager step = stepManager()) {
            optimizer.zero(LibTorch.gradients(weights, step));
        }
    }

    @Override
    public void writeAverage(Path file, NetworkCard card) throws IOException {
        // Through a second module: the weights in training stay as they are, and so do the graphs that wait on them.
        try (PtNDManager copies = stepManager()) {
            PtSymbolBlock copy = LibTorch.load(copies, LibTorch.write(module));
            optimizer.overwrite(LibTorch.parameters(copy, copies), optimizer.average());
            NetworkFile.write(file, LibTorch.write(copy), card);
        }
    }

    @Override
    public Map<String, Tensor> weights() {
        return named(weights);
    }

    @Override
    public Map<String, Tensor> average() {
        return named(optimizer.average());
    }

    @Override
    public TrainingState state() {
        return new TrainingState(
                optimizer.steps(),
                weights(),
                average(),
                named(optimizer.firstMoment()),
                named(optimizer.secondMoment()));
    }

    @Override
    public void restore(TrainingState state) {
        try (PtNDManager copies = stepManager()) {
            NDList ofWeights = inOrder(state.weights(), "weight", copies);
            NDList ofAverage = inOrder(state.average(), "average", copies);
            NDList first = inOrder(state.firstMoment(), "first moment", copies);
            NDList second = inOrder(state.secondMoment(), "second moment", copies);
            optimizer.overwrite(weights, ofWeights);
            optimizer.restore(state.steps(), ofAverage, first, second);
        }
    }

    /** A state's tensors on the device, in the parameters' order. */
    private NDList inOrder(Map<String, Tensor> tensors, String what, PtNDManager copies) {
        if (tensors.size() != weights.size()) {
            throw new IllegalArgumentException("the state has " + tensors.size() + " tensors of kind " + what
                    + ", the network has " + weights.size() + " parameters");
        }
        NDList ordered = new NDList();
        for (NDArray weight : weights) {
            Tensor tensor = tensors.get(weight.getName());
            if (tensor == null
                    || !Arrays.equals(tensor.shape(), weight.getShape().getShape())) {
                throw new IllegalArgumentException("the state's " + what + " of " + weight.getName() + " is "
                        + (tensor == null ? "missing" : tensor.toString()) + ", the network's is " + weight.getShape());
            }
            ordered.add(LibTorch.toDevice(copies, tensor));
        }
        return ordered;
    }

    private Map<String, Tensor> named(NDList values) {
        Map<String, Tensor> named = new LinkedHashMap<>();
        for (int i = 0; i < values.size(); i++) {
            named.put(weights.get(i).getName(), LibTorch.toHost(values.get(i)));
        }
        return named;
    }
}
