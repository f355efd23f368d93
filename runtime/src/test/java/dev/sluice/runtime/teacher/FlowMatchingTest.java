package dev.sluice.runtime.teacher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.data.Batch;
import dev.sluice.runtime.data.Dataset;
import dev.sluice.runtime.data.Mixture;
import dev.sluice.runtime.network.Architecture;
import dev.sluice.runtime.network.FormulaNetworks;
import dev.sluice.runtime.network.FormulaNetworks.Call;
import dev.sluice.runtime.network.FormulaNetworks.Term;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.TorchNetworks;
import dev.sluice.runtime.network.TrainableNetwork;
import dev.sluice.runtime.noise.Noise;
import dev.sluice.runtime.noise.Noise.Purpose;
import dev.sluice.runtime.objective.Prediction;
import dev.sluice.runtime.schedule.NoiseSchedule;
import dev.sluice.runtime.teacher.FlowMatchingSettings.Times;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoublePredicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class FlowMatchingTest {
    private static final Map<Term, Double> WEIGHTS =
            Map.of(Term.X, 0.6, Term.T_X, -0.4, Term.SINE_X, 0.8, Term.ONE, 0.2, Term.LABEL, -0.3);
    private static final double RATE = 0.05;
    private static final long SEED = 3;

    private final FormulaNetworks networks = new FormulaNetworks();

    /** Images of one row, left pixel and right pixel by class. */
    private record Images(float[]... pixels) implements Dataset {
        @Override
        public int size() {
            return pixels.length;
        }

        @Override
        public List<Integer> sampleShape() {
            return List.of(1, 1, 2);
        }

        @Override
        public List<String> classNames() {
            return Arrays.stream(pixels).map(Arrays::toString).toList();
        }

        @Override
        public Batch batch(int[] indices) {
            float[] x = new float[2 * indices.length];
            long[] labels = new long[indices.length];
            for (int i = 0; i < indices.length; i++) {
                System.arraycopy(pixels[indices[i]], 0, x, 2 * i, 2);
                labels[i] = indices[i];
            }
            return new Batch(Tensor.of(x, indices.length, 1, 1, 2), Tensor.of(labels, indices.length));
        }
    }

    private static final Images TWO = new Images(new float[] {-1, 1}, new float[] {0.5f, 0.25f});

    private static FlowMatchingSettings settings(long seed, int batch, Times times, double dropout, boolean mirror) {
        AdamWSettings optimizer = new AdamWSettings(RATE, 0.9, 0.99, 1e-8, 0, 1);
        return new FlowMatchingSettings(seed, 100, batch, times, dropout, mirror, 4, optimizer, 0.9);
    }

    private TrainableNetwork network(Dataset data, Recipe.Schedule schedule, Map<Term, Double> weights) {
        NetworkCard card = new NetworkCard(data.sampleShape(), data.classNames(), schedule, 0, List.of(), Map.of());
        return networks.openForTraining(networks.file("teacher", card, weights), AdamWSettings.ofPaper(1), 0);
    }

    /** What the network was asked in the first {@code steps} steps. */
    private List<Call> asked(FlowMatchingSettings settings, int steps) {
        networks.calls().clear();
        FlowMatching matching = new FlowMatching(settings, TWO, network(TWO, Recipe.Schedule.RECTIFIED_FLOW, WEIGHTS));
        for (int step = 0; step < steps; step++) {
            matching.step(step);
        }
        assertThat(networks.calls()).hasSize(steps);
        return List.copyOf(networks.calls());
    }

    private double[] times(Times times) {
        return asked(settings(SEED, 1000, times, 0, false), 20).stream()
                .flatMapToDouble(call -> Arrays.stream(call.t().toDoubles()))
                .sorted()
                .toArray();
    }

    private static double share(double[] values, DoublePredicate which) {
        return Arrays.stream(values).filter(which).count() / (double) values.length;
    }

    /** Kolmogorov–Smirnov: 1.63/√n is passed once in a hundred. */
    @Test
    void uniformTimesAreUniform() {
        double[] t = times(Times.UNIFORM);
        assertThat(t).hasSize(20_000);
        assertThat(share(t, u -> u > 0 && u < 1)).isEqualTo(1);
        double distance = 0;
        for (int i = 0; i < t.length; i++) {
            distance = Math.max(distance, Math.abs((i + 0.5) / t.length - t[i]));
        }
        assertThat(distance).isLessThan(1.63 / Math.sqrt(t.length));
    }

    @Test
    void logitNormalTimesHaveANormalLogit() {
        double[] t = times(Times.LOGIT_NORMAL);
        assertThat(t).hasSize(20_000);
        assertThat(share(t, u -> u > 0 && u < 1)).isEqualTo(1);
        double[] z = Arrays.stream(t).map(u -> Math.log(u / (1 - u))).toArray();
        double mean = Arrays.stream(z).average().orElseThrow();
        double variance = Arrays.stream(z).map(v -> v * v).average().orElseThrow();

        assertThat(mean).isCloseTo(0, within(4 / Math.sqrt(z.length)));
        assertThat(variance).isCloseTo(1, within(4 * Math.sqrt(2.0 / z.length)));
        assertThat(share(z, v -> Math.abs(v) < 1)).isCloseTo(0.6827, within(0.013));
        assertThat(share(z, v -> v > 2)).isCloseTo(0.0228, within(0.005));
        assertThat(share(z, v -> v < -2)).isCloseTo(0.0228, within(0.005));
    }

    @Test
    void everySampleOfTheDataIsDrawnEquallyOften() {
        double[] labels = asked(settings(SEED, 1000, Times.UNIFORM, 0, false), 20).stream()
                .flatMapToDouble(call -> Arrays.stream(call.labels().toLongs()).asDoubleStream())
                .toArray();

        assertThat(share(labels, label -> label == 0)).isCloseTo(0.5, within(0.015));
        assertThat(labels).containsOnly(0, 1);
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.1, 0.5, 1})
    void labelsAreHiddenAsOftenAsAskedAndTheOthersStay(double dropout) {
        List<Call> shown = asked(settings(SEED, 1000, Times.UNIFORM, 0, false), 20);
        List<Call> hidden = asked(settings(SEED, 1000, Times.UNIFORM, dropout, false), 20);
        int changed = 0;
        for (int step = 0; step < 20; step++) {
            assertThat(hidden.get(step).x()).isEqualTo(shown.get(step).x());
            for (int i = 0; i < 1000; i++) {
                long label = hidden.get(step).labels().longAt(i);
                if (label != shown.get(step).labels().longAt(i)) {
                    assertThat(label).as("the label for none").isEqualTo(2);
                    changed++;
                }
            }
        }
        double deviation = Math.sqrt(dropout * (1 - dropout) / 20_000);
        assertThat(changed / 20_000.0).isCloseTo(dropout, within(4 * deviation));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void halfOfTheImagesAreMirroredWhenAsked(boolean mirror) {
        Images one = new Images(new float[] {-1, 1});
        TrainableNetwork network = network(one, Recipe.Schedule.RECTIFIED_FLOW, WEIGHTS);
        new FlowMatching(settings(SEED, 2000, Times.UNIFORM, 0, mirror), one, network).step(6);

        Tensor xT = networks.calls().get(0).x();
        Tensor t = networks.calls().get(0).t();
        Tensor epsilon = new Noise(SEED, 0).gaussian(Purpose.DATA_NOISE, 6, 2000, 1, 1, 2);
        int mirrored = 0;
        for (int i = 0; i < 2000; i++) {
            double u = t.doubleAt(i);
            double left = xT.floatAt(2 * i) - u * epsilon.floatAt(2 * i);
            double right = xT.floatAt(2 * i + 1) - u * epsilon.floatAt(2 * i + 1);
            assertThat(Math.abs(left)).isCloseTo(1 - u, within(1e-6));
            assertThat(left).isCloseTo(-right, within(1e-6));
            mirrored += left > 0 ? 1 : 0;
        }
        assertThat(mirrored / 2000.0).isCloseTo(mirror ? 0.5 : 0, within(mirror ? 0.05 : 0));
    }

    @ParameterizedTest
    @CsvSource({
        "RECTIFIED_FLOW, VELOCITY",
        "RECTIFIED_FLOW, NOISE",
        "RECTIFIED_FLOW, DATA",
        "VARIANCE_PRESERVING, VELOCITY",
        "VARIANCE_PRESERVING, NOISE",
        "VARIANCE_PRESERVING, DATA"
    })
    void aStepMovesTheWeightsDownTheErrorOfWhatTheNetworkPredicts(Recipe.Schedule kind, Prediction prediction) {
        int step = 5;
        NetworkCard card =
                new NetworkCard(TWO.sampleShape(), TWO.classNames(), kind, 0, List.of(), Map.of(), prediction);
        TrainableNetwork network =
                networks.openForTraining(networks.file("teacher", card, WEIGHTS), AdamWSettings.ofPaper(1), 0);
        FlowMatchingSettings settings = settings(SEED, 16, Times.LOGIT_NORMAL, 0.3, false);

        double returned = new FlowMatching(settings, TWO, network).step(step);

        NoiseSchedule schedule = NoiseSchedule.of(kind);
        Noise noise = new Noise(SEED, 0);
        long[] indices = noise.integers(Purpose.DATA_INDEX, step, 16, 2);
        double[] coin = noise.uniform(Purpose.DATA_DROPOUT, step, 16);
        Tensor z = noise.gaussian(Purpose.DATA_TIME, step, 16, 1);
        Tensor epsilon = noise.gaussian(Purpose.DATA_NOISE, step, 16, 1, 1, 2);
        double loss = 0;
        Map<Term, Double> expected = new EnumMap<>(WEIGHTS);
        for (int i = 0; i < 32; i++) {
            double x0 = TWO.pixels()[(int) indices[i / 2]][i % 2];
            long label = coin[i / 2] < 0.3 ? 2 : indices[i / 2];
            double t = prediction.askedAt(schedule, 1 / (1 + Math.exp(-z.floatAt(i / 2))));
            double xT = schedule.alpha(t) * x0 + schedule.sigma(t) * epsilon.floatAt(i);
            double error =
                    switch (prediction) {
                        case VELOCITY -> x0 - epsilon.floatAt(i);
                        case NOISE -> -epsilon.floatAt(i);
                        case DATA -> -x0;
                    };
            for (Term term : WEIGHTS.keySet()) {
                error += WEIGHTS.get(term) * term.value(xT, t, label);
            }
            loss += error * error / 32;
            for (Term term : WEIGHTS.keySet()) {
                expected.merge(
                        term, -settings.learningRate(step) * 2 * error * term.value(xT, t, label) / 32, Double::sum);
            }
        }
        assertThat(returned).isCloseTo(loss, within(1e-6));
        expected.forEach(
                (term, weight) -> assertThat(network.weights().get(term.name()).doubleAt(0))
                        .as(term.name())
                        .isCloseTo(weight, within(1e-7)));
        assertThat(networks.openGraphs()).isZero();
    }

    /**
     * All data at m = 0.5: v = (x − m)/t, as far as the rounding of x allows. The rate is small because plain descent on
     * 1/t² diverges from any rounding at another.
     */
    @ParameterizedTest
    @EnumSource
    void theExactVelocityOfAPointMassHasNoLossAndStaysWhereItIs(Times times) {
        Images point = new Images(new float[] {0.5f, 0.5f});
        FlowMatchingSettings settings =
                new FlowMatchingSettings(SEED, 100, 64, times, 0, false, 4, AdamWSettings.ofPaper(1e-6), 0.9);
        Map<Term, Double> exact = Map.of(Term.X_OVER_T, 1.0, Term.ONE_OVER_T, -0.5);
        TrainableNetwork network = network(point, Recipe.Schedule.RECTIFIED_FLOW, exact);
        FlowMatching matching = new FlowMatching(settings, point, network);

        for (int step = 0; step < 10; step++) {
            assertThat(matching.step(step)).isLessThan(1e-7);
        }
        exact.forEach((term, weight) ->
                assertThat(network.weights().get(term.name()).doubleAt(0)).isCloseTo(weight, within(1e-6)));
        TrainableNetwork wrong =
                network(point, Recipe.Schedule.RECTIFIED_FLOW, Map.of(Term.X_OVER_T, 1.0, Term.ONE_OVER_T, -0.4));
        assertThat(new FlowMatching(settings, point, wrong).step(0)).isGreaterThan(0.01);
    }

    @Test
    void aStepThatIsNotFiniteIsSkippedAndTheNextIsAsIfItHadNotBeen() {
        FlowMatchingSettings settings = settings(SEED, 16, Times.UNIFORM, 0, false);
        TrainableNetwork hit = network(TWO, Recipe.Schedule.RECTIFIED_FLOW, WEIGHTS);
        Map<String, Tensor> before = hit.weights();
        networks.poison();
        FlowMatching matching = new FlowMatching(settings, TWO, hit);
        assertThat(matching.step(0)).as("the loss was still finite").isFinite();
        assertThat(hit.weights()).isEqualTo(before);
        Images broken = new Images(new float[] {0, Float.NaN});
        assertThat(new FlowMatching(settings, broken, hit).step(0)).isNaN();
        assertThat(hit.weights()).isEqualTo(before);

        matching.step(1);
        TrainableNetwork spared = network(TWO, Recipe.Schedule.RECTIFIED_FLOW, WEIGHTS);
        new FlowMatching(settings, TWO, spared).step(1);
        assertThat(hit.weights()).isEqualTo(spared.weights()).isNotEqualTo(before);
    }

    private record Trained(List<Double> losses, Map<String, Tensor> weights, Map<String, Tensor> average) {}

    /** A teacher of the line's four points on libtorch; checks its average on the way. */
    private static Trained onTorch(Path folder, long seed) throws IOException {
        Path file = folder.resolve("fresh.pt");
        Dataset data = Mixture.line(0.05, 1);
        NetworkCard card = new NetworkCard(
                data.sampleShape(), data.classNames(), Recipe.Schedule.RECTIFIED_FLOW, 0, List.of(), Map.of());
        NetworkFile.create(file, new Architecture.VelocityMlp(16, 2), card, 1);
        FlowMatchingSettings settings = settings(seed, 32, Times.LOGIT_NORMAL, 0, false);
        try (TrainableNetwork network = TorchNetworks.on("cpu", 1)
                .openForTraining(NetworkFile.reference("fresh", file), settings.optimizer(), settings.averageDecay())) {
            FlowMatching matching = new FlowMatching(settings, data, network);
            Map<String, double[]> expected = new LinkedHashMap<>();
            network.weights().forEach((name, weight) -> expected.put(name, doubles(weight)));
            List<Double> losses = new ArrayList<>();
            for (int step = 0; step < 20; step++) {
                losses.add(matching.step(step));
                network.weights().forEach((name, weight) -> {
                    double[] mean = expected.get(name);
                    for (int i = 0; i < mean.length; i++) {
                        mean[i] = 0.9 * mean[i] + 0.1 * weight.floatAt(i);
                    }
                });
            }
            expected.forEach((name, mean) ->
                    assertThat(doubles(network.average().get(name))).as(name).containsExactly(mean, within(1e-6)));
            return new Trained(losses, network.weights(), network.average());
        }
    }

    private static double[] doubles(Tensor weight) {
        double[] values = new double[weight.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = weight.floatAt(i);
        }
        return values;
    }

    @Test
    void equalSeedsMakeOneTeacherBitForBitAndOthersAnother(@TempDir Path folder) throws IOException {
        Trained first = onTorch(folder, 1);

        assertThat(first.losses()).allMatch(Double::isFinite);
        assertThat(first.average()).isNotEqualTo(first.weights());
        assertThat(onTorch(folder, 1)).isEqualTo(first);
        assertThat(onTorch(folder, 2).weights()).isNotEqualTo(first.weights());
    }
}
