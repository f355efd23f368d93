package dev.sluice.runtime.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.noise.Noise;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Networks on the real libtorch: gradients against finite differences, the optimizer against its formula. */
class TorchNetworkTest {
    private static final NetworkCard POINTS = card(List.of(2), List.of());
    private static final NetworkCard IMAGES = card(List.of(1, 8, 8), List.of("a", "b", "c"));
    private static final Noise NOISE = new Noise(7, 0);

    @TempDir
    Path folder;

    private final Networks networks = TorchNetworks.on("cpu", 1);

    private static NetworkCard card(List<Integer> shape, List<String> classes) {
        return new NetworkCard(shape, classes, Recipe.Schedule.RECTIFIED_FLOW, 0, List.of(), Map.of("seed", "7"));
    }

    private ExpertRef points() throws IOException {
        Path file = folder.resolve("points.pt");
        NetworkFile.create(file, new Architecture.VelocityMlp(16, 3), POINTS, 1);
        return NetworkFile.reference("points", file);
    }

    private ExpertRef images(boolean bf16) throws IOException {
        Path file = folder.resolve("images-" + bf16 + ".pt");
        NetworkFile.create(file, new Architecture.DiffusionTransformer(32, 2, 4, 4, bf16), IMAGES, 1);
        return NetworkFile.reference("images", file);
    }

    private static Tensor gaussian(long step, long... shape) {
        return NOISE.gaussian(Noise.Purpose.ROLLOUT_START, step, shape);
    }

    private static double dot(Tensor a, Tensor b) {
        double sum = 0;
        for (int i = 0; i < a.size(); i++) {
            sum += (double) a.floatAt(i) * b.floatAt(i);
        }
        return sum;
    }

    @Test
    void gradientWithRespectToTheInputIsThatOfFiniteDifferences() throws IOException {
        Tensor x = gaussian(0, 3, 2);
        Tensor t = Tensor.of(new double[] {0.2, 0.5, 0.9}, 3);
        Tensor labels = Tensor.of(new long[3], 3);
        Tensor g = gaussian(1, 3, 2);
        try (TrainableNetwork network = networks.openForTraining(points(), AdamWSettings.ofPaper(1e-3), 0.9)) {
            Tensor gradient;
            try (TrainableNetwork.Pass pass = network.forward(x, t, labels)) {
                gradient = pass.backward(g);
            }
            float h = 1e-2f;
            for (int i = 0; i < x.size(); i++) {
                float[] up = x.toFloats();
                float[] down = x.toFloats();
                up[i] += h;
                down[i] -= h;
                double difference = (dot(network.velocity(Tensor.of(up, 3, 2), t, labels), g)
                                - dot(network.velocity(Tensor.of(down, 3, 2), t, labels), g))
                        / (2 * h);
                assertThat(gradient.floatAt(i)).isCloseTo((float) difference, within(2e-3f));
            }
        }
    }

    @Test
    void stepIsAdamWWithClippingAndAverage() throws IOException {
        AdamWSettings settings = new AdamWSettings(0.01, 0.9, 0.99, 1e-8, 0.1, 1e9);
        Tensor x = gaussian(0, 4, 2);
        Tensor t = Tensor.of(new double[] {0.1, 0.2, 0.3, 0.4}, 4);
        Tensor labels = Tensor.of(new long[4], 4);
        try (TrainableNetwork network = networks.openForTraining(points(), settings, 0.75)) {
            double m = 0;
            double v = 0;
            double w = network.weights().get("out_bias").floatAt(0);
            double average = w;
            for (int k = 1; k <= 3; k++) {
                // d(sum of outputs' first coordinate)/d(out_bias[0]) is the batch size, so the gradient is known.
                float scale = k;
                network.forward(x, t, labels)
                        .backward(Tensor.of(new float[] {scale, 0, scale, 0, scale, 0, scale, 0}, 4, 2));
                double g = 4 * scale;
                assertThat(network.step(0.01)).isGreaterThanOrEqualTo(g);
                m = 0.9 * m + 0.1 * g;
                v = 0.99 * v + 0.01 * g * g;
                w -= 0.01 * 0.1 * w;
                w -= 0.01 * (m / (1 - Math.pow(0.9, k))) / (Math.sqrt(v / (1 - Math.pow(0.99, k))) + 1e-8);
                average = 0.75 * average + 0.25 * w;
                assertThat((double) network.weights().get("out_bias").floatAt(0))
                        .isCloseTo(w, within(1e-6));
                assertThat((double) network.average().get("out_bias").floatAt(0))
                        .isCloseTo(average, within(1e-6));
            }
        }
    }

