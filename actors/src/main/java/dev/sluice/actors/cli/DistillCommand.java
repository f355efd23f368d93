package dev.sluice.actors.cli;

import dev.sluice.actors.node.SluiceProcess;
import dev.sluice.config.ExperimentSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.runtime.checkpoint.Epochs;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.TorchNetworks;
import java.io.Closeable;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ./sluice distill}: a whole run in this process, served while it learns. */
@Command(
        name = "distill",
        mixinStandardHelpOptions = true,
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

    @Mixin
    private RunOptions options;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        Settings settings = Settings.load(experiment, options.overrides(), Home.folder());
        ExperimentSettings chosen = settings.experiment();
        TeacherCheck.requireFits(chosen);
        ExpertRef reference = NetworkFile.reference("teacher", chosen.teacher());
        TorchNetworks networks = Device.networks(settings.engine());
        try (SluiceProcess process = SluiceProcess.start(settings, networks)) {
            RunFolder folder = RunFolder.create(run != null ? run : nextRun(chosen.name()), settings.render());
            Closeable lock = folder.lock();
            try (lock) {
                new TrainingSession(
                                settings,
                                folder,
                                reference,
                                new Epochs(folder.epochs()).claim(0),
                                Optional.empty(),
                                options.stay())
                        .carryOut(process, out);
            }
        }
        return 0;
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
