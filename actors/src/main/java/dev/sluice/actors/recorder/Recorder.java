package dev.sluice.actors.recorder;

import dev.sluice.config.ExperimentSettings;
import dev.sluice.monitoring.progress.Progress;
import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.run.MetricsCsv;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.CycleReport;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.event.RunEvent;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.runtime.image.SampleSheet;
import dev.sluice.runtime.network.EngineErrors;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.pekko.Done;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;

/**
 * Writes what the run leaves behind: events, metrics and pictures, and moves the progress bar. The only writer of those
 * files, one a run.
 *
 * <p>It waits for disks and draws pictures, so spawn it with {@code DispatcherSelector.blocking()}. A run goes on when
 * its records cannot be written: a file that fails is logged and shown once, told as an event where the event log still
 * works, and tried again with every message; when it works again, the event says how many messages it missed.
 *
 * <p>When the actor dies, the messages in its mailbox are lost, nothing that it has answered a {@code Flush} for. A
 * new one may go on with the same folder.
 */
public final class Recorder extends AbstractBehavior<RecorderMessage> {
    /** What the run goes on from, or is over with: with what came before, on the disk when it is written. */
    private static final Set<Class<? extends RunEvent>> OUTLIVES_A_POWER_CUT = Set.of(
            RunEvent.CheckpointKept.class,
            RunEvent.ExpertPublished.class,
            RunEvent.RunFinished.class,
            RunEvent.RunFailed.class,
            RunEvent.RunCancelled.class);

    private final RunFolder folder;
    private final Progress progress;
    private final ExperimentSettings experiment;
    private final EventLog events;
    private final MetricsCsv metrics;
    private final Outage eventsOutage = new Outage();
    private final Outage metricsOutage = new Outage();
    private final Outage picturesOutage = new Outage();
    private final long total;
    private boolean progressing;

    /** How long a kind of file has not been writable, in messages. */
    private static final class Outage {
        private int missed;
    }

    @FunctionalInterface
    private interface Write {
        void run() throws IOException;
    }

    private Recorder(
            ActorContext<RecorderMessage> context,
            RunFolder folder,
            Progress progress,
            ExperimentSettings experiment,
            Clock clock) {
        super(context);
        this.folder = folder;
        this.progress = progress;
        this.experiment = experiment;
        this.events = new EventLog(folder.events(), clock);
        this.metrics = new MetricsCsv(folder.metrics());
        this.total = experiment.cycles().stream().mapToLong(Integer::longValue).sum();
    }

    /**
     * @param progress closed when the recorder stops
     * @param clock that events are dated by
     */
    public static Behavior<RecorderMessage> create(
            RunFolder folder, Progress progress, ExperimentSettings experiment, Clock clock) {
        return Behaviors.setup(context -> new Recorder(context, folder, progress, experiment, clock));
    }

    @Override
    public Receive<RecorderMessage> createReceive() {
        return newReceiveBuilder()
                .onMessage(RecorderMessage.Event.class, this::onEvent)
                .onMessage(RecorderMessage.Cycle.class, this::onCycle)
                .onMessage(RecorderMessage.Snapshot.class, this::onSnapshot)
                .onMessage(RecorderMessage.Grid.class, this::onGrid)
                .onMessage(RecorderMessage.Rewind.class, this::onRewind)
                .onMessage(RecorderMessage.Flush.class, this::onFlush)
                .onSignal(PostStop.class, this::onPostStop)
                .build();
    }

    private Behavior<RecorderMessage> onEvent(RecorderMessage.Event told) {
        RunEvent event;
        try {
            event = told.event();
        } catch (IllegalArgumentException e) {
            getContext().getLog().warn("An event is not recorded: {}", e.getMessage());
            return this;
        }
        if (event instanceof RunEvent.Unknown unknown) {
            getContext().getLog().warn("An event is not recorded: its type {} is unknown", unknown.type());
            return this;
        }
        if (event instanceof RunEvent.PhaseBegun begun) {
            beginProgress(cyclesBefore(begun.phase()) + begun.cycle());
        }
        tell(event);
        if (OUTLIVES_A_POWER_CUT.contains(event.getClass())) {
            force();
        }
        return this;
    }

