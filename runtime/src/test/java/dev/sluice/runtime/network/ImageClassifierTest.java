package dev.sluice.runtime.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.noise.Noise;
import dev.sluice.runtime.store.Sha256;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The classifier on the real libtorch, on images whose class is the quarter that is bright. */
class ImageClassifierTest {
    private static final ClassifierCard CARD = new ClassifierCard(
            List.of(1, 8, 8), List.of("upper left", "upper right", "lower left", "lower right"), 16, Map.of());
    private static final AdamWSettings OPTIMIZER =
            new AdamWSettings(2e-3, 0.9, 0.999, 1e-8, 0.01, Double.POSITIVE_INFINITY);
    private static final int BATCH = 32;

    @TempDir
    Path folder;

    private final TorchNetworks networks = TorchNetworks.on("cpu", 1);

    private static Tensor labels(int step) {
        return Tensor.of(new Noise(step, 0).integers(Noise.Purpose.DATA_INDEX, 0, BATCH, 4), BATCH);
    }

    private static Tensor images(int step) {
        float[] x = new Noise(step, 1)
                .gaussian(Noise.Purpose.DATA_NOISE, 0, BATCH, 1, 8, 8)
                .toFloats();
        Tensor labels = labels(step);
        for (int n = 0; n < BATCH; n++) {
            int top = labels.longAt(n) < 2 ? 0 : 4;
            int left = labels.longAt(n) % 2 == 0 ? 0 : 4;
            for (int i = 0; i < 64; i++) {
                boolean bright = i / 8 >= top && i / 8 < top + 4 && i % 8 >= left && i % 8 < left + 4;
                x[n * 64 + i] = 0.3f * x[n * 64 + i] + (bright ? 1 : -1);
            }
        }
        return Tensor.of(x, BATCH, 1, 8, 8);
    }

    private Path trained(String name, int steps) throws IOException {
        Path file = folder.resolve(name);
        try (ClassifierTraining training = networks.newClassifier(CARD, 3, OPTIMIZER, 0.5)) {
            for (int step = 0; step < steps; step++) {
                training.step(images(step), labels(step), OPTIMIZER.learningRate());
            }
            training.writeAverage(file, CARD.with(Map.of("steps", Integer.toString(steps))));
        }
        return file;
    }

    private double accuracy(Path file) {
        try (ImageClassifier classifier = networks.openClassifier(file)) {
            ImageClassifier.Seen seen = classifier.see(images(1_000_000));
            assertThat(seen.features().shape()).containsExactly(BATCH, 16);
            int right = 0;
            for (int i = 0; i < BATCH; i++) {
                right += seen.classes()[i] == labels(1_000_000).longAt(i) ? 1 : 0;
            }
            return (double) right / BATCH;
        }
    }

    @Test
    void learnsWhatTellsTheClassesApart() throws IOException {
        assertThat(accuracy(trained("untrained.pt", 0))).isLessThan(0.7);
        assertThat(accuracy(trained("trained.pt", 60))).isEqualTo(1);
    }

    @Test
    void sameSeedSameFile() throws IOException {
        assertThat(Sha256.of(trained("a.pt", 3))).isEqualTo(Sha256.of(trained("b.pt", 3)));
    }

    @Test
    void anImageIsSeenAloneAsAmongMany() throws IOException {
        Tensor many = Tensor.of(new float[300 * 64], 300, 1, 8, 8);
        float[] values = many.toFloats();
        System.arraycopy(images(5).toFloats(), 0, values, (300 - BATCH) * 64, BATCH * 64);
        try (ImageClassifier classifier = networks.openClassifier(trained("c.pt", 5))) {
            Tensor among = classifier.see(Tensor.of(values, 300, 1, 8, 8)).features();
            Tensor alone = classifier.see(images(5)).features();
            for (int i = 0; i < alone.size(); i++) {
                assertThat(among.floatAt((300 - BATCH) * 16 + i)).isCloseTo(alone.floatAt(i), within(1e-4f));
            }
        }
    }

    @Test
    void theFileSaysHowItWasMade() throws IOException {
        assertThat(ImageClassifier.readCard(trained("d.pt", 1))).isEqualTo(CARD.with(Map.of("steps", "1")));
    }

    @Test
    void otherImagesAndOtherFilesAreRefused() throws IOException {
        try (ImageClassifier classifier = networks.openClassifier(trained("e.pt", 0))) {
            assertThatThrownBy(() -> classifier.see(Tensor.of(new float[2 * 16], 2, 1, 4, 4)))
                    .hasMessage("the classifier knows images of shape [1, 8, 8], not samples of shape [1, 4, 4]");
        }
        Path teacher = folder.resolve("teacher.pt");
        NetworkFile.create(
                teacher,
                new Architecture.VelocityMlp(4, 2),
                new NetworkCard(List.of(2), List.of(), Recipe.Schedule.RECTIFIED_FLOW, 0, List.of(), Map.of()),
                1);
        assertThatThrownBy(() -> networks.openClassifier(teacher))
                .isInstanceOf(NetworkFileException.class)
                .hasMessageContaining("not a classifier")
                .hasMessageContaining("train-classifier");
        assertThatThrownBy(() -> NetworkFile.readCard(trained("f.pt", 0))).hasMessageContaining("without a card");
        assertThatThrownBy(() -> new ClassifierCard(List.of(1, 7, 8), List.of("a", "b"), 4, Map.of()))
                .hasMessageContaining("sides that 4 divides");
    }

    @Test
    void crossEntropyAndItsGradient() {
        float[] out = {9, 9, 1, 2, 3, 9, 9, -50, 0, 50};
        Tensor labels = Tensor.of(new long[] {2, 0}, 2);
        CrossEntropy loss = CrossEntropy.of(Tensor.of(out, 2, 5), 2, labels);
        double first = Math.log(Math.exp(-2) + Math.exp(-1) + 1);
        assertThat(loss.value()).isCloseTo((first + 100) / 2, within(1e-9));
        for (int i = 0; i < 10; i++) {
            float[] up = out.clone();
            float[] down = out.clone();
            up[i] += 0.01f;
            down[i] -= 0.01f;
            double slope = (CrossEntropy.of(Tensor.of(up, 2, 5), 2, labels).value()
                            - CrossEntropy.of(Tensor.of(down, 2, 5), 2, labels).value())
                    / ((double) up[i] - down[i]);
            assertThat((double) loss.gradient().floatAt(i)).isCloseTo(slope, within(1e-4));
        }
    }
}
