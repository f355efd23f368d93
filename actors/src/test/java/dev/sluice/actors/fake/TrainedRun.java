package dev.sluice.actors.fake;

import dev.sluice.config.DeploymentSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.checkpoint.Checkpoint;
import dev.sluice.runtime.checkpoint.CheckpointStore;
import dev.sluice.runtime.checkpoint.Epochs;
import dev.sluice.runtime.checkpoint.StateFile;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.TrainingState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What a run of two phases leaves behind, without the training: real records and checkpoints, experts of a few bytes. */
public final class TrainedRun {
    private static final Path TEACHER = Path.of(System.getProperty("sluice.home"), "teachers", "fashion.pt");

    public final RunFolder folder;
    public final Settings settings;

    /** @param home where the run's folder {@code run} and its teacher are put */
    public TrainedRun(Path home) throws IOException {
        Path teacher = Files.copy(TEACHER, home.resolve("teacher.pt"));
        String text = "include classpath(\"experiments/quick.conf\"), experiment.teacher = \"" + teacher + '"';
        settings = Settings.submitted(text, DeploymentSettings.load("one-process", List.of(), home), home);
        folder = RunFolder.create(home.resolve("run"), settings.render());
        new Epochs(folder.epochs()).claim(0);
        tell("role-started", Map.of("role", "generator", "actor", "g", "epoch", 1L, "node", "a"));
        tell("role-started", Map.of("role", "critic", "actor", "c", "epoch", 1L, "node", "a"));
        tell(
                "serving-changed",
                Map.of("sampler", "s", "experts", "", "teacher", teacher().sha256(), "epoch", 1L));
    }

    public ExpertRef teacher() {
        return NetworkFile.reference("teacher", settings.experiment().teacher());
    }

    public void tell(String type, Map<String, ?> fields) throws IOException {
        try (EventLog log = new EventLog(folder.events(), Clock.systemUTC())) {
            log.append(type, fields);
        }
    }

    public void begin(int phase) throws IOException {
        tell("phase-begun", Map.of("phase", (long) phase, "cycle", 0L, "epoch", 1L));
    }

    /** Trains and publishes the expert of a phase. */
    public ExpertRef publish(int phase) throws IOException {
        Files.writeString(folder.expert(phase), "the expert of phase " + phase);
        ExpertRef expert = NetworkFile.reference("phase-" + phase, folder.expert(phase));
        tell("expert-published", Map.of("version", expert.version(), "sha256", expert.sha256(), "path", expert.path()));
        return expert;
    }

    /** Keeps a checkpoint, which stands on the experts before its phase. */
    public Checkpoint keep(int phase, int cycle) throws IOException {
        List<ExpertRef> experts = new ArrayList<>();
        for (int before = 1; before < phase; before++) {
            experts.add(NetworkFile.reference("phase-" + before, folder.expert(before)));
        }
        CheckpointStore store = new CheckpointStore(folder.root(), folder.checkpoints());
        Map<String, Tensor> one = Map.of("w", Tensor.of(new float[] {1}, 1));
        TrainingState state = new TrainingState(cycle, one, one, one, one);
        List<StateRef> parts = new ArrayList<>();
        for (Role role : List.of(Role.GENERATOR, Role.CRITIC)) {
            parts.add(StateFile.write(store.part(phase, cycle, role), role, phase, cycle, state));
        }
        Checkpoint kept = new Checkpoint(
                1, 0, 1000, teacher().sha256(), settings.identity(), experts, parts.get(0), parts.get(1));
        store.complete(kept);
        return kept;
    }

    /** Flips one bit of a file. */
    public static void hurt(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length / 2] ^= 1;
        Files.write(file, bytes);
    }
}
