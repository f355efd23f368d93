package dev.sluice.actors.system;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.actors.experiments.TeacherCheck;
import dev.sluice.config.Settings;
import dev.sluice.protocol.Recipe;
import dev.sluice.runtime.network.Architecture;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.TrialReport;
import dev.sluice.runtime.trial.Trials;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.BiFunction;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A network file that cannot be used is one sentence within a limit of time and memory, and costs its own process alone. */
@Timeout(300)
class TeacherTrialIT {
    private static final Trials.Limits LIMITS = new Trials.Limits(Duration.ofSeconds(60), 0, 1L << 30, 1);
    private static final Path HOME = Path.of(System.getProperty("sluice.home"));
    private static final String RETURN = "    return torch.linear(h, self.out_weight, self.out_bias)\n";
    private static final String ANSWER = "    y = torch.linear(h, self.out_weight, self.out_bias)\n";
    private static final String FIRST = "    index = torch.arange(";

    @TempDir
    Path folder;

    private Path sound;

    @BeforeEach
    void write() throws IOException {
        sound = folder.resolve("sound.pt");
        // Bytes that no trial before this one has seen.
        NetworkCard card = new NetworkCard(
                List.of(2),
                List.of("a", "b", "c"),
                Recipe.Schedule.RECTIFIED_FLOW,
                0,
                List.of(),
                Map.of("test", UUID.randomUUID().toString()));
        NetworkFile.create(sound, new Architecture.VelocityMlp(16, 2), card, 1);
    }

    private static TrialReport tried(Path file, Trials.Limits limits) {
        return Trials.now(NetworkFile.reference("teacher", file), limits);
    }

    private Path changed(BiFunction<String, byte[], byte[]> entries) throws IOException {
        Path file = folder.resolve("changed.pt");
        try (ZipFile in = new ZipFile(sound.toFile());
                OutputStream out = Files.newOutputStream(file);
                ZipOutputStream zip = new ZipOutputStream(out)) {
            for (ZipEntry entry : Collections.list(in.entries())) {
                byte[] content =
                        entries.apply(entry.getName(), in.getInputStream(entry).readAllBytes());
                ZipEntry copy = new ZipEntry(entry.getName());
                copy.setMethod(ZipEntry.STORED);
                copy.setSize(content.length);
                CRC32 crc = new CRC32();
                crc.update(content);
                copy.setCrc(crc.getValue());
                zip.putNextEntry(copy);
                zip.write(content);
            }
        }
        return file;
    }

    private Path withSource(String what, String by) throws IOException {
        return changed((name, content) -> {
            if (!name.endsWith("__torch__.py")) {
                return content;
            }
            String source = new String(content, StandardCharsets.UTF_8);
            assertThat(source).contains(what);
            return source.replace(what, by).getBytes(StandardCharsets.UTF_8);
        });
    }