    @Test
    void clippingScalesTheWholeGradient() throws IOException {
        // With beta2 = 0 and a huge epsilon the step is rate * gradient / epsilon: proportional to the clipped
        // gradient.
        AdamWSettings settings = new AdamWSettings(1, 0, 0, 1e6, 0, 0.5);
        Tensor x = gaussian(0, 1, 2);
        Tensor t = Tensor.of(new double[] {0.3}, 1);
        Tensor label = Tensor.of(new long[1], 1);
        try (TrainableNetwork network = networks.openForTraining(points(), settings, 0)) {
            float before = network.weights().get("out_bias").floatAt(0);
            network.forward(x, t, label).backward(Tensor.of(new float[] {300, 0}, 1, 2));
            double norm = network.step(1e6);
            double moved = before - network.weights().get("out_bias").floatAt(0);
            assertThat(moved).isCloseTo(300 * 0.5 / norm, within(1e-4));
        }
    }

    @Test
    void nonFiniteGradientMovesNothingAndIsForgotten() throws IOException {
        try (TrainableNetwork network = networks.openForTraining(points(), AdamWSettings.ofPaper(0.1), 0.5)) {
            Map<String, Tensor> before = network.weights();
            Tensor x = gaussian(0, 1, 2);
            Tensor t = Tensor.of(new double[] {0.3}, 1);
            Tensor label = Tensor.of(new long[1], 1);
            network.forward(x, t, label).backward(Tensor.of(new float[] {Float.NaN, 0}, 1, 2));
            assertThat(network.step(0.1)).isNaN();
            assertThat(network.weights()).isEqualTo(before);
            assertThat(network.average()).isEqualTo(before);
            network.forward(x, t, label).backward(Tensor.of(new float[] {1, 0}, 1, 2));
            assertThat(network.step(0.1)).isFinite();
            assertThat(network.weights()).isNotEqualTo(before);
        }
    }

    @Test
    void averageIsWrittenAsANetworkFileOfItsOwn() throws IOException {
        Path file = folder.resolve("average.pt");
        Path again = folder.resolve("again.pt");
        Tensor x = gaussian(0, 2, 1, 8, 8);
        Tensor t = Tensor.of(new double[] {0.3, 0.6}, 2);
        Tensor labels = Tensor.of(new long[] {0, 3}, 2);
        NetworkCard expert = IMAGES.ofExpert(1, List.of(1.0, 0.9, 0.75), Map.of("made", "here"));
        try (TrainableNetwork network = networks.openForTraining(images(false), AdamWSettings.ofPaper(0.01), 0.5)) {
            for (int k = 0; k < 3; k++) {
                network.forward(x, t, labels).backward(gaussian(k + 1, 2, 1, 8, 8));
                network.step(0.01);
            }
            Map<String, Tensor> trained = network.weights();
            network.writeAverage(file, expert);
            network.writeAverage(again, expert);
            assertThat(network.weights()).isEqualTo(trained);
            assertThat(network.average()).isNotEqualTo(trained);
            try (TrainableNetwork read = networks.openForTraining(
                    NetworkFile.reference("phase-1", file), AdamWSettings.ofPaper(0.01), 0.5)) {
                assertThat(read.card()).isEqualTo(expert);
                assertThat(read.weights()).isEqualTo(network.average());
            }
        }
        assertThat(Files.mismatch(file, again)).isEqualTo(-1);
    }

    @Test
    void transformerStartsAtZeroAndLearnsToUseItsInputs() throws IOException {
        Tensor x = gaussian(0, 2, 1, 8, 8);
        Tensor t = Tensor.of(new double[] {0.3, 0.6}, 2);
        Tensor labels = Tensor.of(new long[] {0, 3}, 2);
        for (boolean bf16 : new boolean[] {false, true}) {
            try (TrainableNetwork network =
                    networks.openForTraining(images(bf16), new AdamWSettings(0.01, 0.9, 0.99, 1e-8, 0, 1), 0.5)) {
                assertThat(network.velocity(x, t, labels)).isEqualTo(Tensor.of(new float[128], 2, 1, 8, 8));
                Tensor target = gaussian(5, 2, 1, 8, 8);
                double first = 0;
                double last = 0;
                for (int k = 0; k < 60; k++) {
                    try (TrainableNetwork.Pass pass = network.forward(x, t, labels)) {
                        float[] error = pass.velocity().toFloats();
                        last = 0;
                        for (int i = 0; i < error.length; i++) {
                            error[i] -= target.floatAt(i);
                            last += error[i] * error[i];
                        }
                        pass.backward(Tensor.of(error, 2, 1, 8, 8));
                    }
                    network.step(0.01);
                    first = k == 0 ? last : first;
                }
                assertThat(last).isLessThan(0.05 * first);
                Tensor a = network.velocity(x, t, labels);
                assertThat(network.velocity(x, t, Tensor.of(new long[] {1, 2}, 2)))
                        .isNotEqualTo(a);
                assertThat(network.velocity(x, Tensor.of(new double[] {0.4, 0.8}, 2), labels))
                        .isNotEqualTo(a);
                assertThat(network.velocity(x, t, labels)).isEqualTo(a);
            }
        }
    }

