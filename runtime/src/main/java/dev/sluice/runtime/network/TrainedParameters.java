package dev.sluice.runtime.network;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.pytorch.engine.PtNDManager;
import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Parameters by name, of one module or several, under one optimizer: one clipping, one count of steps. Used by the thread
 * that owns the modules; what it makes belongs to the manager it was made with.
 */
final class TrainedParameters {
    private final PtNDManager manager;
    private final List<String> names;
    private final NDList weights;
    private final AdamW optimizer;

    /** @param names of the weights, in their order */
    TrainedParameters(
            PtNDManager manager, List<String> names, NDList weights, AdamWSettings settings, double averageDecay) {
        this.manager = manager;
        this.names = List.copyOf(names);
        this.weights = weights;
        this.optimizer = new AdamW(manager, weights, settings, averageDecay);
    }

    /** {@link TrainableNetwork#step}. */
    double step(double learningRate) {
        try (PtNDManager step = subManager()) {
            NDList gradients = LibTorch.gradients(weights, step);
            try {
                return optimizer.step(weights, gradients, learningRate);
            } finally {
                optimizer.zero(gradients);
            }
        }
    }

    void discardGradients() {
        try (PtNDManager step = subManager()) {
            optimizer.zero(LibTorch.gradients(weights, step));
        }
    }

    /** Writes the average over {@code targets}, which are in the parameters' order. */
    void copyAverageTo(NDList targets) {
        optimizer.overwrite(targets, optimizer.average());
    }

    Map<String, Tensor> weights() {
        return named(weights);
    }

    Map<String, Tensor> average() {
        return named(optimizer.average());
    }

    TrainingState state() {
        return new TrainingState(
                optimizer.steps(),
                weights(),
                average(),
                named(optimizer.firstMoment()),
                named(optimizer.secondMoment()));
    }

    /** {@link TrainableNetwork#restore}. */
    void restore(TrainingState state) {
        try (PtNDManager copies = subManager()) {
            NDList ofWeights = inOrder(state.weights(), "weight", copies);
            NDList ofAverage = inOrder(state.average(), "average", copies);
            NDList first = inOrder(state.firstMoment(), "first moment", copies);
            NDList second = inOrder(state.secondMoment(), "second moment", copies);
            optimizer.overwrite(weights, ofWeights);
            optimizer.restore(state.steps(), ofAverage, first, second);
        }
    }

    private PtNDManager subManager() {
        return (PtNDManager) manager.newSubManager();
    }

    /** A state's tensors on the device, in the parameters' order. */
    private NDList inOrder(Map<String, Tensor> tensors, String what, PtNDManager copies) {
        if (tensors.size() != weights.size()) {
            throw new IllegalArgumentException("the state has " + tensors.size() + " tensors of kind " + what
                    + ", the network has " + weights.size() + " parameters");
        }
        NDList ordered = new NDList();
        for (int i = 0; i < weights.size(); i++) {
            NDArray weight = weights.get(i);
            Tensor tensor = tensors.get(names.get(i));
            if (tensor == null
                    || !Arrays.equals(tensor.shape(), weight.getShape().getShape())) {
                throw new IllegalArgumentException("the state's " + what + " of " + names.get(i) + " is "
                        + (tensor == null ? "missing" : tensor.toString()) + ", the network's is " + weight.getShape());
            }
            ordered.add(LibTorch.toDevice(copies, tensor));
        }
        return ordered;
    }

    private Map<String, Tensor> named(NDList values) {
        Map<String, Tensor> named = new LinkedHashMap<>();
        for (int i = 0; i < values.size(); i++) {
            named.put(names.get(i), LibTorch.toHost(values.get(i)));
        }
        return named;
    }
}
