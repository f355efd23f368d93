package dev.sluice.runtime.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Recipe.Schedule;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.noise.Noise;
import dev.sluice.runtime.objective.Prediction;
import dev.sluice.runtime.schedule.NoiseSchedule;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Networks on libtorch whose files say that they return noise or data. */
class PredictingNetworkTest {
    private static final Noise NOISE = new Noise(7, 0);
    private static final int BATCH = 5;
    private static final Tensor X = NOISE.gaussian(Noise.Purpose.ROLLOUT_START, 0, BATCH, 2);
    /** The last two above the time at which noise is last asked. */
    private static final Tensor T = Tensor.of(new double[] {0.1, 0.5, 0.9, 0.98, 1}, BATCH);

    private static final Tensor LABELS = Tensor.of(new long[BATCH], BATCH);

    @TempDir
    Path folder;

    private final Networks networks = TorchNetworks.on("cpu", 1);

    private static NetworkCard card(Schedule schedule, Prediction prediction) {
        return new NetworkCard(List.of(2), List.of(), schedule, 0, List.of(), Map.of(), prediction);
    }

    /** The same weights whatever the card says that they return. */
    private ExpertRef file(NetworkCard card) throws IOException {
        Path file = folder.resolve(card.schedule() + "-" + card.prediction() + ".pt");
        NetworkFile.create(file, new Architecture.VelocityMlp(16, 3), card, 1);
        return NetworkFile.reference("teacher", file);
    }

    private static double dot(Tensor a, Tensor b) {
        double sum = 0;
        for (int i = 0; i < a.size(); i++) {
            sum += (double) a.floatAt(i) * b.floatAt(i);
        }
        return sum;
    }

    @ParameterizedTest
    @CsvSource({
        "RECTIFIED_FLOW, NOISE",
        "RECTIFIED_FLOW, DATA",
        "VARIANCE_PRESERVING, NOISE",
        "VARIANCE_PRESERVING, DATA"
    })
    void theModulesOutputComesOutAsAVelocity(Schedule of, Prediction kind) throws IOException {
        NoiseSchedule schedule = NoiseSchedule.of(of);
        try (Network raw = networks.open(file(card(of, Prediction.VELOCITY)));
                Network network = networks.open(file(card(of, kind)))) {
            Tensor output = raw.velocity(X, kind.askedAt(schedule, T), LABELS);
            Tensor velocity = network.velocity(X, T, LABELS);
            for (int n = 0; n < BATCH; n++) {
                double t = T.doubleAt(n);
                double asked = kind.askedAt(schedule, t);
                for (int i = 2 * n; i < 2 * n + 2; i++) {
                    double data = kind == Prediction.DATA
                            ? output.floatAt(i)
                            : (X.floatAt(i) - schedule.sigma(asked) * output.floatAt(i)) / schedule.alpha(asked);
                    double noise = (X.floatAt(i) - schedule.alpha(t) * data) / schedule.sigma(t);
                    assertThat((double) velocity.floatAt(i))
                            .as("t = %s", t)
                            .isCloseTo(noise - data, within(1e-5 * (1 + Math.abs(noise - data))));
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "RECTIFIED_FLOW, NOISE",
        "RECTIFIED_FLOW, DATA",
        "VARIANCE_PRESERVING, NOISE",
        "VARIANCE_PRESERVING, DATA"
    })
    void gradientsThroughTheConversionAreThoseOfFiniteDifferences(Schedule of, Prediction kind) throws IOException {
        Tensor g = NOISE.gaussian(Noise.Purpose.SCORE_NOISE, 0, BATCH, 2);
        // A step of rate·gradient / 10⁶: what the weights move by is their gradient.
        AdamWSettings descent = new AdamWSettings(1, 0, 0, 1e6, 0, 1e9);
        try (TrainableNetwork network = networks.openForTraining(file(card(of, kind)), descent, 0)) {
            Tensor gradient;
            try (TrainableNetwork.Pass pass = network.forward(X, T, LABELS)) {
                assertThat(pass.velocity()).isEqualTo(network.velocity(X, T, LABELS));
                gradient = pass.backward(g);
            }
            float h = 1e-2f;
            for (int i = 0; i < X.size(); i++) {
                float[] up = X.toFloats();
                float[] down = X.toFloats();
                up[i] += h;
                down[i] -= h;
                double difference = (dot(network.velocity(Tensor.of(up, BATCH, 2), T, LABELS), g)
                                - dot(network.velocity(Tensor.of(down, BATCH, 2), T, LABELS), g))
                        / (2 * h);
                assertThat((double) gradient.floatAt(i))
                        .isCloseTo(difference, within(3e-3 * (1 + Math.abs(difference))));
            }
            double before = dot(network.velocity(X, T, LABELS), g);
            Tensor bias = network.weights().get("out_bias");
            network.step(1e3);
            Tensor moved = network.weights().get("out_bias");
            double slope = (bias.floatAt(0) - moved.floatAt(0)) * 1e3;
            NoiseSchedule schedule = NoiseSchedule.of(of);
            double expected = 0;
            for (int n = 0; n < BATCH; n++) {
                double sign = kind == Prediction.DATA ? -1 : 1;
                expected += sign * g.floatAt(2 * n) / Math.sqrt(kind.weight(schedule, T.doubleAt(n)));
            }
            assertThat(slope).isCloseTo(expected, within(0.01 * (1 + Math.abs(expected))));
            assertThat(dot(network.velocity(X, T, LABELS), g)).as("downhill").isLessThan(before);
        }
    }

    @ParameterizedTest
    @EnumSource
    void anExpertReadBackSaysWhatItPredicts(Prediction kind) throws IOException {
        Path written = folder.resolve("expert.pt");
        try (TrainableNetwork network =
                networks.openForTraining(file(card(Schedule.VARIANCE_PRESERVING, kind)), AdamWSettings.ofPaper(1), 0)) {
            network.writeAverage(written, network.card().ofExpert(1, List.of(1.0, 0.0), Map.of()));
            NetworkCard card = NetworkFile.readCard(written);
            assertThat(card.prediction()).isEqualTo(kind);
            assertThat(card.phase()).isEqualTo(1);
            try (Network expert = networks.open(NetworkFile.reference("expert", written))) {
                assertThat(expert.velocity(X, T, LABELS)).isEqualTo(network.velocity(X, T, LABELS));
            }
        }
    }

    @Test
    void theVelocityGoesWithoutSaying() throws IOException {
        ExpertRef velocity = file(card(Schedule.RECTIFIED_FLOW, Prediction.VELOCITY));
        ExpertRef noise = file(card(Schedule.RECTIFIED_FLOW, Prediction.NOISE));

        assertThat(Files.readString(Path.of(velocity.path()), StandardCharsets.ISO_8859_1))
                .contains("\"schedule\":\"RECTIFIED_FLOW\"")
                .doesNotContain("\"prediction\"");
        assertThat(Files.readString(Path.of(noise.path()), StandardCharsets.ISO_8859_1))
                .contains("\"prediction\":\"NOISE\"");
    }

    @Test
    void theDataAtTheEndOfTheScheduleAreRefused() throws IOException {
        Tensor end = Tensor.of(new double[BATCH], BATCH);
        try (Network network = networks.open(file(card(Schedule.RECTIFIED_FLOW, Prediction.DATA)))) {
            assertThatThrownBy(() -> network.velocity(X, end, LABELS))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("knows no velocity at t = 0.0");
        }
    }
}
