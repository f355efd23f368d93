package dev.sluice.actors.cli;

import dev.sluice.actors.node.SluiceProcess;
import dev.sluice.config.ExperimentSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.TorchNetworks;
import java.io.Closeable;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
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

    @Option(names = "--port", paramLabel = "N", description = "HTTP port; 0 takes any free one. Default: 8080.")
    private Integer port;

    @Option(
            names = "--set",
            paramLabel = "key=value",
            description = "Overrides a setting, such as --set experiment.recipe.seed=2. Repeatable.")
    private List<String> overrides = new ArrayList<>();

    @Option(names = "--stay", description = "Go on serving when the run is done, until Ctrl-C.")
    private boolean stay;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        List<String> all = new ArrayList<>(overrides);
        if (port != null) {
            all.add("serving.port=" + port);
        }
        Settings settings = Settings.load(experiment, all, Home.folder());
        ExperimentSettings chosen = settings.experiment();
        requireSchedule(chosen);
        ExpertRef reference = NetworkFile.reference("teacher", chosen.teacher());
        TorchNetworks networks = Device.networks(settings.engine());
        try (SluiceProcess process = SluiceProcess.start(settings, networks)) {
            RunFolder folder = RunFolder.create(run != null ? run : nextRun(chosen.name()), settings.render());
            Closeable lock = folder.lock();
            try (lock) {
                new TrainingSession(settings, folder, reference, 1, Optional.empty(), stay).carryOut(process, out);
            }
        }
        return 0;
    }

    private static void requireSchedule(ExperimentSettings experiment) {
        NetworkCard card = NetworkFile.readCard(experiment.teacher());
        if (card.schedule() != experiment.recipe().schedule()) {
            throw new UserError(
                    "experiment.recipe.schedule is " + experiment.recipe().schedule() + ", the teacher "
                            + experiment.teacher() + " was trained on " + card.schedule() + "; set it to that");
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
