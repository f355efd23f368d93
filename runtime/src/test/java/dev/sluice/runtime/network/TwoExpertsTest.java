package dev.sluice.runtime.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Recipe.Schedule;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.checkpoint.StateFile;
import dev.sluice.runtime.noise.Noise;
import dev.sluice.runtime.objective.Prediction;
import dev.sluice.runtime.store.RunFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Two perceptrons on libtorch as one network, against each of them alone. */
class TwoExpertsTest {
    private static final Noise NOISE = new Noise(7, 0);
    private static final double BOUNDARY = 0.6;
    private static final NetworkCard CARD = new NetworkCard(
            List.of(2), List.of("a"), Schedule.RECTIFIED_FLOW, 0, List.of(), Map.of("data", "points", "seed", "1"));

    @TempDir
    Path folder;

    private final Networks networks = TorchNetworks.on("cpu", 1);
    private ExpertRef high;
    private ExpertRef low;
    private ExpertRef both;

    @BeforeEach
    void join() throws IOException {
        high = file("high", CARD, 1);
        NetworkCard noise = new NetworkCard(
                List.of(2),
                List.of("a"),
                Schedule.RECTIFIED_FLOW,
                0,
                List.of(),
                Map.of("data", "points", "seed", "2"),
                Prediction.NOISE);
        low = file("low", noise, 2);
        Path joined = Files.createDirectories(folder.resolve("joined")).resolve("two.json");
        TwoExpertsFile.join(joined, BOUNDARY, Path.of(high.path()), Path.of(low.path()));
        both = NetworkFile.reference("teacher", joined);
    }

    private ExpertRef file(String name, NetworkCard card, long seed) throws IOException {
        Path file = folder.resolve(name + ".pt");
        NetworkFile.create(file, new Architecture.VelocityMlp(16, 3), card, seed);
        return NetworkFile.reference(name, file);
    }

    private static Tensor gaussian(int step, int batch) {
        return NOISE.gaussian(Noise.Purpose.ROLLOUT_START, step, batch, 2);
    }

    private static Tensor labels(int batch) {
        return Tensor.of(NOISE.integers(Noise.Purpose.ROLLOUT_LABEL, 0, batch, 2), batch);
    }

    private static Tensor row(Tensor x, int n) {
        return x.rows(n, n + 1);
    }

    private static Tensor time(double... t) {
        return Tensor.of(t, t.length);
    }

    /** Any order, one-sided on either side, one row, and the boundary itself, which is the high-noise expert's. */
    @ParameterizedTest
    @ValueSource(
            strings = {"0.9 0.1 0.6 0.59 1", "0.7 0.6 1", "0.1 0.2 0.5999", "0.6", "0.001", "0.1 0.9", "0.1 0.1 0.9 0.1"
            })
    void everyRowIsAnsweredByTheExpertOfItsTime(String text) throws IOException {
        double[] times = List.of(text.split(" ")).stream()
                .mapToDouble(Double::parseDouble)
                .toArray();
        int batch = times.length;
        Tensor x = gaussian(0, batch);
        Tensor labels = labels(batch);
        try (Network together = networks.open(both);
                Network above = networks.open(high);
                Network below = networks.open(low)) {
            Tensor velocity = together.velocity(x, time(times), labels);

            assertThat(velocity.shape()).containsExactly(batch, 2);
            for (int n = 0; n < batch; n++) {
                Network expert = times[n] >= BOUNDARY ? above : below;
                Tensor alone = expert.velocity(row(x, n), time(times[n]), Tensor.of(new long[] {labels.longAt(n)}, 1));
                for (int i = 0; i < 2; i++) {
                    assertThat(velocity.floatAt(2 * n + i))
                            .as("row %d", n)
                            .isCloseTo(alone.floatAt(i), within(1e-5f * (1 + Math.abs(alone.floatAt(i)))));
                }
            }
        }
    }

    @Test
    void aBatchOfOneExpertIsItsAnswerBitForBit() {
        Tensor x = gaussian(0, 4);
        Tensor above = time(0.6, 0.7, 0.8, 1);
        Tensor below = time(0.1, 0.2, 0.3, 0.4);
        try (Network together = networks.open(both);
                Network ofHigh = networks.open(high);
                Network ofLow = networks.open(low)) {
            assertThat(together.velocity(x, above, labels(4))).isEqualTo(ofHigh.velocity(x, above, labels(4)));
            assertThat(together.velocity(x, below, labels(4))).isEqualTo(ofLow.velocity(x, below, labels(4)));
            assertThat(ofHigh.velocity(x, below, labels(4))).isNotEqualTo(ofLow.velocity(x, below, labels(4)));
        }
    }

