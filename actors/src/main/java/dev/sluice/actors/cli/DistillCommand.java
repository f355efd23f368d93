package dev.sluice.actors.cli;

import dev.sluice.actors.experiments.RunStart;
import dev.sluice.actors.experiments.TeacherCheck;
import dev.sluice.actors.node.SluiceProcess;
import dev.sluice.config.DeploymentSettings;
import dev.sluice.config.ExperimentSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.Role;
import dev.sluice.runtime.network.Networks;
import java.io.Closeable;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ./sluice distill}: a whole run in this process, served while it learns. */
@Command(
        name = "distill",
        mixinStandardHelpOptions = true,
        footer = SluiceCommand.A_TEACHER_IS_A_PROGRAM,
        description = {
            "Distils a teacher into few-step experts, phase by phase, and serves images over HTTP from the first minute.",
            "Without options: the bundled Fashion-MNIST teacher into 4 steps."
        })
final class DistillCommand implements Callable<Integer> {
    @Option(
            names = "--experiment",
            paramLabel = "NAME|FILE.conf",
            defaultValue = "fashion",
            description = "A bundled experiment (fashion, mixture-2d, quick) or a file. Default: ${DEFAULT-VALUE}.")
    private String experiment;

    @Option(
            names = "--run",
            paramLabel = "DIR",
            description = "Folder for what the run leaves; must not hold a run. Default: runs/NAME-<next number>.")
    private Path run;

    @Option(
            names = "--processes",
            description =
                    "One process for each role on this machine, so that none can harm another; what dies is started"
                            + " again and the run goes on.")
    private boolean processes;

    @Mixin
    private RunOptions options;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        try (Signals.LastWord word = Signals.whenEndedSay(out, "sluice: stopped before the run began")) {
            return distil(out, word);
        }
    }

    private int distil(PrintWriter out, Signals.LastWord unlessBegun) throws Exception {
        Settings settings = Settings.load(experiment, options.overrides(), Home.folder());
        ExperimentSettings chosen = settings.experiment();
        UserError.whenRefused(() -> TeacherCheck.requireRoom(
                settings, TeacherCheck.requireFits(settings), TeacherCheck.budget(settings.node())));
        Path place = run != null ? run : nextRun(chosen.name());
        Output.requireRoom(place, settings);
        if (processes) {
            unlessBegun.takeBack();
            return inProcesses(out, place);
        }
        DeploymentSettings here = settings.deployment();
        Map<String, Networks> devices = Device.networks(here);
        try (SluiceProcess process = SluiceProcess.start(here, devices)) {
            RunFolder folder = RunFolder.create(place, settings.render());
            Closeable lock = folder.lock();
            try (lock) {
                RunStart start = RunStart.first(settings, folder);
                unlessBegun.takeBack();
                new TrainingSession(start, options.stay()).carryOut(process, out);
            }
        }
        return 0;
    }

    /** The same run with every role in a process of its own; control is this command again, or resume. */
    private int inProcesses(PrintWriter out, Path folder) throws Exception {
        List<String> common = new ArrayList<>();
        options.overrides().forEach(override -> common.addAll(List.of("--set", override)));
        try (LocalCluster cluster = LocalCluster.start(
                (role, port, seeds, again) -> arguments(role, port, seeds, again, folder, common),
                new RestartLimit(() -> lastKept(folder)),
                out)) {
            return cluster.awaitControl();
        }
    }

    private List<String> arguments(
            Role role, int port, List<String> seeds, boolean again, Path folder, List<String> common) {
        List<String> all = new ArrayList<>();
        if (role != Role.CONTROL) {
            all.addAll(List.of("node", "--roles", role.key(), "--node-port", Integer.toString(port), "--seed"));
            all.add(String.join(",", seeds));
            options.overrides().stream()
                    .filter(override -> !override.startsWith("experiment.") && !override.startsWith("checkpoint."))
                    .forEach(override -> all.addAll(List.of("--set", override)));
            return all;
        }
        boolean begun = again && Files.exists(folder.resolve("config.conf"));
        all.addAll(begun ? List.of("resume") : List.of("distill", "--experiment", experiment));
        all.addAll(List.of("--run", folder.toString()));
        all.addAll(common);
        all.addAll(List.of("--set", "node.roles=[control]", "--set", "node.port=" + port, "--set"));
        all.add("node.seeds=[" + seeds.stream().map(seed -> '"' + seed + '"').collect(Collectors.joining(", ")) + "]");
        if (options.stay()) {
            all.add("--stay");
        }
        return all;
    }

    /** When the run's checkpoints changed last. */
    private static Optional<FileTime> lastKept(Path folder) {
        try {
            return Optional.of(Files.getLastModifiedTime(folder.resolve("checkpoints")));
        } catch (IOException none) {
            return Optional.empty();
        }
    }

    private static Path nextRun(String name) {
        for (int n = 1; ; n++) {
            Path candidate = Path.of("runs", name + "-" + n);
            if (!Files.exists(candidate)) {
                return candidate;
            }
        }
    }
}
