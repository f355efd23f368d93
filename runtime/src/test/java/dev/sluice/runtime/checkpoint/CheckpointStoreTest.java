package dev.sluice.runtime.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.TrainingState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class CheckpointStoreTest {
    @TempDir
    Path run;

    private CheckpointStore store;

    @BeforeEach
    void open() {
        store = new CheckpointStore(run, run.resolve("checkpoints"));
    }

    @Test
    void theNewestCompleteOneIsFoundAsItWasWritten() throws IOException {
        keep(1, 10);
        Checkpoint newest = keep(2, 5);
        keep(1, 20);

        CheckpointStore.Found found = search();

        assertThat(found.newest()).contains(newest);
        assertThat(found.ignored()).isEmpty();
        assertThat(StateFile.read(newest.critic()))
                .isEqualTo(StateFile.read(found.newest().orElseThrow().critic()));
    }

    @Test
    void noFolderIsNoCheckpoint() throws IOException {
        assertThat(search().newest()).isEmpty();
    }

    @Test
    void partsWithoutAManifestAreIgnoredAndNamed() throws IOException {
        Checkpoint complete = keep(1, 10);
        write(1, 20, Role.GENERATOR);
        write(1, 20, Role.CRITIC);

        assertIgnored(complete, "phase-1-cycle-20", "was not finished: it has no manifest.json");
    }

    @Test
    void aTornManifestIsIgnored() throws IOException {
        Checkpoint complete = keep(1, 10);
        keep(1, 20);
        Path manifest = run.resolve("checkpoints/phase-1-cycle-20/manifest.json");
        String text = Files.readString(manifest);
        Files.writeString(manifest, text.substring(0, text.length() / 2));

        assertIgnored(complete, "phase-1-cycle-20", "is not a manifest");
    }

    @Test
    @Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void aPipeInThePlaceOfAManifestIsIgnoredAndNotWaitedFor() throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/mkfifo")));
        Checkpoint complete = keep(1, 10);
        keep(1, 20);
        Path manifest = run.resolve("checkpoints/phase-1-cycle-20/manifest.json");
        Files.delete(manifest);
        assertThat(new ProcessBuilder("/usr/bin/mkfifo", manifest.toString())
                        .start()
                        .waitFor())
                .isZero();

        assertIgnored(complete, "phase-1-cycle-20", "is not a file");
    }

    @Test
    void aManifestOfAnotherCycleIsIgnored() throws IOException {
        Checkpoint complete = keep(1, 10);
        keep(1, 20);
        Files.copy(
                run.resolve("checkpoints/phase-1-cycle-10/manifest.json"),
                Files.createDirectories(run.resolve("checkpoints/phase-1-cycle-30"))
                        .resolve("manifest.json"));
        Files.delete(run.resolve("checkpoints/phase-1-cycle-20/manifest.json"));

        assertThat(search().newest()).contains(complete);
        assertThat(search().ignored().get(0).reason()).contains("is of phase 1, cycle 10");
    }

    @Test
    void aTornPartIsIgnored() throws IOException {
        Checkpoint complete = keep(1, 10);
        Path part = Path.of(keep(1, 20).critic().path());
        Files.write(part, Files.readAllBytes(part), StandardOpenOption.APPEND);

        assertIgnored(complete, "phase-1-cycle-20", "critic.safetensors: is torn");
    }

    @Test
    void aPartWithOneBitChangedIsIgnored() throws IOException {
        Checkpoint complete = keep(1, 10);
        Path part = Path.of(keep(1, 20).generator().path());
        byte[] bytes = Files.readAllBytes(part);
        bytes[bytes.length - 3] ^= 1;
        Files.write(part, bytes);

        assertIgnored(complete, "phase-1-cycle-20", "generator.safetensors: was altered: its SHA-256 is ");
    }

    @Test
    void aMissingPartIsIgnored() throws IOException {
        Checkpoint complete = keep(1, 10);
        Files.delete(Path.of(keep(1, 20).generator().path()));

        assertIgnored(complete, "phase-1-cycle-20", "generator.safetensors: is missing");
    }

    @Test
    void anExpertThatChangedMakesItUseless() throws IOException {
        Checkpoint complete = keep(1, 10);
        Checkpoint second = keep(2, 5);
        Files.writeString(Path.of(second.experts().get(0).path()), "other bytes");

        assertIgnored(complete, "phase-2-cycle-5", "phase-1.pt: was altered");
    }

    @Test
    void anObjectionIsTheReason() throws IOException {
        keep(1, 10);

        CheckpointStore.Found found = store.newest(c -> Optional.of("is of another configuration"));

        assertThat(found.newest()).isEmpty();
        assertThat(found.ignored())
                .containsExactly(new CheckpointStore.Ignored(
                        "phase-1-cycle-10", CheckpointStore.Fault.OBJECTION, "is of another configuration"));
    }

    @Test
    void partsThatAreNotThereWholeMakeNoCheckpoint() throws IOException {
        Checkpoint complete = keep(1, 10);
        StateRef generator = write(1, 20, Role.GENERATOR);
        StateRef critic = write(1, 20, Role.CRITIC);
        Files.writeString(Path.of(critic.path()), "torn");

        assertThatThrownBy(() -> store.complete(checkpoint(generator, critic)))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("critic.safetensors: is torn: it has 4 bytes");
        assertThat(search().newest()).contains(complete);
    }

    @Test
    void aRunThatWasMovedKeepsItsCheckpoints() throws IOException {
        keep(2, 5);
        Path moved = run.resolveSibling(run.getFileName() + "-moved");
        Files.move(run, moved);
        try {
            Checkpoint found = new CheckpointStore(moved, moved.resolve("checkpoints"))
                    .newest(c -> Optional.empty())
                    .newest()
                    .orElseThrow();

            assertThat(StateFile.read(found.generator())).isEqualTo(state(5, Role.GENERATOR));
            assertThat(found.experts().get(0).path()).startsWith(moved.toString());
        } finally {
            Files.move(moved, run);
        }
    }

    @Test
    void onlyTheNewestStayWhatIsUnfinishedGoesAndWhatIsLaterIsSetAside() throws IOException {
        for (int cycle = 10; cycle <= 50; cycle += 10) {
            keep(1, cycle);
        }
        write(1, 60, Role.GENERATOR);
        Checkpoint back = keep(1, 40);

        store.forgetAllBut(2, back);

        assertThat(names()).containsExactly("phase-1-cycle-30", "phase-1-cycle-40", "phase-1-cycle-50.ignored");
        assertThat(search().newest()).contains(back);
        assertThat(search().ignored()).isEmpty();
    }

    @Test
    void whatIsHurtIsNeitherCountedNorDeleted() throws IOException {
        keep(1, 10);
        keep(1, 20);
        Files.writeString(run.resolve("checkpoints/phase-1-cycle-20/manifest.json"), "{");
        keep(1, 30);
        Files.writeString(run.resolve("checkpoints/phase-1-cycle-30/critic.safetensors"), "torn");
        keep(1, 35);
        Checkpoint newest = keep(1, 40);

        store.forgetAllBut(3, newest);
        store.forgetAllBut(3, newest);

        assertThat(names())
                .containsExactly(
                        "phase-1-cycle-10",
                        "phase-1-cycle-20.ignored",
                        "phase-1-cycle-30.ignored",
                        "phase-1-cycle-35",
                        "phase-1-cycle-40");
        assertThat(run.resolve("checkpoints/phase-1-cycle-30.ignored/generator.safetensors"))
                .exists();
    }

    @Test
    void whatIsSetAsideTwiceHasTwoNames() throws IOException {
        for (int i = 0; i < 2; i++) {
            keep(1, 10);
            Files.writeString(run.resolve("checkpoints/phase-1-cycle-10/critic.safetensors"), "torn");
            assertThat(store.setAside(search().ignored().get(0))).isPresent();
        }
        assertThat(names()).containsExactly("phase-1-cycle-10.ignored", "phase-1-cycle-10.ignored-2");
    }

    @Test
    void whetherToGoOnWithoutAnExpertIsTheUsersToSay() throws IOException {
        keep(1, 10);
        Checkpoint second = keep(2, 5);
        assertThat(search().undecided()).isEmpty();
        Files.writeString(Path.of(second.experts().get(0).path()), "other bytes");

        assertThat(search().undecided())
                .hasValueSatisfying(i -> assertThat(i.fault()).isEqualTo(CheckpointStore.Fault.EXPERT));
    }

    @Test
    void whetherToBeginAgainWhereEveryCheckpointIsHurtIsTheUsersToSay() throws IOException {
        write(1, 5, Role.GENERATOR);
        assertThat(search().undecided()).as("never finished").isEmpty();
        keep(1, 10);
        keep(1, 20);
        Files.writeString(run.resolve("checkpoints/phase-1-cycle-20/manifest.json"), "{");
        assertThat(search().undecided()).as("there is an older one").isEmpty();
        Files.writeString(run.resolve("checkpoints/phase-1-cycle-10/manifest.json"), "{");

        assertThat(search().undecided())
                .hasValueSatisfying(i -> assertThat(i.name()).isEqualTo("phase-1-cycle-20"));
    }

    @Test
    void aManifestThatReachesOutOfTheRunIsIgnored() throws IOException {
        Checkpoint complete = keep(1, 10);
        keep(1, 20);
        Path manifest = run.resolve("checkpoints/phase-1-cycle-20/manifest.json");
        Files.writeString(manifest, Files.readString(manifest).replace("checkpoints/", "../../../etc/"));

        assertIgnored(complete, "phase-1-cycle-20", "outside of the run's folder");
    }

    @Test
    void anEpochThatNoStartCanHaveIsDamage() throws IOException {
        Checkpoint complete = keep(1, 10);
        keep(1, 20);
        Path manifest = run.resolve("checkpoints/phase-1-cycle-20/manifest.json");
        Files.writeString(manifest, Files.readString(manifest).replace("\"epoch\" : 3", "\"epoch\" : 2147483647"));

        assertIgnored(complete, "phase-1-cycle-20", "there is no epoch 2147483647");
    }

    @Test
    void theLastCompleteOneStaysWhateverIsAsked() throws IOException {
        Checkpoint only = keep(1, 10);
        write(1, 5, Role.CRITIC);

        store.forgetAllBut(1, only);

        assertThat(names()).containsExactly("phase-1-cycle-10");
        assertThat(search().newest()).contains(only);
    }

    @Test
    void partsOfDifferentCyclesAreNoCut() throws IOException {
        StateRef generator = write(1, 10, Role.GENERATOR);
        StateRef critic = write(1, 11, Role.CRITIC);

        assertThatThrownBy(() -> checkpoint(generator, critic)).hasMessageContaining("not one cut");
    }

    private void assertIgnored(Checkpoint found, String name, String reason) throws IOException {
        CheckpointStore.Found search = search();
        assertThat(search.newest()).contains(found);
        assertThat(search.ignored()).singleElement().satisfies(ignored -> {
            assertThat(ignored.name()).isEqualTo(name);
            assertThat(ignored.reason()).contains(reason);
        });
    }

    private CheckpointStore.Found search() throws IOException {
        return store.newest(c -> Optional.empty());
    }

    private List<String> names() throws IOException {
        try (Stream<Path> entries = Files.list(run.resolve("checkpoints"))) {
            return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
        }
    }

    private Checkpoint keep(int phase, int cycle) throws IOException {
        Checkpoint checkpoint = checkpoint(write(phase, cycle, Role.GENERATOR), write(phase, cycle, Role.CRITIC));
        store.complete(checkpoint);
        return checkpoint;
    }

    private StateRef write(int phase, int cycle, Role role) throws IOException {
        return StateFile.write(store.part(phase, cycle, role), role, phase, cycle, state(cycle, role));
    }

    private Checkpoint checkpoint(StateRef generator, StateRef critic) throws IOException {
        List<ExpertRef> experts = generator.phase() == 1 ? List.of() : List.of(expert());
        return new Checkpoint(3, 0, 1234, "teacher", Map.of("experiment.recipe.seed", "1"), experts, generator, critic);
    }

    private ExpertRef expert() throws IOException {
        Path file = Files.createDirectories(run.resolve("experts")).resolve("phase-1.pt");
        Files.writeString(file, "an expert");
        return NetworkFile.reference("phase-1", file);
    }

    private static TrainingState state(int cycle, Role role) {
        float base = cycle + (role == Role.CRITIC ? 0.5f : 0);
        Map<String, Tensor> one = Map.of("w", Tensor.of(new float[] {base, -base}, 2));
        Map<String, Tensor> two = Map.of("w", Tensor.of(new float[] {2 * base, 1}, 2));
        return new TrainingState(cycle, one, two, two, one);
    }
}
