package dev.sluice.actors.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.Recipe;
import dev.sluice.runtime.network.Architecture;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.objective.Prediction;
import dev.sluice.runtime.store.Safetensors;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What people do in their first week: it works, or one sentence says what to do instead. */
class FirstWeekTest {
    @TempDir
    Path folder;

    private Path latents;
    private Path points;

    @BeforeEach
    void teachers() throws IOException {
        latents = teacher("latents.pt", new Architecture.DiffusionTransformer(8, 1, 1, 2, false), List.of(16, 4, 4));
        points = teacher("points.pt", new Architecture.VelocityMlp(8, 2), List.of(2));
    }

    private Path teacher(String name, Architecture architecture, List<Integer> shape) throws IOException {
        Path file = folder.resolve(name);
        NetworkCard card = new NetworkCard(
                shape,
                List.of("0", "1", "10", "2"),
                Recipe.Schedule.RECTIFIED_FLOW,
                0,
                List.of(),
                Map.of(),
                Prediction.VELOCITY);
        NetworkFile.create(file, architecture, card, 1);
        return file;
    }

    private record Said(int code, String text) {}

    private static Said sluice(Object... arguments) {
        StringWriter text = new StringWriter();
        PrintWriter writer = new PrintWriter(text);
        String[] words = new String[arguments.length];
        for (int i = 0; i < words.length; i++) {
            words[i] = arguments[i].toString();
        }
        int code = SluiceCommand.run(writer, writer, words);
        return new Said(code, text.toString());
    }

    private static void assertRefused(String message, Object... arguments) {
        Said said = sluice(arguments);
        assertThat(said.text())
                .contains(message)
                .doesNotContain("\tat ")
                .doesNotContain("Exception")
                .doesNotContain("report it");
        assertThat(said.code()).isEqualTo(1);
    }

    private Said sample(Object... arguments) {
        return sluice(
                Stream.concat(Stream.of("sample", "--n", 2, "--steps", 1, "--threads", 1), Arrays.stream(arguments))
                        .toArray());
    }

    @Test
    void samplesThatCannotBeDrawnAreRefusedBeforeTheyAreMadeAndWrittenRaw() throws IOException {
        Path picture = folder.resolve("x.png");
        Path raw = folder.resolve("x.safetensors");
        assertRefused(
                "samples of shape [16, 4, 4] cannot be drawn",
                "sample",
                "--teacher",
                latents,
                "--out",
                picture,
                "--raw",
                raw);
        assertThat(raw).doesNotExist();

        assertThat(sample("--teacher", latents, "--raw", raw)).satisfies(said -> {
            assertThat(said.code()).as(said.text()).isZero();
            assertThat(said.text()).contains("2 samples of", "in " + raw);
        });
        assertThat(Safetensors.read(raw).tensors().get("samples").shape()).containsExactly(2, 16, 4, 4);
    }

    @Test
    void aClassIsTakenByItsNameBeforeItsIndex() throws IOException {
        Path raw = folder.resolve("x.safetensors");
        assertThat(sample("--teacher", points, "--class", "2", "--raw", raw).code())
                .isZero();
        assertThat(Safetensors.read(raw).tensors().get("labels").toLongs()).containsExactly(3, 3);
        assertRefused(
                "there is no class 4; it has 4 classes: 0 0, 1 1, 2 10, 3 2",
                "sample",
                "--teacher",
                points,
                "--class",
                "4",
                "--raw",
                raw);
    }

    @Test
    void placesThatCannotBeWrittenToAreRefusedBeforeTheWork() throws IOException {
        Path file = Files.createFile(folder.resolve("file"));
        assertRefused("nothing to write", "sample", "--teacher", points);
        assertRefused(
                "there is no folder " + folder.resolve("no"),
                "sample",
                "--teacher",
                points,
                "--out",
                folder.resolve("no/x.png"));
        assertRefused(folder + " is a folder; name a file in it", "sample", "--teacher", points, "--out", folder);
        assertRefused(
                "--columns 0 must be 1 or more",
                "sample",
                "--teacher",
                points,
                "--columns",
                0,
                "--out",
                folder.resolve("x.png"));
        assertRefused(
                file + " is a file, not a folder",
                "train-teacher",
                "--data",
                "mixture-2d",
                "--out",
                file.resolve("x.pt"));
        assertRefused(folder + " is a folder", "train-teacher", "--data", "mixture-2d", "--out", folder);
    }

    @Test
    void lettersThatTheLocaleLostAreNotTakenForANameOfAFile() {
        assertRefused("start it with LC_ALL=C.UTF-8", "check", "--run", "Lauf-\uFFFD\uFFFD");
    }
}