    private Behavior<RecorderMessage> onCycle(RecorderMessage.Cycle cycle) {
        write(folder.metrics(), metricsOutage, () -> metrics.append(cycle.report(), cycle.elapsedMillis()));
        CycleReport report = cycle.report();
        long done = cyclesBefore(report.phase()) + report.cycle() + 1;
        beginProgress(done - 1);
        progress.advance(done, summary(report));
        if (done >= total) {
            endProgress();
        }
        return this;
    }

    private Behavior<RecorderMessage> onSnapshot(RecorderMessage.Snapshot snapshot) {
        Path file = folder.snapshot(snapshot.phase(), snapshot.cycle());
        List<Tensor> panels = List.of(snapshot.teacher(), snapshot.critic(), snapshot.generator());
        write(
                file,
                picturesOutage,
                () -> SampleSheet.write(file, SampleSheet.draw(List.of("teacher", "critic", "generator"), panels)));
        return this;
    }

    private Behavior<RecorderMessage> onGrid(RecorderMessage.Grid grid) {
        Path file = folder.grid(grid.phase());
        String title = grid.phase() == 0 ? "teacher" : "after phase " + grid.phase();
        write(
                file,
                picturesOutage,
                () -> SampleSheet.write(
                        file, SampleSheet.draw(List.of(title), List.of(grid.samples()), experiment.gridColumns())));
        return this;
    }

    private Behavior<RecorderMessage> onRewind(RecorderMessage.Rewind rewind) {
        write(folder.metrics(), metricsOutage, () -> metrics.rewind(rewind.phase(), rewind.cycle()));
        return this;
    }

    private Behavior<RecorderMessage> onFlush(RecorderMessage.Flush flush) {
        force();
        flush.replyTo().tell(Done.getInstance());
        return this;
    }

    private void force() {
        attempt(folder.metrics(), metricsOutage, metrics::force);
        attempt(folder.events(), eventsOutage, events::force);
    }

    private Behavior<RecorderMessage> onPostStop(PostStop stopped) {
        endProgress();
        progress.close();
        attempt(folder.metrics(), metricsOutage, metrics::close);
        attempt(folder.events(), eventsOutage, events::close);
        return this;
    }

    private void tell(RunEvent event) {
        write(folder.events(), eventsOutage, () -> events.append(event));
    }

    /** Writes an entry; the first that succeeds after an outage ends it. */
    private void write(Path file, Outage outage, Write write) {
        if (attempt(file, outage, write) && outage.missed > 0) {
            int missed = outage.missed;
            outage.missed = 0;
            getContext().getLog().info("{} can be written again; entries missing: {}", file, missed);
            tell(new RunEvent.RecordingResumed(relative(file), missed));
        }
    }

    private boolean attempt(Path file, Outage outage, Write write) {
        try {
            write.run();
            return true;
        } catch (IOException | RuntimeException e) {
            failed(file, outage, e);
            return false;
        }
    }

    private void failed(Path file, Outage outage, Exception cause) {
        outage.missed++;
        if (outage.missed > 1) {
            return;
        }
        String why = EngineErrors.cause(cause);
        String what = (why.startsWith("cannot write " + file) ? why : "cannot write " + file + ": " + why)
                + "; the run goes on, make room or mend the folder";
        if (cause instanceof IOException) {
            getContext().getLog().error(what);
        } else {
            getContext().getLog().error(what, cause);
        }
        progress.note(what);
        if (outage != eventsOutage) {
            tell(new RunEvent.RecordingFailed(relative(file), why));
        }
    }

    private String relative(Path file) {
        return folder.root().relativize(file).toString();
    }

    private void beginProgress(long before) {
        if (!progressing) {
            progress.begin("distil " + experiment.name(), total, before);
            progressing = true;
        }
    }

    private void endProgress() {
        if (progressing) {
            progress.close();
            progressing = false;
        }
    }

    private long cyclesBefore(int phase) {
        return experiment.cycles().stream()
                .limit(Math.max(0, phase - 1))
                .mapToLong(Integer::longValue)
                .sum();
    }

    private String summary(CycleReport report) {
        String summary = String.format(
                Locale.ROOT,
                "phase %d/%d, critic %.3g, excess %.3g, gradient %.3g",
                report.phase(),
                experiment.cycles().size(),
                report.critic().meanLoss(),
                report.critic().excess(),
                report.gradientMagnitude());
        return report.stepped() ? summary : summary + ", step skipped";
    }
}
