package dev.sluice.actors.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.runtime.store.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files to and from a node that shares no folder with the store. */
class StreamedFilesTest {
    @TempDir
    Path folder;

    private TwoNodes nodes;
    private StreamedFiles files;

    @BeforeEach
    void start() throws IOException {
        nodes = new TwoNodes(folder);
        files = nodes.files();
    }

    @AfterEach
    void stop() throws IOException {
        files.close();
        nodes.close();
    }

    @Test
    void sixtyFourMegabytesComeWholeAndGoBackWhole() throws IOException {
        nodes.serve();
        int size = 64 << 20;
        ExpertRef expert = nodes.expert("phase-1.pt", size);

        byte[] here = files.read(expert, local -> {
            assertThat(Path.of(local.path())).startsWith(nodes.cache);
            return Files.readAllBytes(Path.of(local.path()));
        });
        Path target = nodes.run.resolve("checkpoints/phase-1-cycle-5/critic.safetensors");
        StateRef stored = files.write(target, local -> {
            Files.write(local, here);
            return new StateRef(Role.CRITIC, 1, 5, expert.sha256(), size, local.toString());
        });

        assertThat(Sha256.of(here)).isEqualTo(expert.sha256());
        assertThat(stored.path()).isEqualTo(target.toString());
        assertThat(Sha256.of(target)).isEqualTo(expert.sha256());
        assertThat(target.getParent()).isDirectoryNotContaining(path -> !path.equals(target));
        assertThat(nodes.cached()).containsExactly(expert.sha256());
    }

    @Test
    void whatIsNotServedIsRefusedWithTheReason() throws IOException {
        nodes.serve();
        ExpertRef secret =
                TwoNodes.file(Files.createDirectories(folder.resolve("other")).resolve("secret.pt"), 10);

        assertThatThrownBy(() -> files.read(secret, local -> local))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith("cannot fetch " + secret.path() + ": sluice@127.0.0.1:")
                .hasMessageContaining("is not served here: it is neither an expert or a checkpoint of a run");
        assertThat(nodes.cached()).isEqualTo(List.of());
    }
}
