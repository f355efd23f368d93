package dev.sluice.runtime.network;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.schedule.NoiseSchedule;
import java.util.Arrays;

/** A frozen network on libtorch. */
class TorchNetwork implements Network {
    private final NetworkCard card;
    private final NoiseSchedule schedule;
    final PtNDManager manager;
    final PtSymbolBlock module;

    /** Takes {@code manager} over: closing the network closes it, and the module with it. */
    TorchNetwork(NetworkCard card, PtNDManager manager, PtSymbolBlock module) {
        this.card = card;
        this.schedule = NoiseSchedule.of(card.schedule());
        this.manager = manager;
        this.module = module;
    }

    @Override
    public final NetworkCard card() {
        return card;
    }

    @Override
    public final Tensor velocity(Tensor x, Tensor t, Tensor labels) {
        try (PtNDManager step = stepManager()) {
            PtNDArray output = evaluate(step, LibTorch.toDevice(step, x), t, labels, false);
            return card.prediction().velocity(schedule, x, t, LibTorch.toHost(output));
        }
    }

    final PtNDManager stepManager() {
        return (PtNDManager) manager.newSubManager();
    }

    /** The module's own output. */
    private PtNDArray evaluate(PtNDManager step, PtNDArray x, Tensor t, Tensor labels, boolean keepGraph) {
        checkInputs(x.getShape().getShape(), t, labels);
        Tensor asked = card.prediction().askedAt(schedule, t);
        return LibTorch.forward(module, keepGraph, x, LibTorch.toDevice(step, asked), LibTorch.toDevice(step, labels));
    }

    /** What the module returns for a batch, by TorchScript's name for its type: {@code Tensor} in a network of ours. */
    final String answerType(Tensor x, Tensor t, Tensor labels) {
        try (PtNDManager step = stepManager()) {
            Tensor asked = card.prediction().askedAt(schedule, t);
            return LibTorch.answerType(
                    module,
                    LibTorch.toDevice(step, x),
                    LibTorch.toDevice(step, asked),
                    LibTorch.toDevice(step, labels));
        }
    }

    /** {@link TrainableNetwork#forward}, for parameters that take gradients. */
    final TrainableNetwork.Pass differentiable(Tensor x, Tensor t, Tensor labels) {
        PtNDManager step = stepManager();
        try {
            PtNDArray input = LibTorch.toDevice(step, x);
            input.setRequiresGradient(true);
            PtNDArray output = evaluate(step, input, t, labels, true);
            Tensor velocity = card.prediction().velocity(schedule, x, t, LibTorch.toHost(output));
            return new TorchPass(step, input, output, t, velocity);
        } catch (RuntimeException e) {
            step.close();
            throw e;
        }
    }

    private final class TorchPass implements TrainableNetwork.Pass {
        private final PtNDManager step;
        private final PtNDArray input;
        private final PtNDArray output;
        private final Tensor t;
        private final Tensor velocity;

        TorchPass(PtNDManager step, PtNDArray input, PtNDArray output, Tensor t, Tensor velocity) {
            this.step = step;
            this.input = input;
            this.output = output;
            this.t = t;
            this.velocity = velocity;
        }

        @Override
        public Tensor velocity() {
            return velocity;
        }

        @Override
        public Tensor backward(Tensor gradient) {
            try (step) {
                Tensor onOutput = card.prediction().onOutput(schedule, t, gradient);
                LibTorch.backward(output, LibTorch.toDevice(step, onOutput));
                try (NDArray ofInput = input.getGradient()) {
                    return card.prediction().onSample(schedule, t, gradient, LibTorch.toHost(ofInput));
                }
            }
        }

        @Override
        public void close() {
            step.close();
        }
    }

    /** libtorch would end the JVM on some of these (an embedding index out of range on a GPU); refuse them first. */
    private void checkInputs(long[] shape, Tensor t, Tensor labels) {
        int batch = (int) shape[0];
        if (!Arrays.equals(shape, card.batchShape(batch))) {
            throw new IllegalArgumentException("the network takes samples of shape " + card.sampleShape()
                    + ", not a batch of " + Arrays.toString(shape));
        }
        if (t.size() != batch || labels.size() != batch) {
            throw new IllegalArgumentException(
                    "a batch of " + batch + " has " + t.size() + " times and " + labels.size() + " labels");
        }
        for (int i = 0; i < batch; i++) {
            if (labels.longAt(i) < 0 || labels.longAt(i) > card.nullLabel()) {
                throw new IllegalArgumentException(
                        "label " + labels.longAt(i) + " is not between 0 and " + card.nullLabel() + " (no class)");
            }
        }
    }

    @Override
    public void close() {
        manager.close();
    }
}
