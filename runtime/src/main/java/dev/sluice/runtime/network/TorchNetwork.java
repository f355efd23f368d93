package dev.sluice.runtime.network;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import dev.sluice.protocol.Tensor;
import java.util.Arrays;

/** A frozen network on libtorch. */
class TorchNetwork implements Network {
    private final NetworkCard card;
    final PtNDManager manager;
    final PtSymbolBlock module;

    /** Takes {@code manager} over: closing the network closes it, and the module with it. */
    TorchNetwork(NetworkCard card, PtNDManager manager, PtSymbolBlock module) {
        this.card = card;
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
            PtNDArray v = evaluate(step, LibTorch.toDevice(step, x), t, labels, false);
            return LibTorch.toHost(v);
        }
    }

    final PtNDManager stepManager() {
        return (PtNDManager) manager.newSubManager();
    }

    final PtNDArray evaluate(PtNDManager step, PtNDArray x, Tensor t, Tensor labels, boolean keepGraph) {
        checkInputs(x.getShape().getShape(), t, labels);
        return LibTorch.forward(module, keepGraph, x, LibTorch.toDevice(step, t), LibTorch.toDevice(step, labels));
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
