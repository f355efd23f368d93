package dev.sluice.runtime.network;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import dev.sluice.protocol.AdamWSettings;
import java.util.List;

/**
 * AdamW (Loshchilov and Hutter, 2019) with global-norm clipping and an exponential moving average of the weights; the
 * whole update is one TorchScript call over all parameters. Its state is in the open, unlike DJL's, so that it can be
 * saved. Used by the thread that owns the weights; its arrays belong to the manager it was made with.
 */
final class AdamW {
    private static final byte[] SCRIPT = new TorchScriptWriter("AdamW").toBytes();

    private final AdamWSettings settings;
    private final double averageDecay;
    private final PtSymbolBlock script;
    private final NDList first = new NDList();
    private final NDList second = new NDList();
    private final NDList average = new NDList();
    private long steps;

    AdamW(PtNDManager manager, NDList weights, AdamWSettings settings, double averageDecay) {
        this.settings = settings;
        this.averageDecay = averageDecay;
        this.script = LibTorch.load(manager, SCRIPT);
        for (NDArray weight : weights) {
            first.add(manager.zeros(weight.getShape(), weight.getDataType()));
            second.add(manager.zeros(weight.getShape(), weight.getDataType()));
            average.add(LibTorch.toDevice(manager, LibTorch.toHost(weight)));
        }
    }

    /**
     * One step with the given gradients, which it scales in place; nothing moves when their norm is not finite.
     *
     * @return the gradients' global norm before clipping
     */
    double step(NDList weights, NDList gradients, double learningRate) {
        double norm = LibTorch.call(script, "norm", List.of(gradients));
        if (!Double.isFinite(norm)) {
            return norm;
        }
        steps++;
        LibTorch.call(
                script,
                "step",
                List.of(weights, gradients, first, second, average),
                norm > settings.clipNorm() ? settings.clipNorm() / norm : 1,
                learningRate,
                settings.beta1(),
                settings.beta2(),
                settings.epsilon(),
                settings.weightDecay(),
                1 - Math.pow(settings.beta1(), steps),
                1 - Math.pow(settings.beta2(), steps),
                averageDecay);
        return norm;
    }

    /** Clears gradients in place. */
    void zero(NDList gradients) {
        LibTorch.call(script, "zero", List.of(gradients));
    }

    /** Steps that moved the weights. */
    long steps() {
        return steps;
    }

    /** The averaged weights, in the parameters' order. */
    NDList average() {
        return average;
    }

    /** Running means of the gradients, in the parameters' order. */
    NDList firstMoment() {
        return first;
    }

    /** Running means of the squared gradients, in the parameters' order. */
    NDList secondMoment() {
        return second;
    }

    /** Goes on from a saved state; the arrays are copied. */
    void restore(long steps, NDList average, NDList first, NDList second) {
        this.steps = steps;
        overwrite(this.average, average);
        overwrite(this.first, first);
        overwrite(this.second, second);
    }

    /** Writes {@code values} over {@code targets} in place. */
    void overwrite(NDList targets, NDList values) {
        LibTorch.call(script, "copy", List.of(targets, values));
    }
}
