package dev.sluice.monitoring.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunFolderTest {
    @TempDir
    Path temp;

    @Test
    void hasTheLayoutThatItsReadersKnow() throws IOException {
        Path root = temp.resolve("runs/one");

        RunFolder run = RunFolder.create(root, "experiment.name = x\n");

        assertThat(run.root()).isEqualTo(root);
        assertThat(Files.readString(root.resolve("config.conf"))).isEqualTo("experiment.name = x\n");
        assertThat(run.config()).isEqualTo(root.resolve("config.conf"));
        assertThat(run.events()).isEqualTo(root.resolve("events.jsonl"));
        assertThat(run.metrics()).isEqualTo(root.resolve("metrics.csv"));
        assertThat(run.checkpoints()).isEqualTo(root.resolve("checkpoints")).isDirectory();
        assertThat(run.expert(2)).isEqualTo(root.resolve("experts/phase-2.pt"));
        assertThat(run.snapshot(1, 20)).isEqualTo(root.resolve("samples/phase-1-cycle-20.png"));
        assertThat(run.grid(0)).isEqualTo(root.resolve("samples/after-phase-0.png"));
        assertThat(run.expert(1).getParent()).isDirectory();
        assertThat(run.grid(1).getParent()).isDirectory();
    }

    @Test
    void anIdentityIsOneRunsAndStaysWithItsFolderWhereverThatGoes() throws IOException {
        RunFolder run = RunFolder.create(temp.resolve("same-1"), "experiment.name = same\n");
        RunFolder other = RunFolder.create(temp.resolve("same-2"), "experiment.name = same\n");
        String id = run.id();
        Files.move(run.root(), temp.resolve("elsewhere"));
        Files.createDirectory(temp.resolve("copy"));
        for (String file : new String[] {"config.conf", "run.id"}) {
            Files.copy(
                    temp.resolve("elsewhere").resolve(file),
                    temp.resolve("copy").resolve(file));
        }

        assertThat(id).matches("[0-9a-f]{12}").isNotEqualTo(other.id());
        assertThat(RunFolder.open(temp.resolve("elsewhere")).id()).isEqualTo(id);
        assertThat(RunFolder.open(temp.resolve("copy")).id()).isEqualTo(id);
    }

    @Test
    void aFolderWithoutAnIdentityThatCanBeReadIsGivenOneForGood() throws IOException {
        RunFolder run = RunFolder.create(temp.resolve("run"), "");
        Files.delete(run.root().resolve("run.id"));
        String given = run.id();
        assertThat(RunFolder.open(run.root()).id()).isEqualTo(given);

        Files.write(run.root().resolve("run.id"), new byte[] {(byte) 0xff, 0, 'x'});

        assertThat(run.id()).matches("[0-9a-f]{12}").isEqualTo(run.id());
        assertThat(run.root()).isDirectoryNotContaining("glob:**/.run.id*");
    }

    @Test
    void aRunIsNotBegunTwice() {
        RunFolder.create(temp.resolve("run"), "");

        assertThatThrownBy(() -> RunFolder.create(temp.resolve("run"), ""))
                .isInstanceOf(BadRunFolder.class)
                .hasMessage(temp.resolve("run") + " holds a run already; name another folder, or delete that one");
    }

    @Test
    void aFolderWithOtherThingsIsLeftAlone() throws IOException {
        Files.writeString(temp.resolve("thesis.tex"), "");

        assertThatThrownBy(() -> RunFolder.create(temp, ""))
                .isInstanceOf(BadRunFolder.class)
                .hasMessage(temp + " is not empty (it has thesis.tex); give a run a folder of its own");
        assertThat(temp.resolve("config.conf")).doesNotExist();
    }

    @Test
    void aFileIsNoFolder() throws IOException {
        Path file = Files.writeString(temp.resolve("file"), "");

        assertThatThrownBy(() -> RunFolder.create(file, ""))
                .isInstanceOf(BadRunFolder.class)
                .hasMessage(file + " is a file, so no folder can be made of " + file);
        assertThatThrownBy(() -> RunFolder.create(file.resolve("run"), ""))
                .isInstanceOf(BadRunFolder.class)
                .hasMessage(file + " is a file, so no folder can be made of " + file.resolve("run"));
    }

    @Test
    void opensWhatWasCreated() throws IOException {
        RunFolder run = RunFolder.create(temp.resolve("run"), "");
        Files.delete(run.checkpoints());

        RunFolder again = RunFolder.open(temp.resolve("run/../run"));

        assertThat(again.root()).isEqualTo(run.root());
        assertThat(again.checkpoints()).isDirectory();
    }

    @Test
    void doesNotOpenAnythingElse() {
        assertThatThrownBy(() -> RunFolder.open(temp))
                .isInstanceOf(BadRunFolder.class)
                .hasMessage(temp + " is not the folder of a run: it has no config.conf; name a folder that distill"
                        + " made");
        assertThatThrownBy(() -> RunFolder.open(temp.resolve("none")))
                .isInstanceOf(BadRunFolder.class)
                .hasMessage("there is no folder " + temp.resolve("none")
                        + "; name the folder of a run, which distill makes");
    }

    @Test
    void oneTrainsAtATime() throws IOException {
        RunFolder run = RunFolder.create(temp.resolve("run"), "a = 1");
        Closeable lock = run.lock();

        assertThatThrownBy(run::lock)
                .isInstanceOf(BadRunFolder.class)
                .hasMessageContaining("is being trained by another process");

        lock.close();
        run.lock().close();
    }
}
