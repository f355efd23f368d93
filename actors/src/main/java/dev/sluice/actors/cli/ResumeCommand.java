package dev.sluice.actors.cli;

import dev.sluice.actors.experiments.RunStart;
import dev.sluice.actors.experiments.TeacherCheck;
import dev.sluice.actors.node.SluiceProcess;
import dev.sluice.config.DeploymentSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.run.RunFolder;
import java.io.Closeable;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
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

    @Option(
            names = "--set-aside-damaged",
            description =
                    "Where an expert, or every checkpoint, is damaged: train again from the newest checkpoint that is"
                            + " whole, or from the beginning. What is not used is renamed to *.ignored; nothing is deleted.")
    private boolean settingAside;

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
            if (FinishedRun.isFinished(folder)) {
                // "Serve it" must not be said of what serve refuses.
                Runs.finished(folder);
                out.println("sluice: the run is finished; serve it with: ./sluice serve --run " + folder.root());
                return 0;
            }
            Settings settings = Settings.readOver(folder.config(), options.overrides());
            UserError.whenRefused(() -> TeacherCheck.requireRoom(
                    settings, TeacherCheck.requireFits(settings), TeacherCheck.budget(settings.node())));
            DeploymentSettings here = settings.deployment();
            RunStart start = RunStart.resumed(settings, folder, settingAside);
            boolean started = false;
            try (SluiceProcess process = SluiceProcess.start(here, Device.networks(here))) {
                started = true;
                new TrainingSession(start, options.stay()).carryOut(process, out);
            } finally {
                if (!started) {
                    // A port that is taken, say.
                    start.takeBack();
                }
            }
        }
        return 0;
    }
}
