package dev.sluice.runtime.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
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
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Files as others save them, on the real libtorch: modes, types and sharing of parameters, and how they are written back. */
class OddNetworksTest {
    private static final Tensor X = Tensor.of(new float[] {1, 2}, 1, 2);
    private static final Tensor T = Tensor.of(new double[] {0.5}, 1);
    private static final Tensor LABEL = Tensor.of(new long[] {0}, 1);
    /** The step is rate · gradient / 10⁶, whatever came before. */
    private static final AdamWSettings PLAIN_DESCENT = new AdamWSettings(1, 0, 0, 1e6, 0, 1e9);

    private final Networks networks = TorchNetworks.on("cpu", 1);

    @TempDir
    Path folder;

    private ExpertRef saved(OddModule module) throws IOException {
        return NetworkFile.reference("odd", module.write(folder.resolve("odd.pt")));
    }

    private TrainableNetwork training(OddModule module) throws IOException {
        return networks.openForTraining(saved(module), PLAIN_DESCENT, 0);
    }

    private void refused(OddModule module, String... sentence) throws IOException {
        ExpertRef ref = saved(module);
        assertThatThrownBy(() -> networks.openForTraining(ref, PLAIN_DESCENT, 0))
                .isInstanceOf(NetworkFileException.class)
                .hasMessageStartingWith(ref.path())
                .satisfies(e -> assertThat(e.getMessage()).contains(sentence));
    }

