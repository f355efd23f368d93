package dev.sluice.actors.cli;

import dev.sluice.actors.node.SluiceProcess;
import dev.sluice.config.DeploymentSettings;
import dev.sluice.config.NodeSettings;
import dev.sluice.config.ServingSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.Role;
import dev.sluice.runtime.network.Networks;
import dev.sluice.runtime.sampling.MixturePlan;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.apache.pekko.actor.typed.Props;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ./sluice serve}: a run's experts over HTTP, without training. */
@Command(
        name = "serve",
        mixinStandardHelpOptions = true,
        footer = SluiceCommand.A_TEACHER_IS_A_PROGRAM,
        description = "Serves a run's finished experts over HTTP until Ctrl-C; the teacher stands in for phases"
                + " without one.")
final class ServeCommand implements Callable<Integer> {
    @Option(names = "--run", paramLabel = "DIR", required = true, description = "A run's folder.")
    private Path run;

    @Option(names = "--port", paramLabel = "N", description = "HTTP port; 0 takes any free one. Default: the run's.")
    private Integer port;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        RunFolder folder = RunFolder.open(run);
        MixturePlan plan = Runs.finished(folder);
        Settings settings = servingOnly(Settings.read(folder.config()));
        DeploymentSettings here = settings.deployment();
        Map<String, Networks> devices = Device.networks(here.engine());
        try (SluiceProcess process = SluiceProcess.start(here, devices)) {
            ServedRun.Course course = begin(process, plan, settings);
            await(course.loaded());
            out.println("sluice: serving " + plan.version() + " (" + plan.nfe() + " evaluations a sample) at "
                    + process.url() + "/v1/images/generations until Ctrl-C");
            out.flush();
            await(course.ended());
        }
        return 0;
    }

    /** The run's settings for a cluster of one; the trainers in it stay idle and cost nothing. */
    private Settings servingOnly(Settings run) {
        // A run's folder keeps no token.
        ServingSettings serving = run.serving().withToken(Optional.ofNullable(System.getenv("SLUICE_TOKEN")));
        return new Settings(
                run.experiment(),
                run.checkpoint(),
                port == null ? serving : serving.withPort(port),
                new NodeSettings(EnumSet.allOf(Role.class), "127.0.0.1", 0, List.of()),
                run.engine(),
                run.cluster(),
                run.supervision());
    }

    private static ServedRun.Course begin(SluiceProcess process, MixturePlan plan, Settings settings) {
        ServedRun.Course course = new ServedRun.Course();
        process.spawn(
                ServedRun.create(
                        process.node(),
                        plan,
                        settings.engine().device(),
                        settings.supervision().loadWithin(),
                        settings.supervision().workWithin(),
                        course),
                "served-run",
                Props.empty());
        process.system()
                .getWhenTerminated()
                .thenAccept(done -> course.end("the process's actors ended; the log says why"));
        return course;
    }

    /** @throws UserError when the serving has ended */
    private static void await(CompletableFuture<Void> stage) throws InterruptedException {
        try {
            stage.join();
        } catch (CompletionException e) {
            Signals.leaveToTheSignal();
            throw e.getCause() instanceof UserError mend ? mend : e;
        }
    }
}
