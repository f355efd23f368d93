package dev.sluice.actors.cli;

import dev.sluice.actors.node.SluiceProcess;
import dev.sluice.actors.recorder.Recorder;
import dev.sluice.actors.supervisor.Gallery;
import dev.sluice.actors.supervisor.Outcome;
import dev.sluice.actors.supervisor.PhaseSupervisor;
import dev.sluice.actors.supervisor.RunPlan;
import dev.sluice.config.ExperimentSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.progress.Progress;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.TorchNetworks;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.apache.pekko.Done;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
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
    /** Generator steps in a row that may be left out before the run is declared failed. */
    private static final int SKIPPED_LIMIT = 10;

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
        NetworkCard teacher = teacherOf(chosen);
        ExpertRef reference = NetworkFile.reference("teacher", chosen.teacher());
        TorchNetworks networks =
                TorchNetworks.on(settings.engine().device(), settings.engine().threads());
        try (SluiceProcess process = SluiceProcess.start(settings, networks)) {
            RunFolder folder = RunFolder.create(run != null ? run : nextRun(chosen.name()), settings.render());
            out.println("sluice: run folder  " + folder.root());
            out.println("sluice: serving at  " + process.url() + "/v1/images/generations");
            out.flush();
            Outcome outcome = distil(settings, teacher, reference, folder, process);
            if (outcome instanceof Outcome.Failed failed) {
                throw new UserError(
                        "the run failed: " + failed.cause() + "\n        what it did is in " + folder.events());
            }
            out.println("sluice: done; experts and samples are in " + folder.root());
            if (stay) {
                out.println("sluice: serving on at " + process.url() + " until Ctrl-C");
                out.flush();
                new CountDownLatch(1).await();
            }
            return 0;
        }
    }

    private static NetworkCard teacherOf(ExperimentSettings experiment) {
        NetworkCard card = NetworkFile.readCard(experiment.teacher());
        if (card.schedule() != experiment.recipe().schedule()) {
            throw new UserError(
                    "experiment.recipe.schedule is " + experiment.recipe().schedule() + ", the teacher "
                            + experiment.teacher() + " was trained on " + card.schedule() + "; set it to that");
        }
        return card;
    }

    private static Path nextRun(String name) {
        for (int n = 1; ; n++) {
            Path candidate = Path.of("runs", name + "-" + n);
            if (!Files.exists(candidate)) {
                return candidate;
            }
        }
    }

    private static Outcome distil(
            Settings settings, NetworkCard teacher, ExpertRef reference, RunFolder folder, SluiceProcess process) {
        ExperimentSettings experiment = settings.experiment();
        ModelCard card = new ModelCard(experiment.name(), teacher.sampleShape(), teacher.classNames());
        RunPlan plan = plan(settings, card, reference, folder.expert(1).getParent());
        ActorRef<RecorderMessage> recorder = process.spawnBlocking(
                Recorder.create(folder, Progress.onStdout("cycles"), experiment, Clock.systemUTC()), "recorder");
        CompletableFuture<Outcome> ended = new CompletableFuture<>();
        ActorRef<Outcome> listener = process.spawn(completing(ended), "listener", Props.empty());
        process.spawn(
                PhaseSupervisor.create(
                        plan,
                        recorder,
                        new Gallery.Settings(
                                experiment.gridSamples(),
                                card.classNames().size(),
                                settings.serving().maxBatch(),
                                settings.serving().deadline()),
                        listener),
                "supervisor",
                Props.empty());
        process.system()
                .getWhenTerminated()
                .thenAccept(done ->
                        ended.complete(new Outcome.Failed("the actor system stopped by itself; its log says why")));
        Outcome outcome = ended.join();
        AskPattern.<RecorderMessage, Done>ask(
                        recorder,
                        RecorderMessage.Flush::new,
                        Duration.ofSeconds(30),
                        process.system().scheduler())
                .toCompletableFuture()
                .exceptionally(late -> Done.getInstance())
                .join();
        return outcome;
    }

    /** What the supervisor is told of an experiment. */
    static RunPlan plan(Settings settings, ModelCard card, ExpertRef teacher, Path experts) {
        ExperimentSettings experiment = settings.experiment();
        return new RunPlan(
                card,
                teacher,
                experiment.plan(),
                experiment.recipe(),
                experiment.cycles(),
                experts,
                experiment.teacherSteps(),
                experiment.snapshotEvery(),
                SKIPPED_LIMIT,
                new RunPlan.Timeouts(
                        settings.supervision().rolesWithin(),
                        settings.supervision().loadWithin(),
                        settings.supervision().swapWithin(),
                        settings.supervision().cycleStallAfter()));
    }

    private static Behavior<Outcome> completing(CompletableFuture<Outcome> future) {
        return Behaviors.receiveMessage(outcome -> {
            future.complete(outcome);
            return Behaviors.same();
        });
    }
}