    /** With β = 0 and a huge ε a step is the clipped gradient over ε, so what weights move by is their gradient. */
    private static AdamWSettings descent(double clip) {
        return new AdamWSettings(1, 0, 0, 1e6, 0, clip);
    }

    private record Moved(Tensor onX, double norm, Map<String, Tensor> weights) {}

    private Moved train(ExpertRef ref, double clip, Tensor x, Tensor t, Tensor labels, Tensor gradient) {
        try (TrainableNetwork network = networks.openForTraining(ref, descent(clip), 0)) {
            Tensor onX;
            try (TrainableNetwork.Pass pass = network.forward(x, t, labels)) {
                assertThat(pass.velocity()).isEqualTo(network.velocity(x, t, labels));
                onX = pass.backward(gradient);
            }
            return new Moved(onX, network.step(1e5), network.weights());
        }
    }

    @Test
    void gradientsAreThoseOfTheExpertsTrainedApartAndClippedTogether() {
        Tensor x = gaussian(0, 5);
        Tensor g = gaussian(1, 5);
        Tensor t = time(0.9, 0.1, 0.6, 0.3, 1);
        Tensor labels = Tensor.of(new long[] {0, 1, 1, 0, 1}, 5);
        int[] above = {0, 2, 4};
        int[] below = {1, 3};

        Moved together = train(both, 1e9, x, t, labels, g);
        Moved ofHigh =
                train(high, 1e9, pick(x, above), time(0.9, 0.6, 1), Tensor.of(new long[] {0, 1, 1}, 3), pick(g, above));
        Moved ofLow = train(low, 1e9, pick(x, below), time(0.1, 0.3), Tensor.of(new long[] {1, 0}, 2), pick(g, below));

        Map<String, Tensor> apart = new LinkedHashMap<>();
        ofHigh.weights().forEach((name, weight) -> apart.put("high-noise." + name, weight));
        ofLow.weights().forEach((name, weight) -> apart.put("low-noise." + name, weight));
        assertThat(together.weights()).isEqualTo(apart);
        assertThat(pick(together.onX(), above)).isEqualTo(ofHigh.onX());
        assertThat(pick(together.onX(), below)).isEqualTo(ofLow.onX());
        assertThat(together.norm()).isCloseTo(Math.hypot(ofHigh.norm(), ofLow.norm()), within(1e-5 * together.norm()));

        // Clipped to half of the joint norm, each moves by half of what it did.
        Moved clipped = train(both, together.norm() / 2, x, t, labels, g);
        try (TrainableNetwork start = networks.openForTraining(both, descent(1), 0)) {
            start.weights().forEach((name, before) -> {
                for (int i = 0; i < before.size(); i++) {
                    double whole = together.weights().get(name).floatAt(i) - before.floatAt(i);
                    double half = clipped.weights().get(name).floatAt(i) - before.floatAt(i);
                    assertThat(half).as(name).isCloseTo(whole / 2, within(1e-6));
                }
            });
        }
    }

    private static Tensor pick(Tensor x, int... rows) {
        float[] out = new float[2 * rows.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = x.floatAt(2 * rows[i / 2] + i % 2);
        }
        return Tensor.of(out, rows.length, 2);
    }

