package dev.sluice.runtime.network;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.pytorch.engine.PtNDManager;
import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.ModulePickle.StoredTensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;

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

    /**
     * The parameters of a module that train: those that ask for gradients in its file, or all where none does, as in a file
     * that was saved for inference. One that goes by two names is there once, by its first. They take gradients afterwards.
     *
     * @param all of the module's parameters
     * @throws NetworkFileException when there are none, or one is not float32
     */
    static NDList of(ModuleFile file, NDList all) {
        Path path = file.archive().file();
        boolean someAsk = all.stream().anyMatch(LibTorch::takesGradient);
        Map<StoredTensor, String> seen = new IdentityHashMap<>();
        NDList trained = new NDList();
        for (NDArray parameter : all) {
            String name = parameter.getName();
            StoredTensor stored = file.attributes()
                    .tensor(name)
                    .orElseThrow(() ->
                            new NetworkFileException(path, "its parameter " + name + " is not where it should be"));
            if (someAsk && !LibTorch.takesGradient(parameter) || seen.putIfAbsent(stored, name) != null) {
                continue;
            }
            if (parameter.getDataType() != DataType.FLOAT32) {
                throw new NetworkFileException(
                        path,
                        "its parameter " + name + " is "
                                + stored.storage().type().replace("Storage", "").toLowerCase(Locale.ROOT)
                                + ", and only float32 can be trained; save model.float(), or freeze it with"
                                + " requires_grad_(False) beside others that train");
            }
            trained.add(parameter);
        }
        if (trained.isEmpty()) {
            throw new NetworkFileException(
                    path,
                    "it has no parameters that could be trained; save the module without torch.jit.freeze, which makes"
                            + " constants of them");
        }
        requireApart(path, seen);
        trained.forEach(parameter -> parameter.setRequiresGradient(true));
        return trained;
    }

    /** Two parameters in the same memory would be stepped twice, and could not be written back. */
    private static void requireApart(Path file, Map<StoredTensor, String> tensors) {
        List<StoredTensor> byPlace = new ArrayList<>(tensors.keySet());
        byPlace.sort(
                Comparator.comparing((StoredTensor tensor) -> tensor.storage().key())
                        .thenComparingLong(StoredTensor::offset));
        for (int i = 1; i < byPlace.size(); i++) {
            StoredTensor before = byPlace.get(i - 1);
            StoredTensor tensor = byPlace.get(i);
            if (tensor.storage().key().equals(before.storage().key()) && tensor.offset() < before.end()) {
                throw new NetworkFileException(
                        file,
                        "its parameters " + tensors.get(before) + " and " + tensors.get(tensor)
                                + " share memory without being one; register one parameter under both names, or clone one");
            }
        }
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

    /** The averaged weights, each copied to the host when it is asked for. */
    Map<String, Supplier<Tensor>> averages() {
        Map<String, Supplier<Tensor>> averages = new LinkedHashMap<>();
        for (int i = 0; i < weights.size(); i++) {
            NDArray average = optimizer.average().get(i);
            averages.put(names.get(i), () -> LibTorch.toHost(average));
        }
        return averages;
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
