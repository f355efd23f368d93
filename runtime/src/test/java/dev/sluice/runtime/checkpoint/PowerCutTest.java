package dev.sluice.runtime.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.TrainingState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What must outlive a power cut is forced to the disk with every folder that has a new name in it, as the JVM records. */
class PowerCutTest {
    private static final Map<String, Tensor> ONE = Map.of("w", Tensor.of(new float[] {1}, 1));

    @TempDir
    Path folder;

    @FunctionalInterface
    private interface Work {
        void run() throws IOException;
    }

    @Test
    void anEpochIsInItsFolderAndThatInTheRun() throws IOException {
        assertThat(forced(() -> new Epochs(folder.resolve("run/epochs")).claim(0)))
                .contains(folder, folder.resolve("run"), folder.resolve("run/epochs"));
    }

    @Test
    void aCheckpointIsInItsFolderAndThatInTheRun() throws IOException {
        Path checkpoints = Files.createDirectories(folder.resolve("run/checkpoints"));
        CheckpointStore store = new CheckpointStore(folder.resolve("run"), checkpoints);
        Path made = checkpoints.resolve("phase-1-cycle-3");

        assertThat(forced(() -> {
                    List<StateRef> parts = List.of(
                            StateFile.write(store.part(1, 3, Role.GENERATOR), Role.GENERATOR, 1, 3, state()),
                            StateFile.write(store.part(1, 3, Role.CRITIC), Role.CRITIC, 1, 3, state()));
                    store.complete(new Checkpoint(1, 0, 1, "t", Map.of(), List.of(), parts.get(0), parts.get(1)));
                }))
                .contains(checkpoints, made)
                .filteredOn(path -> path.toString().endsWith(".tmp"))
                .extracting(path -> path.getFileName().toString().replaceAll("\\.[-0-9a-f]{36}\\.tmp", ""))
                .containsExactlyInAnyOrder(".generator.safetensors", ".critic.safetensors", ".manifest.json");
    }

    @Test
    void whatIsSetAsideIsCalledSo() throws IOException {
        Path expert = Files.writeString(folder.resolve("phase-1.pt"), "an expert");

        assertThat(forced(() -> CheckpointStore.aside(expert))).containsExactly(folder);
    }

    private static TrainingState state() {
        return new TrainingState(1, ONE, ONE, ONE, ONE);
    }

    private Set<Path> forced(Work work) throws IOException {
        Path dump = Files.createTempFile("forces", ".jfr");
        try (Recording recording = new Recording()) {
            recording.enable("jdk.FileForce").withoutThreshold();
            recording.start();
            work.run();
            recording.stop();
            recording.dump(dump);
            return RecordingFile.readAllEvents(dump).stream()
                    .filter(event -> event.getEventType().getName().equals("jdk.FileForce"))
                    .map(PowerCutTest::path)
                    .filter(path -> path.startsWith(folder))
                    .collect(Collectors.toSet());
        } finally {
            Files.delete(dump);
        }
    }

    private static Path path(RecordedEvent event) {
        return Path.of(event.getString("path"));
    }
}
