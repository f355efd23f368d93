package dev.sluice.actors.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.actors.files.ServedFiles.NotServed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A path can lie. */
class ServedFilesTest {
    private static final String STRANGER = "it is neither an expert or a checkpoint of a run";
    private static final String LINK = "is reached through a symbolic link";

    @TempDir
    Path folder;

    private final ServedFiles served = new ServedFiles();
    private Path run;

    @BeforeEach
    void make() throws IOException {
        run = folder.resolve("runs/a");
        for (String file : new String[] {
            "runs/a/experts/phase-1.pt",
            "runs/a/checkpoints/phase-1-cycle-5/critic.safetensors",
            "runs/a/config.conf",
            "runs/b/experts/phase-1.pt",
            "runs/ab/experts/phase-1.pt",
            "teachers/high.pt",
            "teachers/low.pt",
            "secret"
        }) {
            Path path = folder.resolve(file);
            Files.createDirectories(path.getParent());
            Files.writeString(path, "12345");
        }
        served.addRun(run);
        served.addTeacher(folder.resolve("teachers/high.pt"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "runs/a/experts/phase-1.pt",
                "runs/a/checkpoints/phase-1-cycle-5/critic.safetensors",
                "teachers/high.pt"
            })
    void expertsCheckpointsAndTeachersAreRead(String name) throws NotServed {
        assertThat(served.readable(folder.resolve(name).toString(), 5)).isEqualTo(folder.resolve(name));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "secret",
                "runs/a",
                "runs/a/config.conf",
                "runs/a/experts",
                "runs/b/experts/phase-1.pt",
                "runs/ab/experts/phase-1.pt",
                "teachers/low.pt"
            })
    void nothingElseIsRead(String name) {
        assertThatThrownBy(() -> served.readable(folder.resolve(name).toString(), 5))
                .isInstanceOf(NotServed.class)
                .hasMessageStartingWith(folder.resolve(name) + " is not served here: " + STRANGER);
    }

    @ParameterizedTest
    @ValueSource(strings = {"/experts/../../../secret", "/experts/./phase-1.pt", "/../a/experts/phase-1.pt"})
    void dotsAreRefused(String name) {
        assertThatThrownBy(() -> served.readable(run + name, 5))
                .isInstanceOf(NotServed.class)
                .hasMessageContaining("must be absolute and without . and ..");
        assertThatThrownBy(() -> served.writable(run + name))
                .isInstanceOf(NotServed.class)
                .hasMessageContaining("must be absolute and without . and ..");
    }

    @Test
    void aRelativePathAndNoPathAtAllAreRefused() {
        assertThatThrownBy(() -> served.readable("experts/phase-1.pt", 5)).hasMessageContaining("must be absolute");
        assertThatThrownBy(() -> served.readable("", 5)).hasMessageContaining("must be absolute");
        assertThatThrownBy(() -> served.readable("/a\0b", 5)).hasMessageContaining("it is no path");
    }

    @Test
    void aLinkOutOfTheRunIsRefused() throws IOException {
        Path file = Files.createSymbolicLink(run.resolve("experts/phase-2.pt"), folder.resolve("secret"));
        Path away = Files.createDirectories(folder.resolve("away"));
        Files.writeString(away.resolve("critic.safetensors"), "12345");
        Path below = Files.createSymbolicLink(run.resolve("checkpoints/phase-1-cycle-9"), away)
                .resolve("critic.safetensors");

        for (Path path : new Path[] {file, below}) {
            assertThatThrownBy(() -> served.readable(path.toString(), 5))
                    .isInstanceOf(NotServed.class)
                    .hasMessageContaining(LINK);
            assertThatThrownBy(() -> served.writable(path.toString()))
                    .isInstanceOf(NotServed.class)
                    .hasMessageContaining(LINK);
        }
        Path deeper = run.resolve("checkpoints/phase-1-cycle-9/new.safetensors");
        assertThatThrownBy(() -> served.writable(deeper.toString())).hasMessageContaining(LINK);
        assertThat(away).isDirectoryNotContaining(path -> path.endsWith("new.safetensors"));
    }

    @Test
    void theRunItselfMayBeReachedByALink() throws Exception {
        Path link = Files.createSymbolicLink(folder.resolve("current"), run);
        served.addRun(link);

        assertThat(served.readable(link.resolve("experts/phase-1.pt").toString(), 5))
                .isEqualTo(link.resolve("experts/phase-1.pt"));
    }

    @Test
    void aFileOfAnotherSizeOrNoneIsRefused() {
        Path there = run.resolve("experts/phase-1.pt");
        assertThatThrownBy(() -> served.readable(there.toString(), 6))
                .hasMessage(there + " is not served here: it has 5 bytes, the reference says 6");
        assertThatThrownBy(
                        () -> served.readable(run.resolve("experts/phase-7.pt").toString(), 5))
                .hasMessageContaining("there is no such file");
        assertThatThrownBy(() -> served.readable(
                        run.resolve("checkpoints/phase-1-cycle-5").toString(), 5))
                .hasMessageContaining("it is no file");
    }

    @Test
    void partsOfCheckpointsAndExpertsAreWritten() throws NotServed {
        Path part = run.resolve("checkpoints/phase-2-cycle-10/generator.safetensors");
        Path expert = run.resolve("experts/phase-2.pt");

        assertThat(served.writable(part.toString())).isEqualTo(part);
        assertThat(part.getParent()).isEmptyDirectory();
        assertThat(served.writable(expert.toString())).isEqualTo(expert);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "checkpoints/phase-1-cycle-5/manifest.json",
                "checkpoints/critic.safetensors",
                "checkpoints/a/b/critic.safetensors",
                "experts/phase-1.pt/x.pt",
                "experts/run.sh"
            })
    void nothingElseOfARunIsWritten(String name) {
        Path path = run.resolve(name);
        assertThatThrownBy(() -> served.writable(path.toString()))
                .isInstanceOf(NotServed.class)
                .hasMessage(path + " is not served here: only experts/*.pt and checkpoints/*/*.safetensors of a run are"
                        + " written for others");
    }

    @Test
    void whatIsNoRunsAndTeachersAreNotWritten() {
        for (String name :
                new String[] {"secret", "runs/a/config.conf", "runs/b/experts/phase-1.pt", "teachers/high.pt"}) {
            assertThatThrownBy(() -> served.writable(folder.resolve(name).toString()))
                    .isInstanceOf(NotServed.class)
                    .hasMessageContaining(STRANGER);
        }
    }
}
