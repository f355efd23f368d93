package dev.sluice.actors.cli;

import dev.sluice.actors.node.SluiceProcess;
import dev.sluice.actors.recorder.Recorder;
import dev.sluice.actors.supervisor.Gallery;
import dev.sluice.actors.supervisor.Outcome;
import dev.sluice.actors.supervisor.PhaseSupervisor;
import dev.sluice.actors.supervisor.RunPlan;
import dev.sluice.config.ExperimentSettings;
import dev.sluice.config.Settings;
import dev.sluice.config.SupervisionSettings;
import dev.sluice.monitoring.process.ProcessCost;
import dev.sluice.monitoring.progress.Progress;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.runtime.checkpoint.Checkpoint;
import dev.sluice.runtime.checkpoint.CheckpointStore;
import dev.sluice.runtime.checkpoint.Epochs;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.pekko.Done;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/**
 * One start of a run in this process, from its folder to what the user is told at the end: what {@code distill} begins
 * and {@code resume} goes on with.
 *
 * @param epoch higher than of any start before
 * @param from empty for the run's beginning
 * @param stay whether to go on serving when the run is done
 */
record TrainingSession(
        Settings settings, RunFolder folder, ExpertRef teacher, int epoch, Optional<Checkpoint> from, boolean stay) {
    /** Generator steps in a row that may be left out before the run goes back, and then is declared failed. */
    private static final int SKIPPED_LIMIT = 10;

    private static final Duration FLUSH_PATIENCE = Duration.ofSeconds(30);

    /** The checkpoints of a run. */
    static CheckpointStore checkpoints(RunFolder folder) {
        return new CheckpointStore(folder.root(), folder.checkpoints());
    }

    /**
     * Trains until the run is finished, stopped or failed. A signal that ends the process stops the run first.
     *
     * @throws UserError when the run failed
     */
    void carryOut(SluiceProcess process, PrintWriter out) throws InterruptedException {
        say(out, "sluice: run folder  " + folder.root());
        say(out, "sluice: serving at  " + process.url() + "/v1/images/generations");
        ActorRef<RecorderMessage> recorder = process.spawnBlocking(
                Recorder.create(folder, Progress.onStdout("cycles"), settings.experiment(), Clock.systemUTC()),
                "recorder");
        CompletableFuture<Outcome> ended = new CompletableFuture<>();
        CompletableFuture<Done> told = new CompletableFuture<>();
        ActorRef<SupervisorMessage> supervisor = supervisor(process, recorder, ended);
        stopBeforeShutdown(process, supervisor, told);
        writeOutBeforeTheEnd(process, recorder);
        Outcome outcome = finish(process, recorder, await(ended));
        try {
            tell(outcome, out);
        } finally {
            told.complete(Done.getInstance());
        }
        if (outcome instanceof Outcome.Stopped) {
            Signals.leaveToTheSignal();
            throw new RemovedFromCluster();
        }
        if (stay) {
            say(out, "sluice: serving on at " + process.url() + " until Ctrl-C");
            new CountDownLatch(1).await();
        }
    }

    private static Outcome await(CompletableFuture<Outcome> outcome) throws InterruptedException {
        try {
            return outcome.join();
        } catch (CompletionException e) {
            Signals.leaveToTheSignal();
            throw e.getCause() instanceof RemovedFromCluster removed ? removed : e;
        }
    }

    private ActorRef<SupervisorMessage> supervisor(
            SluiceProcess process, ActorRef<RecorderMessage> recorder, CompletableFuture<Outcome> ended) {
        ExperimentSettings experiment = settings.experiment();
        NetworkCard card = NetworkFile.readCard(experiment.teacher());
        Behavior<Outcome> completing = Behaviors.receiveMessage(outcome -> {
            ended.complete(outcome);
            return Behaviors.same();
        });
        ActorRef<Outcome> listener = process.spawn(completing, "listener", Props.empty());
        process.system().getWhenTerminated().thenAccept(done -> ended.completeExceptionally(new RemovedFromCluster()));
        RunPlan plan = plan(
                settings,
                new ModelCard(experiment.name(), card.sampleShape(), card.classNames()),
                teacher,
                folder,
                epoch,
                from);
        Gallery.Settings pictures = new Gallery.Settings(
                experiment.gridSamples(),
                card.classNames().size(),
                settings.serving().maxBatch(),
                settings.serving().deadline(),
                drawn());
        return process.spawn(PhaseSupervisor.create(plan, recorder, pictures, listener), "supervisor", Props.empty());
    }

    private Set<Integer> drawn() {
        return IntStream.rangeClosed(0, settings.experiment().plan().phaseCount())
                .filter(phase -> Files.exists(folder.grid(phase)))
                .boxed()
                .collect(Collectors.toSet());
    }

    /** What the supervisor is told. */
    static RunPlan plan(
            Settings settings,
            ModelCard card,
            ExpertRef teacher,
            RunFolder folder,
            int epoch,
            Optional<Checkpoint> from) {
        ExperimentSettings experiment = settings.experiment();
        SupervisionSettings supervision = settings.supervision();
        return new RunPlan(
                epoch,
                from,
                card,
                teacher,
                experiment.plan(),
                experiment.recipe(),
                experiment.cycles(),
                folder.expert(1).getParent(),
                experiment.teacherSteps(),
                experiment.snapshotEvery(),
                SKIPPED_LIMIT,
                new RunPlan.Keeping(
                        checkpoints(folder),
                        new Epochs(folder.epochs()),
                        settings.checkpoint().every(),
                        settings.checkpoint().keep(),
                        settings.identity()),
                new RunPlan.Timeouts(
                        supervision.rolesWithin(),
                        supervision.placeWithin(),
                        supervision.loadWithin(),
                        supervision.swapWithin(),
                        supervision.cycleStallAfter(),
                        supervision.workWithin()),
                new RunPlan.Restarts(supervision.restarts(), supervision.backOffMin(), supervision.backOffMax()));
    }

    /** The shutdown that a signal begins waits until the run has stopped and the user knows. */
    private static void stopBeforeShutdown(
            SluiceProcess process, ActorRef<SupervisorMessage> supervisor, CompletableFuture<Done> told) {
        CoordinatedShutdown.get(process.system())
                .addTask(CoordinatedShutdown.PhaseBeforeServiceUnbind(), "stop-the-run", () -> {
                    supervisor.tell(new PhaseSupervisor.Stop());
                    return told;
                });
    }

    /** The outcome, when everything that was recorded is on the disk. */
    private static Outcome finish(SluiceProcess process, ActorRef<RecorderMessage> recorder, Outcome outcome) {
        recorder.tell(
                new RecorderMessage.Event(ProcessCost.EVENT, ProcessCost.now().fields()));
        flush(process, recorder).toCompletableFuture().join();
        return outcome;
    }

    /** What the sampler told of its last requests when it stopped is on the disk before the recorder is stopped too. */
    private static void writeOutBeforeTheEnd(SluiceProcess process, ActorRef<RecorderMessage> recorder) {
        CoordinatedShutdown.get(process.system())
                .addTask(
                        CoordinatedShutdown.PhaseBeforeClusterShutdown(),
                        "write-out-the-records",
                        () -> flush(process, recorder));
    }

    /** Done when everything that was told before is on the disk, or when that took too long. */
    private static CompletionStage<Done> flush(SluiceProcess process, ActorRef<RecorderMessage> recorder) {
        return AskPattern.<RecorderMessage, Done>ask(
                        recorder,
                        RecorderMessage.Flush::new,
                        FLUSH_PATIENCE,
                        process.system().scheduler())
                .exceptionally(late -> Done.getInstance());
    }

    private void tell(Outcome outcome, PrintWriter out) {
        if (outcome instanceof Outcome.Failed failed) {
            throw new UserError("the run failed: " + failed.cause() + "\n        what it did is in " + folder.events()
                    + "\n        when that is mended, go on with: ./sluice resume --run " + folder.root());
        } else if (outcome instanceof Outcome.Stopped stopped) {
            say(out, "\nsluice: stopped; ./sluice resume --run " + folder.root() + " goes on from " + stopped.where());
        } else {
            say(out, "sluice: done; experts and samples are in " + folder.root());
        }
    }

    private static void say(PrintWriter out, String line) {
        out.println(line);
        out.flush();
    }
}
