package dev.sluice.runtime.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.TrainingState;
import dev.sluice.runtime.store.Safetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StateFileTest {
    private static final TrainingState STATE = new TrainingState(
            41,
            Map.of("a.b", Tensor.of(new float[] {1, Float.NaN}, 2)),
            Map.of("a.b", Tensor.of(new float[] {2, -0f}, 2)),
            Map.of("a.b", Tensor.of(new float[] {3, 1e-42f}, 2)),
            Map.of("a.b", Tensor.of(new float[] {4, 5}, 2)));

    @TempDir
    Path folder;

    @Test
    void everyBitComesBack() throws IOException {
        StateRef ref = StateFile.write(folder.resolve("new/critic.safetensors"), Role.CRITIC, 2, 7, STATE);

        assertThat(StateFile.read(ref)).isEqualTo(STATE);
        assertThat(ref.size()).isEqualTo(Files.size(Path.of(ref.path())));
    }

    @Test
    void itIsAnOrdinarySafetensorsFile() throws IOException {
        StateRef ref = StateFile.write(folder.resolve("g.safetensors"), Role.GENERATOR, 1, 3, STATE);

        Safetensors content = Safetensors.read(Path.of(ref.path()));

        assertThat(content.tensors())
                .containsOnlyKeys("weight/a.b", "average/a.b", "first-moment/a.b", "second-moment/a.b");
        assertThat(content.metadata())
                .containsEntry("role", "generator")
                .containsEntry("phase", "1")
                .containsEntry("cycle", "3")
                .containsEntry("steps", "41");
    }

    @Test
    void anothersPartIsRefused() throws IOException {
        StateRef ref = StateFile.write(folder.resolve("g.safetensors"), Role.GENERATOR, 1, 3, STATE);
        StateRef lie = new StateRef(Role.CRITIC, 1, 3, ref.sha256(), ref.size(), ref.path());

        assertThatThrownBy(() -> StateFile.read(lie))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("its role is generator, expected critic");
    }

    @Test
    void anUnwritableFolderIsAnIOExceptionThatNamesIt() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "in the way");

        assertThatThrownBy(() -> StateFile.write(file.resolve("g.safetensors"), Role.GENERATOR, 1, 3, STATE))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("file");
    }
}
