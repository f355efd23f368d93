package dev.sluice.actors.cli;

import dev.sluice.actors.node.SluiceProcess;
import dev.sluice.config.DeploymentSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.runtime.checkpoint.Checkpoint;
import dev.sluice.runtime.checkpoint.CheckpointStore;
import dev.sluice.runtime.checkpoint.Epochs;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.Networks;
import java.io.Closeable;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ./sluice resume}: goes on with a run that was stopped or killed, to the weights it would have had anyway. */
@Command(
        name = "resume",
        mixinStandardHelpOptions = true,
        description = {
            "Goes on with a run from its newest complete checkpoint; the final weights are those of a run that was never"
                    + " stopped, bit for bit.",
            "Where the run is served, watched and placed may be changed with --set; what determines its weights may not."
        })
final class ResumeCommand implements Callable<Integer> {
    @Option(names = "--run", paramLabel = "DIR", required = true, description = "Folder of the run.")
    private Path run;

    @Mixin
    private RunOptions options;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        RunFolder folder = RunFolder.open(run);
        Closeable lock = folder.lock();
        try (lock) {
            List<EventLog.Event> events = Files.exists(folder.events())
                    ? EventLog.read(folder.events()).events()
                    : List.of();
            if (events.stream().anyMatch(event -> event.type().equals("run-finished"))) {
                out.println("sluice: the run is finished; serve it with: ./sluice serve --run " + folder.root());
                return 0;
            }
            Settings settings = Settings.readOver(folder.config(), options.overrides());
            requireUnchanged(Settings.read(folder.config()).identity(), settings.identity());
            TeacherCheck.requireFits(settings.experiment());
            ExpertRef teacher =
                    NetworkFile.reference("teacher", settings.experiment().teacher());
            Optional<Checkpoint> from = find(folder, settings, teacher, out);
            DeploymentSettings here = settings.deployment();
            Map<String, Networks> devices = Device.networks(here.engine());
            try (SluiceProcess process = SluiceProcess.start(here, devices)) {
                new TrainingSession(
                                settings,
                                folder,
                                teacher,
                                new Epochs(folder.epochs()).claim(lastEpoch(events)),
                                from,
                                options.stay())
                        .carryOut(process, out);
            }
        }
        return 0;
    }

    private static void requireUnchanged(Map<String, String> was, Map<String, String> is) {
        String changes = differences(was, is);
        if (!changes.isEmpty()) {
            throw new UserError("a run cannot be resumed with another " + changes
                    + "\n        these may change: " + String.join(", ", changeable())
                    + "\n        for the others, begin a new run with ./sluice distill");
        }
    }

    private static List<String> changeable() {
        return Settings.changeable().stream()
                .map(key -> key.endsWith(".") ? key + "*" : key)
                .toList();
    }

    private static Optional<Checkpoint> find(RunFolder folder, Settings settings, ExpertRef teacher, PrintWriter out)
            throws IOException {
        List<String> foreign = new ArrayList<>();
        CheckpointStore.Found found = TrainingSession.checkpoints(folder).newest(checkpoint -> {
            Optional<String> objection = objection(checkpoint, settings.identity(), teacher);
            objection.ifPresent(foreign::add);
            return objection;
        });
        found.ignored().forEach(i -> out.println("sluice: ignored checkpoint " + i.name() + ": " + i.reason()));
        if (found.newest().isEmpty() && !foreign.isEmpty()) {
            throw new UserError("no checkpoint of " + folder.root() + " can be used: the newest "
                    + foreign.get(0) + "; put that back as it was, in " + folder.config()
                    + " or in the teacher's place, or begin a new run with ./sluice distill");
        }
        out.println(found.newest()
                .map(c -> "sluice: resuming from phase " + c.phase() + ", cycle " + c.cycle())
                .orElse("sluice: there is no complete checkpoint; the run begins again"));
        out.flush();
        return found.newest();
    }

    private static Optional<String> objection(Checkpoint checkpoint, Map<String, String> identity, ExpertRef teacher) {
        if (!checkpoint.teacherSha256().equals(teacher.sha256())) {
            return Optional.of("is of another teacher: its SHA-256 is " + checkpoint.teacherSha256() + ", that of "
                    + teacher.path() + " is " + teacher.sha256());
        }
        String changes = differences(checkpoint.configuration(), identity);
        return changes.isEmpty() ? Optional.empty() : Optional.of("is of another configuration: another " + changes);
    }

    /** Such as {@code experiment.recipe.seed (was 1, is 2)}; empty when there are none. */
    static String differences(Map<String, String> was, Map<String, String> is) {
        TreeSet<String> keys = new TreeSet<>(was.keySet());
        keys.addAll(is.keySet());
        return keys.stream()
                .filter(key -> !Optional.ofNullable(was.get(key)).equals(Optional.ofNullable(is.get(key))))
                .map(key -> key + " (was " + was.get(key) + ", is " + is.get(key) + ")")
                .collect(Collectors.joining(", "));
    }

    private static int lastEpoch(List<EventLog.Event> events) {
        return events.stream()
                .map(event -> event.fields().get("epoch"))
                .filter(Number.class::isInstance)
                .mapToInt(epoch -> ((Number) epoch).intValue())
                .max()
                .orElse(0);
    }
}
