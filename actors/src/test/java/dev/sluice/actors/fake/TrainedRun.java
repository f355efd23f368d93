package dev.sluice.actors.fake;

import dev.sluice.config.DeploymentSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.event.RunEvent;
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
        tell(new RunEvent.RoleStarted(1, Role.GENERATOR, "g", "a", "cpu"));
        tell(new RunEvent.RoleStarted(1, Role.CRITIC, "c", "a", "cpu"));
        tell(new RunEvent.ServingChanged(
                1,
                "s",
                "quick@teacher",
                "teacher:" + teacher().sha256(),
                teacher().sha256()));
    }

    public ExpertRef teacher() {
        return NetworkFile.reference("teacher", settings.experiment().teacher());
    }

    public void tell(RunEvent event) throws IOException {
        try (EventLog log = new EventLog(folder.events(), Clock.systemUTC())) {
            log.append(event);
        }
    }

    public void begin(int phase) throws IOException {
        tell(new RunEvent.PhaseBegun(1, phase, 1, 0, 0, 1));
    }

    /** Trains and publishes the expert of a phase. */
    public ExpertRef publish(int phase) throws IOException {
        Files.writeString(folder.expert(phase), "the expert of phase " + phase);
        ExpertRef expert = NetworkFile.reference("phase-" + phase, folder.expert(phase));
        tell(new RunEvent.ExpertPublished(1, phase, expert.version(), expert.sha256(), expert.path()));
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
