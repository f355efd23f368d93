package dev.sluice.runtime.network;

import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import dev.sluice.protocol.Tensor;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;

/**
 * A small convolutional network that tells the classes of a dataset apart. Its features are the space in which samples
 * are compared: they know what matters in this data, and nothing else, unlike Inception's or DINO's, whose numbers are
 * not comparable with these.
 *
 * <p>A TorchScript file with {@code forward(x [B, C, H, W]) → [B, features + classes]}, features first. Belongs to one
 * thread; owns native memory until closed.
 */
public final class ImageClassifier implements AutoCloseable {
    static final String CARD = "extra/classifier.json";
    private static final int BATCH = 256;

    private final ClassifierCard card;
    private final PtNDManager manager;
    private final PtSymbolBlock module;

    /**
     * What a classifier sees in images.
     *
     * @param features float32 [n, features], 0 or more
     * @param classes the likeliest of each, [n]
     */
    public record Seen(Tensor features, long[] classes) {}

    ImageClassifier(ClassifierCard card, PtNDManager manager, PtSymbolBlock module) {
        this.card = card;
        this.manager = manager;
        this.module = module;
    }

    /**
     * The card of a classifier's file.
     *
     * @throws NetworkFileException when there is no such file, it is torn, or it is no classifier's
     */
    public static ClassifierCard readCard(Path file) {
        try (ModuleFile module = ModuleFile.open(file)) {
            return card(module);
        }
    }

    static ClassifierCard card(ModuleFile module) {
        return NetworkFile.card(
                module,
                CARD,
                ClassifierCard.class,
                Set.of(),
                "not a classifier (it has no " + CARD + "); train one with train-classifier");
    }

    public ClassifierCard card() {
        return card;
    }

    /** @param images float32 [n, C, H, W] of the card's shape, n ≥ 1 */
    public Seen see(Tensor images) {
        requireImages(card, images);
        int n = images.dim(0);
        int features = card.features();
        float[] all = new float[n * features];
        long[] classes = new long[n];
        for (int from = 0; from < n; from += BATCH) {
            int to = Math.min(n, from + BATCH);
            Tensor out = forward(images.rows(from, to));
            int width = out.dim(1);
            for (int row = from; row < to; row++) {
                int at = (row - from) * width;
                for (int f = 0; f < features; f++) {
                    all[row * features + f] = out.floatAt(at + f);
                }
                classes[row] = likeliest(out, at + features, at + width);
            }
        }
        return new Seen(Tensor.owning(all, n, features), classes);
    }

    private Tensor forward(Tensor images) {
        try (PtNDManager step = (PtNDManager) manager.newSubManager()) {
            return LibTorch.toHost(LibTorch.forward(module, false, LibTorch.toDevice(step, images)));
        }
    }

    private static long likeliest(Tensor out, int from, int to) {
        int best = from;
        for (int i = from + 1; i < to; i++) {
            if (out.floatAt(i) > out.floatAt(best)) {
                best = i;
            }
        }
        return best - from;
    }

    static void requireImages(ClassifierCard card, Tensor images) {
        boolean fits = images.rank() == 4;
        for (int i = 0; fits && i < 3; i++) {
            fits = images.dim(i + 1) == card.sampleShape().get(i);
        }
        if (!fits) {
            throw new IllegalArgumentException("the classifier knows images of shape " + card.sampleShape()
                    + ", not samples of shape "
                    + Arrays.toString(Arrays.copyOfRange(images.shape(), 1, images.rank())));
        }
    }

    @Override
    public void close() {
        manager.close();
    }
}
