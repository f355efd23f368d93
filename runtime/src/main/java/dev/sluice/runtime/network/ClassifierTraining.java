package dev.sluice.runtime.network;

import ai.djl.ndarray.NDList;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.noise.Noise;
import java.io.IOException;
import java.nio.file.Path;

/** An {@link ImageClassifier} in training, by cross-entropy. Belongs to one thread; owns native memory until closed. */
public final class ClassifierTraining implements AutoCloseable {
    private static final int FIRST = 32;
    private static final int SECOND = 64;

    private final ClassifierCard card;
    private final PtNDManager manager;
    private final PtSymbolBlock module;
    private final NDList weights;
    private final AdamW optimizer;

    ClassifierTraining(
            ClassifierCard card, PtNDManager manager, byte[] fresh, AdamWSettings settings, double averageDecay) {
        this.card = card;
        this.manager = manager;
        this.module = LibTorch.load(manager, fresh);
        this.weights = LibTorch.parameters(module, manager);
        this.weights.forEach(weight -> weight.setRequiresGradient(true));
        this.optimizer = new AdamW(manager, weights, settings, averageDecay);
    }

    /** The module with fresh weights, which the seed decides. */
    static byte[] fresh(ClassifierCard card, long seed) {
        int channels = card.sampleShape().get(0);
        int flat =
                SECOND * (card.sampleShape().get(1) / 4) * (card.sampleShape().get(2) / 4);
        Architecture.Weights draw = new Architecture.Weights(new Noise(seed, 0));
        return new TorchScriptWriter("ImageClassifier")
                .parameter("conv1_weight", draw.linear(9 * channels / 2.0, FIRST, channels, 3, 3))
                .parameter("conv1_bias", Architecture.Weights.zeros(FIRST))
                .parameter("conv2_weight", draw.linear(9 * FIRST / 2.0, SECOND, FIRST, 3, 3))
                .parameter("conv2_bias", Architecture.Weights.zeros(SECOND))
                .parameter("conv3_weight", draw.linear(9 * SECOND / 2.0, SECOND, SECOND, 3, 3))
                .parameter("conv3_bias", Architecture.Weights.zeros(SECOND))
                .parameter("feature_weight", draw.linear(flat / 2.0, card.features(), flat))
                .parameter("feature_bias", Architecture.Weights.zeros(card.features()))
                .parameter(
                        "class_weight",
                        draw.linear(card.features(), card.classNames().size(), card.features()))
                .parameter(
                        "class_bias",
                        Architecture.Weights.zeros(card.classNames().size()))
                .toBytes();
    }

    /**
     * One step on the mean cross-entropy of a batch; left out when it is not finite.
     *
     * @param images float32 [B, C, H, W]
     * @param labels int64 [B]
     * @return the mean cross-entropy before the step
     */
    public double step(Tensor images, Tensor labels, double learningRate) {
        ImageClassifier.requireImages(card, images);
        try (PtNDManager step = (PtNDManager) manager.newSubManager()) {
            PtNDArray out = LibTorch.forward(module, true, LibTorch.toDevice(step, images));
            CrossEntropy loss = CrossEntropy.of(LibTorch.toHost(out), card.features(), labels);
            LibTorch.backward(out, LibTorch.toDevice(step, loss.gradient()));
            NDList gradients = LibTorch.gradients(weights, step);
            try {
                optimizer.step(weights, gradients, learningRate);
            } finally {
                optimizer.zero(gradients);
            }
            return loss.value();
        }
    }

    /** Writes the classifier with the average of its weights. */
    public void writeAverage(Path file, ClassifierCard card) throws IOException {
        try (PtNDManager copies = (PtNDManager) manager.newSubManager()) {
            PtSymbolBlock copy = LibTorch.load(copies, LibTorch.write(module));
            optimizer.overwrite(LibTorch.parameters(copy, copies), optimizer.average());
            NetworkFile.write(file, LibTorch.write(copy), ImageClassifier.CARD, card);
        }
    }

    @Override
    public void close() {
        manager.close();
    }
}