    @Test
    void twoThreadsTrainAtOnceWithTheResultsThatEachHasAlone() throws Exception {
        ExpertRef file = images(true);
        Map<String, Tensor> alone = train(file);
        List<java.util.concurrent.Future<Map<String, Tensor>>> both;
        var threads = java.util.concurrent.Executors.newFixedThreadPool(2);
        try {
            both = threads.invokeAll(List.of(() -> train(file), () -> train(file)));
            assertThat(both.get(0).get()).isEqualTo(alone);
            assertThat(both.get(1).get()).isEqualTo(alone);
        } finally {
            threads.shutdownNow();
        }
    }

    private Map<String, Tensor> train(ExpertRef file) {
        try (TrainableNetwork network = networks.openForTraining(file, AdamWSettings.ofPaper(0.01), 0.5)) {
            for (int k = 0; k < 5; k++) {
                network.forward(gaussian(k, 8, 1, 8, 8), Tensor.of(new double[8], 8), Tensor.of(new long[8], 8))
                        .backward(gaussian(k + 100, 8, 1, 8, 8));
                network.step(0.01);
            }
            return network.weights();
        }
    }

    @Test
    void refusesInputsThatLibtorchWouldChokeOn() throws IOException {
        try (Network network = networks.open(points())) {
            Tensor t = Tensor.of(new double[] {0.5}, 1);
            assertThatThrownBy(() -> network.velocity(gaussian(0, 1, 3), t, Tensor.of(new long[1], 1)))
                    .hasMessageContaining("takes samples of shape [2]");
            assertThatThrownBy(() -> network.velocity(gaussian(0, 1, 2), t, Tensor.of(new long[] {9}, 1)))
                    .hasMessageContaining("label 9 is not between 0 and 0");
        }
    }

    @Test
    void refusesFilesThatAreMissingTornAlteredOrForeign() throws IOException {
        ExpertRef good = points();
        Path file = Path.of(good.path());
        byte[] bytes = Files.readAllBytes(file);
        assertThatThrownBy(() -> NetworkFile.reference("x", folder.resolve("none.pt")))
                .isInstanceOf(NetworkFileException.class)
                .hasMessageContaining("no such network file");
        Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length / 2));
        assertThatThrownBy(() -> networks.open(good)).hasMessageContaining("not the file that points names");
        ExpertRef torn = NetworkFile.reference("torn", file);
        assertThatThrownBy(() -> networks.open(torn))
                .isInstanceOf(NetworkFileException.class)
                .hasMessageContaining("torn");
        Path foreign = folder.resolve("foreign.pt");
        Files.write(foreign, new TorchScriptWriter("AdamW").toBytes());
        assertThatThrownBy(() -> NetworkFile.readCard(foreign)).hasMessageContaining("without a card");
    }

    @Test
    void aRestoredStateTrainsOnBitForBit() throws IOException {
        AdamWSettings settings = AdamWSettings.ofPaper(1e-3);
        try (TrainableNetwork first = networks.openForTraining(images(true), settings, 0.9);
                TrainableNetwork second = networks.openForTraining(images(true), settings, 0.9)) {
            for (int k = 0; k < 3; k++) {
                train(first, k);
            }
            train(second, 9);

            second.restore(first.state());

            assertThat(second.state()).isEqualTo(first.state());
            assertThat(train(second, 3)).isEqualTo(train(first, 3));
            assertThat(train(second, 4)).isEqualTo(train(first, 4));
            assertThat(second.state()).isEqualTo(first.state());
        }
    }

    @Test
    void theStateOfAnotherNetworkIsRefusedAndMovesNothing() throws IOException {
        AdamWSettings settings = AdamWSettings.ofPaper(1e-3);
        try (TrainableNetwork points = networks.openForTraining(points(), settings, 0.9);
                TrainableNetwork images = networks.openForTraining(images(false), settings, 0.9)) {
            TrainingState before = points.state();

            assertThatThrownBy(() -> points.restore(images.state()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("the state has");

            Map<String, Tensor> bent = new LinkedHashMap<>(before.secondMoment());
            bent.put("out_bias", Tensor.of(new float[3], 3));
            assertThatThrownBy(() -> points.restore(new TrainingState(
                            before.steps(), before.weights(), before.average(), before.firstMoment(), bent)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("second moment of out_bias");
            assertThat(points.state()).isEqualTo(before);
        }
    }

    private static double train(TrainableNetwork network, int step) {
        Tensor x = gaussian(step, 4, 1, 8, 8);
        Tensor t = Tensor.of(new double[] {0.1, 0.4, 0.6, 0.9}, 4);
        network.forward(x, t, Tensor.of(new long[] {0, 1, 2, 3}, 4)).backward(gaussian(100 + step, 4, 1, 8, 8));
        return network.step(1e-3);
    }
}
