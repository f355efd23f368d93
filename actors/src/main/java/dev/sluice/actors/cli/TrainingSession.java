package dev.sluice.actors.cli;

import dev.sluice.actors.experiments.RunStart;
import dev.sluice.actors.node.SluiceProcess;
import dev.sluice.actors.supervisor.Outcome;
import dev.sluice.actors.supervisor.PhaseSupervisor;
import dev.sluice.monitoring.process.ProcessCost;
import dev.sluice.monitoring.progress.Progress;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import org.apache.pekko.Done;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/**
 * One start of a run with its supervisor in this process, to what the user is told at the end: what {@code distill} begins
 * and {@code resume} goes on with.
 *
 * @param stay whether to go on serving when the run is done
 */
record TrainingSession(RunStart start, boolean stay) {
    private static final Duration FLUSH_PATIENCE = Duration.ofSeconds(30);

    /**
     * Trains until the run is finished, stopped or failed. A signal that ends the process stops the run first.
     *
     * @throws UserError when the run failed
     */
    void carryOut(SluiceProcess process, PrintWriter out) throws InterruptedException {
        start.notes().forEach(note -> say(out, "sluice: " + note));
        say(out, "sluice: run folder  " + start.folder().root());
        say(out, "sluice: serving at  " + process.url() + "/v1/images/generations");
        ActorRef<RecorderMessage> recorder =
                process.spawnBlocking(start.recorder(Progress.onStdout("cycles"), process.courier()), "recorder");
        CompletableFuture<Outcome> ended = new CompletableFuture<>();
        CompletableFuture<Done> told = new CompletableFuture<>();
        ActorRef<SupervisorMessage> supervisor = supervisor(process, recorder, ended);
        if (stay) {
            supervisor.tell(new PhaseSupervisor.ServeOn());
        }
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
        Behavior<Outcome> completing = Behaviors.receiveMessage(outcome -> {
            ended.complete(outcome);
            return Behaviors.same();
        });
        ActorRef<Outcome> listener = process.spawn(completing, "listener", Props.empty());
        process.system().getWhenTerminated().thenAccept(done -> ended.completeExceptionally(new RemovedFromCluster()));
        start.serveFrom(process.files());
        return process.spawn(start.supervisor(recorder, process.courier(), listener), "supervisor", Props.empty());
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
    private Outcome finish(SluiceProcess process, ActorRef<RecorderMessage> recorder, Outcome outcome) {
        recorder.tell(RecorderMessage.Event.of(
                ProcessCost.now().event(start.settings().node().roles())));
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
            throw new UserError("the run failed: " + failed.cause() + "\n        what it did is in "
                    + start.folder().events() + "\n        when that is mended, go on with: ./sluice resume --run "
                    + start.folder().root());
        } else if (outcome instanceof Outcome.Stopped stopped) {
            say(
                    out,
                    "\nsluice: stopped; ./sluice resume --run " + start.folder().root() + " goes on from "
                            + stopped.where());
        } else if (outcome instanceof Outcome.Finished finished) {
            finished.warnings().forEach(warning -> say(out, "sluice: note that " + warning));
            say(
                    out,
                    "sluice: done; experts and samples are in " + start.folder().root());
        }
    }

    private static void say(PrintWriter out, String line) {
        out.println(line);
        out.flush();
    }
}
