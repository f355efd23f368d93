package dev.sluice.runtime.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Device;
import ai.djl.pytorch.engine.PtNDManager;
import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.noise.Noise;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The bundled teacher asks for bfloat16 products; where the processor has none it runs in float32. */
class Bfloat16Test {
    private static final Path TEACHER = Path.of(System.getProperty("sluice.home"), "teachers", "fashion.pt");
    private static final NetworkCard CARD = NetworkFile.readCard(TEACHER);

    @TempDir
    Path folder;

    private Path inFloat32(String name) throws IOException {
        Path file = folder.resolve(name);
        try (ModuleFile asked = ModuleFile.open(TEACHER);
                OutputStream out = Files.newOutputStream(file)) {
            Bfloat16.writeInFloat32(asked, out);
        }
        return file;
    }

    private static Tensor velocity(Path module) {
        Tensor x = new Noise(3, 0).gaussian(Noise.Purpose.ROLLOUT_START, 0, CARD.batchShape(2));
        PtNDManager manager = LibTorch.newManager(Device.cpu());
        try (TorchNetwork network = new TorchNetwork(CARD, manager, LibTorch.load(manager, module))) {
            return network.velocity(x, Tensor.of(new double[] {0.9, 0.4}, 2), Tensor.of(new long[] {3, 8}, 2));
        }
    }

    private static float furthest(Tensor a, Tensor b) {
        float furthest = 0;
        for (int i = 0; i < a.size(); i++) {
            furthest = Math.max(furthest, Math.abs(a.floatAt(i) - b.floatAt(i)));
        }
        return furthest;
    }

    @Test
    void aNetworkThatRunsInFloat32IsTheSameButForRounding() throws IOException {
        Tensor bfloat16 = velocity(TEACHER);
        Tensor float32 = velocity(inFloat32("float32.pt"));

        assertThat(float32).as("it was in bfloat16 before").isNotEqualTo(bfloat16);
        // 2⁻⁸ of values up to 4, a few times over in four blocks.
        assertThat(furthest(float32, bfloat16)).isCloseTo(0, within(0.1f));
    }

    @Test
    void whatIsSavedOfItRunsInFloat32Everywhere() throws IOException {
        Path float32 = inFloat32("float32.pt");
        Path saved = folder.resolve("saved.pt");
        PtNDManager manager = LibTorch.newManager(Device.cpu());
        try (TorchTrainableNetwork network = new TorchTrainableNetwork(
                CARD,
                manager,
                LibTorch.load(manager, float32),
                ModuleFile.open(float32),
                AdamWSettings.ofPaper(1e-3),
                0)) {
            network.writeAverage(saved, CARD);
        }

        assertThat(velocity(saved)).isEqualTo(velocity(float32));
    }

    @Test
    void aProcessorWithItRunsTheFileAsItIs() throws IOException {
        Path processors = Path.of("/proc/cpuinfo");
        assumeTrue(Files.exists(processors) && System.getProperty("os.arch").equals("amd64"), "an x86 with Linux");
        List<String> flags = Files.readAllLines(processors).stream()
                .filter(line -> line.startsWith("flags"))
                .findFirst()
                .map(line -> Arrays.asList(line.split("\\s+")))
                .orElseThrow();
        try (ModuleFile asked = ModuleFile.open(TEACHER)) {
            assertThat(Bfloat16.isForeignTo(Device.cpu(), asked))
                    .isNotEqualTo(flags.contains("avx512bw") || flags.contains("avx_ne_convert"));
            assertThat(Bfloat16.isForeignTo(Device.gpu(), asked)).isFalse();
        }
    }
}