    @Test
    void aModuleSavedInTrainingModeIsAFunctionOfItsInputs() throws IOException {
        float[] ones = new float[2];
        OddModule dropping = new OddModule("torch.dropout(torch.add(x, self.w), 0.5, self.training)")
                .parameter("w", true, ones)
                .inTraining();
        Tensor many = Tensor.of(new float[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, 8, 2);
        Tensor times = Tensor.of(new double[8], 8);
        Tensor labels = Tensor.of(new long[8], 8);
        try (TrainableNetwork trains = training(dropping);
                Network frozen = networks.open(saved(dropping))) {
            assertThat(frozen.velocity(many, times, labels)).isEqualTo(many);
            try (TrainableNetwork.Pass pass = trains.forward(many, times, labels)) {
                assertThat(pass.velocity()).isEqualTo(many);
            }
            Path written = folder.resolve("written.pt");
            trains.writeAverage(written, trains.card());
            try (ModuleFile file = ModuleFile.open(written)) {
                assertThat(file.attributes().trainingFlags())
                        .as("in training mode")
                        .isEmpty();
            }
        }
    }

    @Test
    void aParameterWithTwoNamesIsSteppedOnce() throws IOException {
        OddModule tied = new OddModule("torch.add(torch.mul(x, self.v), torch.mul(x, self.w))")
                .parameter("w", true, 3, 5)
                .alias("v", "w");
        Path written = folder.resolve("written.pt");
        try (TrainableNetwork network = training(tied)) {
            network.forward(X, T, LABEL).backward(Tensor.of(new float[] {1, 1}, 1, 2));
            // The output is 2 w x, so the gradient is 2 x.
            assertThat(network.step(1e6)).isCloseTo(2 * Math.sqrt(5), within(1e-5));
            assertThat(network.weights()).containsOnlyKeys("w");
            assertThat(network.weights().get("w").floatAt(0)).isCloseTo(1, within(1e-4f));
            assertThat(network.weights().get("w").floatAt(1)).isCloseTo(1, within(1e-4f));
            network.writeAverage(written, network.card());
        }
        try (Network again = networks.open(NetworkFile.reference("written", written))) {
            assertThat(again.velocity(X, T, LABEL).floatAt(1)).isCloseTo(4, within(1e-3f));
        }
    }

    @Test
    void parametersInOnePieceOfMemoryThatAreNotOneAreRefused() throws IOException {
        refused(
                new OddModule("torch.mul(x, self.w)")
                        .parameter("w", true, 3, 5, 7)
                        .view("v", "Float", 0, 3, 1, new long[] {2}, new long[] {1}, true, true),
                "its parameters w and v share memory");
    }

    @Test
    void whatTheFileFreezesStaysAsItIs() throws IOException {
        OddModule adapted = new OddModule("torch.add(torch.mul(x, self.base), torch.mul(x, self.adapter))")
                .parameter("base", false, 3, 5)
                .parameter("adapter", true, 0, 0);
        Path written = folder.resolve("written.pt");
        try (TrainableNetwork network = training(adapted)) {
            network.forward(X, T, LABEL).backward(Tensor.of(new float[] {1, 1}, 1, 2));
            network.step(1e6);
            assertThat(network.weights()).containsOnlyKeys("adapter");
            network.writeAverage(written, network.card());
        }
        try (Network again = networks.open(NetworkFile.reference("written", written))) {
            // 3·1 − 1·1 and 5·2 − 2·2
            assertThat(again.velocity(X, T, LABEL).floatAt(0)).isCloseTo(2, within(1e-4f));
            assertThat(again.velocity(X, T, LABEL).floatAt(1)).isCloseTo(6, within(1e-4f));
        }
    }

    @Test
    void aFileWithEverythingFrozenWasSavedForInferenceAndTrains() throws IOException {
        try (TrainableNetwork network = training(new OddModule("torch.mul(x, self.w)").parameter("w", false, 3, 5))) {
            network.forward(X, T, LABEL).backward(Tensor.of(new float[] {1, 1}, 1, 2));
            assertThat(network.step(1)).isCloseTo(Math.sqrt(5), within(1e-5));
        }
    }

    @ParameterizedTest
    @CsvSource({"BFloat16,2", "Half,2", "Double,8", "ComplexFloat,8"})
    void onlyFloat32IsTrainedAndAnyTypeMayBeFrozen(String type, int bytes) throws IOException {
        byte[] zeros = new byte[2 * bytes];
        long[] shape = {2};
        long[] strides = {1};
        refused(
                OddModule.ordinary().tensor("odd", type, 2, zeros, shape, strides, true, true),
                "its parameter odd is " + type.toLowerCase(java.util.Locale.ROOT),
                "only float32 can be trained",
                "model.float()");
        for (boolean parameter : new boolean[] {true, false}) {
            try (TrainableNetwork network =
                    training(OddModule.ordinary().tensor("odd", type, 2, zeros, shape, strides, false, parameter))) {
                network.forward(X, T, LABEL).backward(Tensor.of(new float[] {1, 1}, 1, 2));
                network.step(1);
                assertThat(network.weights()).containsOnlyKeys("w");
                network.writeAverage(folder.resolve("written.pt"), network.card());
            }
            networks.open(NetworkFile.reference("written", folder.resolve("written.pt")))
                    .close();
        }
    }

    @ParameterizedTest
    @CsvSource({"Long,8", "Int,4", "Short,2", "Bool,1", "Byte,1"})
    void buffersOfWholeNumbersAreLeftAlone(String type, int bytes) throws IOException {
        try (TrainableNetwork network = training(OddModule.ordinary()
                .tensor("odd", type, 2, new byte[2 * bytes], new long[] {2}, new long[] {1}, false, false))) {
            assertThat(network.weights()).containsOnlyKeys("w");
        }
    }

    @Test
    void aModuleWithoutParametersCannotTrain() throws IOException {
        refused(new OddModule("torch.mul(x, x)"), "no parameters that could be trained", "torch.jit.freeze");
    }

    @Test
    void whatLibtorchSaysOfAModuleItCannotLoadIsOneSentence() throws IOException {
        refused(
                OddModule.ordinary().statements("    y = torch.no_such_operation(x)\n"),
                "libtorch cannot load it: Unknown builtin op: aten::no_such_operation.");
    }

    @Test
    void aStridedParameterIsWrittenBackInItsPlaces() throws IOException {
        OddModule transposed = new OddModule("torch.matmul(x, self.w)")
                .entry("data/0", OddModule.floats(9, 1, 2, 3, 4))
                .view("w", "Float", 0, 5, 1, new long[] {2, 2}, new long[] {1, 2}, true, true);
        Path written = folder.resolve("written.pt");
        try (TrainableNetwork network = training(transposed)) {
            assertThat(network.weights().get("w")).isEqualTo(Tensor.of(new float[] {1, 3, 2, 4}, 2, 2));
            network.writeAverage(written, network.card());
        }
        try (ModuleFile file = ModuleFile.open(written)) {
            byte[] elements =
                    file.archive().content(file.archive().find("data/0").orElseThrow(), 100);
            assertThat(elements).isEqualTo(OddModule.floats(9, 1, 2, 3, 4));
        }
    }

    @Test
    void whatIsWrittenIsWhatLibtorchWouldHaveWritten() throws IOException {
        NetworkCard card = new NetworkCard(
                List.of(1, 8, 8), List.of("a"), Recipe.Schedule.RECTIFIED_FLOW, 0, List.of(), Map.of("seed", "7"));
        Path start = folder.resolve("start.pt");
        NetworkFile.create(start, new Architecture.DiffusionTransformer(32, 2, 4, 2, false), card, 1);
        Path ours = folder.resolve("ours.pt");
        Path theirs = folder.resolve("theirs.pt");
        Noise noise = new Noise(3, 0);
        Tensor x = noise.gaussian(Noise.Purpose.ROLLOUT_START, 0, 2, 1, 8, 8);
        Tensor t = Tensor.of(new double[] {0.3, 0.9}, 2);
        Tensor labels = Tensor.of(new long[] {0, 1}, 2);
        try (TrainableNetwork network =
                networks.openForTraining(NetworkFile.reference("start", start), AdamWSettings.ofPaper(0.01), 0)) {
            for (int k = 0; k < 3; k++) {
                network.forward(x, t, labels).backward(noise.gaussian(Noise.Purpose.ROLLOUT_START, k, 2, 1, 8, 8));
                network.step(0.01);
            }
            network.writeAverage(ours, card);
            writeByLibtorch(start, network.weights(), theirs, card);
            try (Network one = networks.open(NetworkFile.reference("ours", ours));
                    Network other = networks.open(NetworkFile.reference("theirs", theirs))) {
                Tensor velocity = one.velocity(x, t, labels);
                assertThat(velocity).isEqualTo(network.velocity(x, t, labels)).isEqualTo(other.velocity(x, t, labels));
                assertThat(velocity).isNotEqualTo(Tensor.of(new float[128], 2, 1, 8, 8));
            }
        }
        assertThat(weights(ours)).isEqualTo(weights(theirs));
        assertThat(NetworkFile.readCard(ours)).isEqualTo(NetworkFile.readCard(theirs));
    }

    private static void writeByLibtorch(Path from, Map<String, Tensor> weights, Path to, NetworkCard card)
            throws IOException {
        try (PtNDManager manager = LibTorch.newManager(Device.cpu())) {
            PtSymbolBlock module = LibTorch.load(manager, from);
            NDList parameters = LibTorch.parameters(module, manager);
            NDList values = new NDList();
            parameters.forEach(parameter -> values.add(LibTorch.toDevice(manager, weights.get(parameter.getName()))));
            new AdamW(manager, parameters, AdamWSettings.ofPaper(0.01), 0).overwrite(parameters, values);
            NetworkFile.write(to, LibTorch.write(module), card);
        }
    }

    private static Map<String, Tensor> weights(Path file) {
        try (PtNDManager manager = LibTorch.newManager(Device.cpu())) {
            Map<String, Tensor> weights = new LinkedHashMap<>();
            for (NDArray parameter : LibTorch.parameters(LibTorch.load(manager, file), manager)) {
                weights.put(parameter.getName(), LibTorch.toHost(parameter));
            }
            return weights;
        }
    }

    @Test
    void whatCannotFitIsRefusedBeforeItIsLoaded() throws IOException {
        try (ModuleFile file = ModuleFile.open(OddModule.ordinary().write(folder.resolve("odd.pt")))) {
            assertThatThrownBy(() -> TorchNetworks.requireRoom(file, 7))
                    .isInstanceOf(NetworkFileException.class)
                    .hasMessageContaining("its tensors take 0.0 GiB, the device has 0.0 GiB");
            TorchNetworks.requireRoom(file, 8);
            TorchNetworks.requireRoom(file, 0);
        }
    }

    /** As a cache does that marks what it is asked for by its time, while others open it. */
    @Test
    void aFileWhoseTimeChangesWhileItIsOpenedIsTheSame() throws Exception {
        ExpertRef ref = saved(OddModule.ordinary());
        AtomicBoolean done = new AtomicBoolean();
        Thread toucher = new Thread(() -> {
            for (long time = 0; !done.get(); time += 1000) {
                Path.of(ref.path()).toFile().setLastModified(time);
            }
        });
        toucher.start();
        try {
            for (int i = 0; i < 20; i++) {
                networks.open(ref).close();
            }
        } finally {
            done.set(true);
            toucher.join();
        }
    }

    @Test
    void theFileMayGoWhileItsNetworkTrains() throws IOException {
        ExpertRef ref = saved(OddModule.ordinary());
        try (TrainableNetwork network = networks.openForTraining(ref, PLAIN_DESCENT, 0)) {
            Files.delete(Path.of(ref.path()));
            network.writeAverage(folder.resolve("written.pt"), network.card());
        }
        assertThat(NetworkFile.readCard(folder.resolve("written.pt")).classNames())
                .containsExactly("a", "b");
    }
}