    @Test
    void aSoundNetworkPassesIsMeasuredAndRemembered() {
        TrialReport report = Trials.of(sound, LIMITS);

        assertThat(report.evaluation()).isEmpty();
        assertThat(report.withoutClass()).isEmpty();
        assertThat(report.training()).isEmpty();
        assertThat(report.parameterBytes()).isGreaterThan(1000).isLessThan(10_000);

        // No child can be started within no time: nothing is tried again.
        assertThat(Trials.of(sound, new Trials.Limits(Duration.ZERO, 0, 1, 1))).isEqualTo(report);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "raise     | ops.prim.RaiseException('mine', 'builtins.RuntimeError')     | y | mine",
                "huge      | z = torch.zeros([100000, 250000], dtype=6) | torch.add(y, torch.select(torch.select(z, 0, 0), 0, 0)) | allocate",
                "nan       |                                     | torch.div(torch.sub(y, y), 0.) | values that are not finite",
                "random    | | torch.add(y, torch.randn_like(y, dtype=None, layout=None, device=None, pin_memory=None)) | draws random numbers",
                "mean      |                                     | torch.sub(y, torch.mean(y, [0], True)) | alone otherwise than beside others",
                "baked     |                                     | torch.reshape(y, [4, 2]) | evaluating 1 sample fails: RuntimeError: shape '[4, 2]' is invalid",
                "shape     |                                     | torch.cat([y, y], 1) | with the shape [4, 4]",
                "half      |                                     | torch.to(y, 5) | expected float32 from the network, got float16",
            })
    void whatCannotBeEvaluatedIsRefusedWithItsCause(String name, String first, String answer, String sentence)
            throws IOException {
        String before = first == null ? "" : "    " + first.replace('\'', '"') + "\n";
        Path file = withSource(RETURN, before + ANSWER + "    return " + answer + "\n");

        assertThat(tried(file, LIMITS).evaluation()).contains(sentence).doesNotContain("\n");
    }

    private void assertRefused(String sentence, String... arguments) throws Exception {
        try (Sluice sluice = Sluice.start(arguments)) {
            assertThat(sluice.exitCode(Duration.ofSeconds(120))).isEqualTo(1);
            assertThat(sluice.output()).singleElement().asString().contains(sentence);
        }
    }

    @Test
    void commandsRefuseItBeforeAnythingStarts() throws Exception {
        String fashion = HOME.resolve("teachers/fashion.pt").toString();
        String broken =
                withSource(RETURN, ANSWER + "    return torch.cat([y, y], 1)\n").toString();
        Path run = folder.resolve("run");

        assertRefused(
                "sluice: the teacher " + broken + ": it answers samples of shape [4, 2] with the shape [4, 4]",
                "distill",
                "--experiment",
                "mixture-2d",
                "--run",
                run.toString(),
                "--set",
                "experiment.teacher=" + broken);
        assertRefused(
                "sluice: the teacher " + broken + ": it answers samples of shape [4, 2] with the shape [4, 4]",
                "sample",
                "--teacher",
                broken,
                "--out",
                folder.resolve("samples.png").toString());
        assertRefused(
                "sluice: experiment quick needs about ",
                "distill",
                "--experiment",
                "quick",
                "--run",
                run.toString(),
                "--set",
                "experiment.teacher=" + fashion,
                "--set",
                "experiment.recipe.batch=65536",
                "--set",
                "node.memory-gib=16");
        assertThat(run).doesNotExist();
    }

    /** Of a whole process, whose own part is some 400 MiB; heap that Java takes before it collects is in it too. */
    @Test
    @Tag("long")
    void theEstimateOfMemoryIsRightToAFactorOfTwo() throws Exception {
        List<String> settings = List.of(
                "experiment.cycles=[2,1]",
                "experiment.recipe.batch=128",
                "experiment.recipe.critic-updates=1",
                "experiment.snapshot-every=0",
                "checkpoint.every=0");
        long estimate =
                TeacherCheck.requireFits(Settings.load("quick", settings, HOME)).total();
        List<String> arguments = new ArrayList<>(List.of(
                "distill",
                "--experiment",
                "quick",
                "--run",
                folder.resolve("run").toString(),
                "--port",
                "0",
                "--stay"));
        settings.forEach(setting -> arguments.addAll(List.of("--set", setting)));
        try (Sluice sluice = Sluice.start(arguments.toArray(String[]::new))) {
            sluice.awaitLine("serving on at (.*) until", Duration.ofSeconds(250));
            long peak = 0;
            for (String line : Files.readAllLines(Path.of("/proc/" + sluice.pid() + "/status"))) {
                peak = line.startsWith("VmHWM:") ? 1024 * Long.parseLong(line.replaceAll("\\D", "")) : peak;
            }
            assertThat((double) peak / (estimate + (400L << 20))).isBetween(0.5, 2.0);
        }
    }

    @Test
    void aTupleIsNoAnswer() throws IOException {
        Path file = withSource("-> Tensor:", "-> Tuple[Tensor, Tensor]:");
        sound = file.resolveSibling("first.pt");
        Files.move(file, sound);
        file = withSource(RETURN, ANSWER + "    return (y, t)\n");

        assertThat(tried(file, LIMITS).evaluation())
                .startsWith("it answers with (Tensor, Tensor); its forward must return one Tensor");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "no grad  | torch.detach(y)  | no gradient reaches its parameters",
                "constant | torch.zeros_like(y, dtype=None, layout=None, device=None, pin_memory=None) | no gradient reaches",
                "in place | torch.add(torch.mul(torch.clamp_(x, -0.5, 0.5), 0.), y) | in-place operation",
            })
    void whatCannotBeTrainedFromMayBeSampled(String name, String answer, String sentence) throws IOException {
        TrialReport report = tried(withSource(RETURN, ANSWER + "    return " + answer + "\n"), LIMITS);

        assertThat(report.evaluation()).isEmpty();
        assertThat(report.withoutClass()).isEmpty();
        assertThat(report.training()).contains(sentence).doesNotContain("\n");
    }

    @Test
    void aMissingRowForNoClassIsNamed() throws IOException {
        Path file = changed((name, content) -> name.endsWith("sluice.json")
                ? new String(content, StandardCharsets.UTF_8)
                        .replace("\"c\"", "\"c\",\"d\"")
                        .getBytes(StandardCharsets.UTF_8)
                : content);

        TrialReport report = tried(file, LIMITS);

        assertThat(report.evaluation()).isEmpty();
        assertThat(report.withoutClass())
                .startsWith("evaluating a sample of label 4, which stands for no class")
                .contains("index out of range");
    }

    @Test
    void oneThatNeverReturnsIsStopped() throws IOException {
        Path file = withSource(FIRST, "    for i in range(9223372036854775807):\n      x = torch.add(x, 0.)\n" + FIRST);
        Trials.Limits limits = new Trials.Limits(Duration.ofSeconds(12), 0, 1L << 30, 1);
        long start = System.nanoTime();

        String problem = tried(file, limits).evaluation();

        assertThat(problem)
                .isEqualTo("evaluating 4 samples does not return: it was stopped after 12 s (node.trial-within)");
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(30));
    }

    @Test
    void oneThatTakesTheMemoryIsStopped() throws IOException {
        Path file = withSource(
                FIRST,
                "    z = torch.add(x, 0.)\n    for i in range(1000000):\n"
                        + "      z = torch.cat([z, torch.ones([10000000, 2], dtype=6)], 0)\n" + FIRST);

        assertThat(tried(file, LIMITS).evaluation())
                .isEqualTo("evaluating 4 samples takes more than 1.0 GiB of memory, all that its trial may use: it was"
                        + " stopped");
    }
}
