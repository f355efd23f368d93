package dev.sluice.actors.system;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.runtime.network.TwoExpertsFile;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a user reads when the input is wrong: one clear message with the mend, no stack trace, a non-zero exit. */
@Timeout(120)
class BadInputIT {
    private static final Path HOME = Path.of(System.getProperty("sluice.home"));

    @TempDir
    Path folder;

    private void assertRefused(String message, String... arguments) throws Exception {
        try (Sluice sluice = Sluice.start(arguments)) {
            assertThat(sluice.exitCode(Duration.ofSeconds(60))).isNotZero();
            String output = String.join("\n", sluice.output());
            assertThat(output).contains(message).doesNotContain("\tat ").doesNotContain("Exception");
        }
    }

    @Test
    void unknownExperiment() throws Exception {
        assertRefused("mixture-2d", "distill", "--experiment", "fashoin");
    }

    @Test
    void unknownKey() throws Exception {
        assertRefused("experiment.recipe.batch", "distill", "--set", "experiment.recipe.bach=3");
    }

    @Test
    void missingTeacher() throws Exception {
        assertRefused("nowhere.pt", "distill", "--set", "experiment.teacher=" + folder.resolve("nowhere.pt"));
    }

    @Test
    void tornTeacher() throws Exception {
        byte[] whole = Files.readAllBytes(HOME.resolve("teachers/fashion.pt"));
        Path torn = Files.write(folder.resolve("torn.pt"), Arrays.copyOf(whole, whole.length / 2));
        assertRefused("torn", "distill", "--port", "0", "--set", "experiment.teacher=" + torn);
    }

    @Test
    void teachersThatDoNotBelongTogether() throws Exception {
        String fashion = HOME.resolve("teachers/fashion.pt").toString();
        String points = HOME.resolve("teachers/mixture-2d.pt").toString();
        String out = folder.resolve("two.json").toString();
        assertRefused(
                "the high-noise expert makes samples of shape [1, 28, 28], the low-noise expert of [2]",
                "join-teachers",
                "--high",
                fashion,
                "--low",
                points,
                "--boundary",
                "0.8",
                "--out",
                out);
        assertRefused(
                "must lie between 0 and 1, not at 80.0",
                "join-teachers",
                "--high",
                fashion,
                "--low",
                fashion,
                "--boundary",
                "80",
                "--out",
                out);
        assertThat(Path.of(out)).doesNotExist();
    }

    @Test
    void aPhaseOnBothSidesOfATeachersBoundary() throws Exception {
        Path two = folder.resolve("two.json");
        Path fashion = HOME.resolve("teachers/fashion.pt");
        TwoExpertsFile.join(two, 0.8, fashion, fashion);
        assertRefused(
                "cut the phase at 0.75",
                "distill",
                "--experiment",
                "quick",
                "--port",
                "0",
                "--run",
                folder.resolve("run").toString(),
                "--set",
                "experiment.boundaries=[0.5, 0]",
                "--set",
                "experiment.teacher=" + two);
        assertThat(folder.resolve("run")).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "serving.port       | port %s on 127.0.0.1 is in use; choose another with --port N",
                "node.health-port   | port %s on 127.0.0.1 is in use; choose another with node.health-port",
                "node.port          | cannot be reached by other nodes at 127.0.0.1:%s",
                "node.delivery-port | cannot take other nodes' tensors at 127.0.0.1:%s (Address already in use): set"
                        + " node.delivery-port to a free one, or to 0",
            })
    void portInUse(String key, String message) throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            int port = taken.getLocalPort();
            assertRefused(
                    message.formatted(port),
                    "distill",
                    "--experiment",
                    "quick",
                    "--run",
                    folder.resolve("run").toString(),
                    "--set",
                    "serving.port=0",
                    "--set",
                    key + "=" + port);
        }
        assertThat(folder.resolve("run")).doesNotExist();
    }

    @Test
    void folderThatHoldsARunAlready() throws IOException, Exception {
        Files.writeString(folder.resolve("config.conf"), "experiment {}");
        assertRefused(folder.toString(), "distill", "--experiment", "quick", "--port", "0", "--run", folder.toString());
    }

    @Test
    void classThatDoesNotExist() throws Exception {
        assertRefused(
                "there is no class hat",
                "sample",
                "--teacher",
                HOME.resolve("teachers/fashion.pt").toString(),
                "--class",
                "hat",
                "--out",
                folder.resolve("x.png").toString());
    }

    @Test
    void nothingToSample() throws Exception {
        assertRefused(
                "--n 0",
                "sample",
                "--teacher",
                HOME.resolve("teachers/fashion.pt").toString(),
                "--n",
                "0",
                "--out",
                folder.resolve("x.png").toString());
    }

    @Test
    void servingAFolderThatIsNoRun() throws Exception {
        assertRefused(folder.toString(), "serve", "--run", folder.toString());
    }

    @Test
    void aFigureWithNowhereToGo() throws Exception {
        assertRefused(
                "there is no folder",
                "figure",
                "subinterval",
                "--out",
                folder.resolve("no/where.png").toString());
        assertRefused("--steps 0 must be at least 1", "figure", "subinterval", "--out", "x.png", "--steps", "0");
    }
}
