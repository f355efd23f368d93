package dev.sluice.runtime.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.noise.Noise;
import dev.sluice.runtime.objective.Linear;
import dev.sluice.runtime.objective.Prediction;
import dev.sluice.runtime.schedule.NoiseSchedule;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What Sluice writes, plain PyTorch loads and computes alike. Wants a python3 with torch; any version from 1.13 on. */
class PlainPyTorchTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<String> PYTHONS = List.of("/usr/bin/python3", "python3");
    private static final String SCRIPT = """
            import json, sys, torch
            extra = {"sluice.json": ""}
            network = torch.jit.load(sys.argv[1], _extra_files=extra)
            given = json.load(open(sys.argv[2]))
            with torch.no_grad():
                v = network(torch.tensor(given["x"]).reshape(given["shape"]), torch.tensor(given["t"]),
                            torch.tensor(given["labels"]))
            print(json.dumps({"version": torch.__version__, "card": json.loads(extra["sluice.json"]),
                              "velocity": v.flatten().tolist()}))
            """;

    private static final String CLASSIFIER = """
            import json, sys, torch
            extra = {"classifier.json": ""}
            classifier = torch.jit.load(sys.argv[1], _extra_files=extra)
            given = json.load(open(sys.argv[2]))
            with torch.no_grad():
                out = classifier(torch.tensor(given["x"]).reshape(given["shape"]))
            features = json.loads(extra["classifier.json"])["features"]
            print(json.dumps({"features": out[:, :features].flatten().tolist(),
                              "classes": out[:, features:].argmax(1).tolist()}))
            """;

    private static String python;

    @TempDir
    Path folder;

    @BeforeAll
    static void findTorch() throws Exception {
        for (String candidate : PYTHONS) {
            if (python == null && runs(candidate, "-c", "import torch")) {
                python = candidate;
            }
        }
        assumeTrue(python != null, "no python3 with torch here; on Debian, install python3-torch");
    }

    private static boolean runs(String... command) throws InterruptedException {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            process.getInputStream().readAllBytes();
            return process.waitFor(60, TimeUnit.SECONDS) && process.exitValue() == 0;
        } catch (IOException e) {
            return false;
        }
    }

    private JsonNode inPython(Path network, Tensor x, Tensor t, Tensor labels) throws Exception {
        Path input = folder.resolve("input.json");
        JSON.writeValue(
                input.toFile(),
                Map.of("x", x.toFloats(), "shape", x.shape(), "t", floats(t.toDoubles()), "labels", labels.toLongs()));
        return inPython(SCRIPT, network, input);
    }

    private JsonNode inPython(String source, Path network, Path input) throws Exception {
        Path script = Files.writeString(folder.resolve("load.py"), source);
        Process process = new ProcessBuilder(python, script.toString(), network.toString(), input.toString()).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        String errors = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(errors).isZero();
        return JSON.readTree(output);
    }

    private static float[] floats(double[] values) {
        float[] out = new float[values.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) values[i];
        }
        return out;
    }

    private void assertSameVelocity(Path file, NetworkCard card, float tolerance) throws Exception {
        int batch = 3;
        Tensor x = new Noise(5, 0).gaussian(Noise.Purpose.ROLLOUT_START, 0, card.batchShape(batch));
        Tensor t = Tensor.of(new double[] {0.1, 0.5, 1}, batch);
        Tensor labels = Tensor.of(new long[] {0, card.nullLabel(), 0}, batch);
        JsonNode answer = inPython(file, x, t, labels);
        try (Network network = TorchNetworks.on("cpu", 1).open(NetworkFile.reference("file", file))) {
            Tensor ours = network.velocity(x, t, labels);
            assertThat(answer.get("velocity")).hasSize(ours.size());
            double largest = 0;
            for (int i = 0; i < ours.size(); i++) {
                largest = Math.max(largest, Math.abs(ours.floatAt(i)));
                assertThat((float) answer.get("velocity").get(i).asDouble())
                        .isCloseTo(ours.floatAt(i), within(tolerance));
            }
            // All zeros would agree too easily.
            assertThat(largest).isGreaterThan(0.1);
        }
        assertThat(answer.at("/card/phase").asInt()).isEqualTo(card.phase());
        assertThat(answer.at("/card/timesteps")).hasSize(card.timesteps().size());
    }

    @ParameterizedTest
    @ValueSource(strings = {"fashion.pt", "mixture-2d.pt"})
    void loadsTheBundledTeachers(String name) throws Exception {
        Path file = Path.of(System.getProperty("sluice.home"), "teachers", name);
        // The transformer's products are in bfloat16, whose last bits differ between the two versions' kernels.
        assertSameVelocity(file, NetworkFile.readCard(file), name.startsWith("fashion") ? 0.1f : 1e-4f);
    }

    @Test
    void loadsAnExpertThatWasTrainedHere() throws Exception {
        Path start = folder.resolve("start.pt");
        NetworkCard card =
                new NetworkCard(List.of(1, 8, 8), List.of("a"), Recipe.Schedule.RECTIFIED_FLOW, 0, List.of(), Map.of());
        NetworkFile.create(start, new Architecture.DiffusionTransformer(32, 2, 4, 2, false), card, 1);
        ExpertRef ref = NetworkFile.reference("start", start);
        Path expert = folder.resolve("phase-1.pt");
        NetworkCard expertCard = card.ofExpert(1, List.of(1.0, 0.5, 0.0), Map.of("made", "in a test"));
        try (TrainableNetwork network =
                TorchNetworks.on("cpu", 1).openForTraining(ref, AdamWSettings.ofPaper(0.02), 0)) {
            Noise noise = new Noise(6, 0);
            for (int step = 0; step < 20; step++) {
                Tensor x = noise.gaussian(Noise.Purpose.ROLLOUT_START, step, card.batchShape(8));
                // Half the squared distance between the velocity and x: enough to leave the zeros it starts from.
                TrainableNetwork.Pass pass = network.forward(x, Tensor.of(new double[8], 8), Tensor.of(new long[8], 8));
                pass.backward(Linear.combine(1, pass.velocity(), -1, x));
                network.step(0.02);
            }
            network.writeAverage(expert, expertCard);
        }
        assertSameVelocity(expert, expertCard, 1e-4f);
    }

    @Test
    void loadsTheBundledClassifier() throws Exception {
        Path file = Path.of(System.getProperty("sluice.home"), "classifiers/fashion-mnist.pt");
        Tensor x = new Noise(5, 0).gaussian(Noise.Purpose.ROLLOUT_START, 0, 20, 1, 28, 28);
        Path input = folder.resolve("input.json");
        JSON.writeValue(input.toFile(), Map.of("x", x.toFloats(), "shape", x.shape()));
        JsonNode answer = inPython(CLASSIFIER, file, input);
        try (ImageClassifier classifier = TorchNetworks.on("cpu", 1).openClassifier(file)) {
            ImageClassifier.Seen seen = classifier.see(x);
            assertThat(answer.get("features")).hasSize(20 * 64);
            for (int i = 0; i < 20 * 64; i++) {
                assertThat((float) answer.get("features").get(i).asDouble())
                        .isCloseTo(seen.features().floatAt(i), within(1e-3f));
            }
            for (int i = 0; i < 20; i++) {
                assertThat(answer.get("classes").get(i).asLong()).isEqualTo(seen.classes()[i]);
            }
        }
    }

    /** The wrapper in docs/networks.md, around an exact noise network of N(0.7, 0.4²) in the thousand steps of DDPM. */
    @Test
    void aNoiseNetworkOfDdpmsStepsComesInAsTheDocumentsSay() throws Exception {
        String documented = Files.readString(Path.of(System.getProperty("sluice.home"), "docs/networks.md"));
        int from = documented.indexOf("import json, math, torch");
        String wrapper = documented.substring(from, documented.indexOf("```", from));
        Path made = folder.resolve("ddpm.pt");
        Path script = Files.writeString(folder.resolve("make.py"), wrapper + """

            class Exact(torch.nn.Module):
                def __init__(self, alphas_cumprod: torch.Tensor):
                    super().__init__()
                    self.register_buffer("alphas_cumprod", alphas_cumprod)

                def forward(self, x: torch.Tensor, step: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
                    a = self.alphas_cumprod[step].unsqueeze(1)
                    return torch.sqrt(1 - a) * (x - torch.sqrt(a) * 0.7) / (a * 0.16 + 1 - a)

            import sys
            alphas_cumprod = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000), 0)
            save(Exact(alphas_cumprod), alphas_cumprod, [1], [], sys.argv[1])
            """);
        Process process = new ProcessBuilder(python, script.toString(), made.toString())
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();

        double[] times = {0.1, 0.3, 0.5, 0.7, 0.9, 0.96, 1};
        Tensor x = new Noise(5, 0).gaussian(Noise.Purpose.ROLLOUT_START, 0, times.length, 1);
        NoiseSchedule schedule = NoiseSchedule.of(Recipe.Schedule.VARIANCE_PRESERVING);
        try (Network network = TorchNetworks.on("cpu", 1).open(NetworkFile.reference("ddpm", made))) {
            assertThat(network.card().prediction()).isEqualTo(Prediction.NOISE);
            Tensor velocity = network.velocity(x, Tensor.of(times, times.length), Tensor.of(new long[7], 7));
            for (int n = 0; n < times.length; n++) {
                double alpha = schedule.alpha(times[n]);
                double sigma = schedule.sigma(times[n]);
                double away = (x.floatAt(n) - alpha * 0.7) / (alpha * alpha * 0.16 + sigma * sigma);
                double exact = sigma * away - (0.7 + alpha * 0.16 * away);
                // A step is the nearest of a thousand; at t = 1 it is asked at α = 0.05.
                assertThat((double) velocity.floatAt(n)).as("t = %s", times[n]).isCloseTo(exact, within(0.03));
            }
        }
    }
}