    @Test
    void aStateThatWasSavedGoesOnBitForBit() throws IOException {
        AdamWSettings settings = AdamWSettings.ofPaper(0.01);
        StateRef saved;
        Map<String, Tensor> expected;
        try (TrainableNetwork network = networks.openForTraining(both, settings, 0.9)) {
            steps(network, 0, 3);
            saved = StateFile.write(folder.resolve("state"), Role.CRITIC, 1, 3, network.state());
            steps(network, 3, 6);
            expected = network.weights();
        }
        try (TrainableNetwork resumed = networks.openForTraining(both, settings, 0.9)) {
            assertThat(resumed.weights().keySet())
                    .anyMatch(name -> name.startsWith("high-noise."))
                    .anyMatch(name -> name.startsWith("low-noise."))
                    .hasSize(expected.size());
            resumed.restore(StateFile.read(saved));
            assertThat(resumed.state().steps()).isEqualTo(3);
            steps(resumed, 3, 6);
            assertThat(resumed.weights()).isEqualTo(expected);
        }
        try (TrainableNetwork single = networks.openForTraining(high, settings, 0.9)) {
            assertThatThrownBy(() -> single.restore(StateFile.read(saved)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("parameters");
        }
    }

    /** Batches on both sides, and one on one side alone. */
    private static void steps(TrainableNetwork network, int from, int to) {
        for (int step = from; step < to; step++) {
            Tensor t = step % 3 == 1 ? time(0.7, 0.8, 0.9) : time(0.2, 0.8, 0.4);
            try (TrainableNetwork.Pass pass = network.forward(gaussian(step, 3), t, labels(3))) {
                pass.backward(pass.velocity());
            }
            network.step(0.01);
        }
    }

    @Test
    void itsCardIsWhatTheTwoHaveInCommonAndItsReferenceNamesBoth() throws IOException {
        NetworkCard card = NetworkFile.readCard(Path.of(both.path()));

        assertThat(card.sampleShape()).containsExactly(2);
        assertThat(card.classNames()).containsExactly("a");
        assertThat(card.phase()).isZero();
        assertThat(card.provenance())
                .containsEntry("data", "points")
                .doesNotContainKey("seed")
                .containsEntry("boundary", "0.6")
                .containsEntry("high-noise-sha256", high.sha256())
                .containsEntry("low-noise-sha256", low.sha256());
        try (Network network = networks.open(both)) {
            assertThat(network.card()).isEqualTo(card);
        }
        assertThat(Files.readString(Path.of(both.path()))).contains("\"../high.pt\"", high.sha256(), low.sha256());
        assertThat(networks.expertsOf(both)).hasValueSatisfying(experts -> {
            assertThat(experts.boundary()).isEqualTo(BOUNDARY);
            assertThat(experts.highNoise().path()).isEqualTo(high.path());
            assertThat(experts.lowNoise().path()).isEqualTo(low.path());
        });
        assertThat(networks.expertsOf(high)).isEmpty();
    }

    @Test
    void aFolderThatIsMovedAsAWholeStillOpens() throws IOException {
        Path elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
        Files.createDirectory(elsewhere.resolve("joined"));
        for (String name : List.of("high.pt", "low.pt", "joined/two.json")) {
            Files.copy(folder.resolve(name), elsewhere.resolve(name));
        }
        try (Network here = networks.open(both);
                Network there = networks.open(NetworkFile.reference("moved", elsewhere.resolve("joined/two.json")))) {
            Tensor t = time(0.2, 0.8);
            assertThat(there.velocity(gaussian(0, 2), t, labels(2)))
                    .isEqualTo(here.velocity(gaussian(0, 2), t, labels(2)));
        }
    }

    @Test
    void apartThatChangedIsRefusedByName() throws IOException {
        file("low", CARD, 3);
        List<Runnable> openings =
                List.of(() -> networks.open(both), () -> networks.openForTraining(both, AdamWSettings.ofPaper(1), 0));
        for (Runnable opening : openings) {
            assertThatThrownBy(opening::run)
                    .isInstanceOf(NetworkFileException.class)
                    .hasMessageContaining(low.path() + ": not the file that low-noise names: its SHA-256 is ")
                    .hasMessageEndingWith("expected " + low.sha256());
        }
        Files.delete(Path.of(high.path()));
        assertThatThrownBy(() -> networks.open(both)).hasMessage(high.path() + ": there is no such network file");
        Files.writeString(Path.of(both.path()), "{}");
        assertThatThrownBy(() -> networks.open(both)).hasMessageContaining("not the file that teacher names");
    }

    @Test
    void refusesToJoinWhatDoesNotBelongTogether() throws IOException {
        List<NetworkCard> others = List.of(
                new NetworkCard(List.of(3), List.of("a"), Schedule.RECTIFIED_FLOW, 0, List.of(), Map.of()),
                new NetworkCard(List.of(2), List.of("b"), Schedule.RECTIFIED_FLOW, 0, List.of(), Map.of()),
                new NetworkCard(List.of(2), List.of("a"), Schedule.VARIANCE_PRESERVING, 0, List.of(), Map.of()),
                CARD.ofExpert(1, List.of(1.0, 0.0), Map.of()));
        List<String> problems = List.of(
                "the high-noise expert makes samples of shape [2], the low-noise expert of [3]",
                "the high-noise expert has the classes [a], the low-noise expert [b]",
                "the high-noise expert was trained on the schedule RECTIFIED_FLOW, the low-noise expert on"
                        + " VARIANCE_PRESERVING",
                "one of them is the distilled expert of phase 1, not a teacher");
        Path out = folder.resolve("out.json");
        List<String> said = new ArrayList<>();
        for (NetworkCard card : others) {
            ExpertRef other = file("other", card, 2);
            assertThatThrownBy(() -> TwoExpertsFile.join(out, 0.5, Path.of(high.path()), Path.of(other.path())))
                    .isInstanceOf(IllegalArgumentException.class)
                    .satisfies(e -> said.add(e.getMessage()));
        }
        String prefix = high.path() + " and " + folder.resolve("other.pt") + " do not make one teacher: ";
        assertThat(said).isEqualTo(problems.stream().map(prefix::concat).toList());
        for (double boundary : new double[] {0, 1, -0.1, 875, Double.NaN}) {
            assertThatThrownBy(() -> TwoExpertsFile.join(out, boundary, Path.of(high.path()), Path.of(low.path())))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("the boundary between two experts must lie between 0 and 1, not at " + boundary);
        }
        assertThatThrownBy(() -> TwoExpertsFile.join(out, 0.5, Path.of(both.path()), Path.of(low.path())))
                .hasMessage(both.path() + " names two experts itself; join network files (.pt)");
        assertThat(out).doesNotExist();
    }

    @Test
    void aFileThatDoesNotSayWhatItMustIsRefused() throws IOException {
        String whole = Files.readString(Path.of(both.path()));
        refused(whole.substring(0, whole.length() / 2), "torn or not JSON");
        refused("{\"a\": 1}", "neither a TorchScript file nor one that names two experts");
        refused(whole.replace("\"version\" : 1", "\"version\" : 2"), "its version is 2, this Sluice reads 1");
        refused(whole.replace("0.6", "1.6"), "must lie between 0 and 1, not at 1.6");
        refused(whole.replace("0.6", "\"x\""), "its key boundary must be a number between 0 and 1");
        refused(
                whole.replace("\"boundary\"", "\"boundery\" : 1, \"boundary\""),
                "has no key boundery; did you mean boundary?");
        refused(whole.replace("low-noise", "low"), "low-noise must have file, sha256 and size");
        refused(whole + "x".repeat(70_000), "too long to name two experts");
    }

    @Test
    void whatTheTextOfAnotherFileSaysIsNotRepeated() throws IOException {
        Path secret = Files.writeString(folder.resolve("joined/secret"), "{ hunter2");
        assertThatThrownBy(() -> NetworkFile.readCard(secret))
                .isInstanceOf(NetworkFileException.class)
                .hasMessageContaining("torn or not JSON (line 1, column ")
                .hasMessageNotContaining("hunter2");
    }

    @Test
    void expertsThatNameExpertsAreRefusedWhereverTheyWouldBeOpened() throws IOException {
        Path itself = folder.resolve("joined/itself.json");
        String part = "{\"file\": \"itself.json\", \"sha256\": \"" + "0".repeat(64) + "\", \"size\": 1}";
        Files.writeString(
                itself,
                "{\"format\": \"sluice-two-experts\", \"version\": 1, \"boundary\": 0.5, \"high-noise\": " + part
                        + ", \"low-noise\": " + part + "}");
        assertThatThrownBy(() -> NetworkFile.readCard(itself))
                .isInstanceOf(NetworkFileException.class)
                .hasMessageContaining("its high-noise expert " + itself + " names experts itself");
        ExpertRef ref = NetworkFile.reference("teacher", itself);
        assertThatThrownBy(() -> networks.open(ref)).isInstanceOf(NetworkFileException.class);
        Networks stored = new StoredNetworks(networks, RunFiles.shared());
        assertThatThrownBy(() -> stored.open(ref)).isInstanceOf(NetworkFileException.class);
        stored.bring(ref);
    }

    private void refused(String text, String problem) throws IOException {
        Path file = Files.writeString(folder.resolve("joined/broken.json"), text);
        assertThatThrownBy(() -> NetworkFile.readCard(file))
                .isInstanceOf(NetworkFileException.class)
                .hasMessageStartingWith(file + ": ")
                .hasMessageContaining(problem);
    }
}
