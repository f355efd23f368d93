package dev.sluice.actors.experiments;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.supervisor.Outcome;
import dev.sluice.actors.supervisor.PhaseSupervisor;
import dev.sluice.config.BadSettings;
import dev.sluice.config.DeploymentSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.progress.Progress;
import dev.sluice.monitoring.run.BadRunFolder;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.ExperimentStatus;
import dev.sluice.protocol.ExperimentStatus.State;
import dev.sluice.protocol.message.ExperimentsMessage;
import dev.sluice.protocol.message.ExperimentsReply;
import dev.sluice.protocol.message.ExperimentsReply.Reason;
import dev.sluice.protocol.message.FilesMessage;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.runtime.network.NetworkFileException;
import dev.sluice.runtime.trial.MemoryBudget;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * The cluster's experiments: one such actor in the cluster, on a control node. Each experiment has a supervisor and a
 * recorder of its own below it, a folder and an epoch; none can hurt another (contract F16).
 *
 * <p>What is in the folder of runs is the truth: when this actor is started again, here or on another control node, it goes
 * on with every experiment that was submitted and is not over. It reads and writes that folder, so spawn it with
 * {@code DispatcherSelector.blocking()}; the supervisors below it are not.
 */
public final class Experiments extends AbstractBehavior<ExperimentsMessage> {
    private static final Duration LOOK_EVERY = Duration.ofSeconds(1);
    private static final Duration TAKE_UP_AGAIN_EVERY = Duration.ofSeconds(10);

    /** Stop every experiment at its next cycle, and end: another control node goes on with them. */
    public record HandOver() implements ExperimentsMessage.Local {}

    private record Look() implements ExperimentsMessage.Local {}

    private record TakeUpAgain(Path run, String name) implements ExperimentsMessage.Local {}

    private record Ended(String name, ActorRef<?> supervisor, Outcome outcome) implements ExperimentsMessage.Local {}

    private record Progressed(String name, PhaseSupervisor.Progress progress) implements ExperimentsMessage.Local {}

    /** One that has a supervisor, be it over or not. */
    private static final class Running {
        private ActorRef<SupervisorMessage> supervisor;
        private ActorRef<RecorderMessage> recorder;
        private ActorRef<PhaseSupervisor.Progress> progress;
        private Closeable lock;
    }

    private final DeploymentSettings here;
    private final Path home;
    private final Courier courier;
    private final ActorRef<FilesMessage> files;
    private final SubmittedRuns runs;
    private final MemoryBudget budget;
    private final TimerScheduler<ExperimentsMessage> timers;
    private final Map<String, Running> running = new TreeMap<>();
    private final Map<String, ExperimentStatus> statuses = new TreeMap<>();
    private boolean handingOver;
    private int started;

    private Experiments(
            ActorContext<ExperimentsMessage> context,
            TimerScheduler<ExperimentsMessage> timers,
            DeploymentSettings here,
            Path home,
            Courier courier,
            ActorRef<FilesMessage> files)
            throws IOException {
        super(context);
        this.timers = timers;
        this.here = here;
        this.home = home;
        this.courier = courier;
        this.files = files;
        this.runs = new SubmittedRuns(here.node().runs());
        this.budget = TeacherCheck.budget(here.node());
        timers.startTimerWithFixedDelay(LOOK_EVERY, new Look(), LOOK_EVERY);
        // Before any message: nobody is told that there is no such experiment because it has not been read yet.
        runs.all().forEach(this::takeUp);
    }

    /**
     * @param here of the control node: where its runs are kept, which every control node sees, and how they are watched
     * @param home of the installation; relative teachers are found from it
     * @param courier of this node
     * @param files serves them to nodes that share no folder with this one
     */
    public static Behavior<ExperimentsMessage> create(
            DeploymentSettings here, Path home, Courier courier, ActorRef<FilesMessage> files) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> {
            try {
                return new Experiments(context, timers, here, home, courier, files);
            } catch (IOException e) {
                throw new IllegalStateException(
                        "the folder of runs " + here.node().runs() + " cannot be read: " + e, e);
            }
        }));
    }

    @Override
    public Receive<ExperimentsMessage> createReceive() {
        return newReceiveBuilder()
                .onMessage(ExperimentsMessage.Submit.class, this::onSubmit)
                .onMessage(ExperimentsMessage.GetAll.class, this::onGetAll)
                .onMessage(ExperimentsMessage.Cancel.class, this::onCancel)
                .onMessage(TakeUpAgain.class, this::onTakeUpAgain)
                .onMessage(Look.class, this::onLook)
                .onMessage(Progressed.class, this::onProgressed)
                .onMessage(Ended.class, this::onEnded)
                .onMessage(HandOver.class, this::onHandOver)
                .onSignal(PostStop.class, this::onPostStop)
                .build();
    }

    private Behavior<ExperimentsMessage> onSubmit(ExperimentsMessage.Submit order) {
        try {
            Settings settings = Settings.submitted(order.config(), here, home);
            String name = settings.experiment().name();
            ExperimentStatus before = statuses.get(name);
            if (handingOver) {
                order.replyTo().tell(rejected(Reason.FAILED, "this control node is leaving; try again"));
            } else if (before != null && !before.state().isOver()) {
                order.replyTo()
                        .tell(rejected(
                                Reason.NAME_TAKEN,
                                "there is an experiment " + name
                                        + " already; cancel it, or give experiment.name another" + " value"));
            } else {
                TeacherCheck.promiseRoom(settings, TeacherCheck.requireFits(settings), budget);
                forget(name);
                startFirst(settings);
                order.replyTo().tell(told(name));
            }
        } catch (BadSettings | IllegalArgumentException | NetworkFileException e) {
            order.replyTo().tell(rejected(Reason.INVALID, e.getMessage()));
        } catch (BadRunFolder | IOException e) {
            order.replyTo().tell(rejected(Reason.FAILED, e.getMessage()));
        }
        return this;
    }

    private void startFirst(Settings settings) throws IOException {
        try {
            RunFolder folder = runs.make(settings);
            start(RunStart.first(settings, folder), folder.lock());
        } catch (IOException | RuntimeException e) {
            budget.release(settings.experiment().name());
            throw e;
        }
    }

    /** Goes on with what was under way when the last keeper of experiments ended. */
    private void takeUp(Path run) {
        try {
            RunFolder folder = RunFolder.open(run);
            Settings settings = Settings.read(folder.config());
            ExperimentStatus status = SubmittedRuns.status(folder, settings);
            statuses.put(status.name(), status);
            if (!status.state().isOver()) {
                goOn(folder, settings, status);
            }
        } catch (BadSettings | BadRunFolder | IOException e) {
            getContext().getLog().error("the run in {} cannot be read: {}", run, e.getMessage());
            String name = run.getFileName().toString();
            statuses.putIfAbsent(
                    name,
                    new ExperimentStatus(
                            name,
                            run.toString(),
                            State.FAILED,
                            0,
                            0,
                            0,
                            0,
                            0,
                            "its folder cannot be read: " + e.getMessage()));
        }
    }

    /** What is in the way may be mended, such as a file that is not there now: it is tried again, and said. */
    private void goOn(RunFolder folder, Settings settings, ExperimentStatus status) {
        try {
            Settings now = settings.takenUpBy(here);
            TeacherCheck.promiseRoom(now, TeacherCheck.requireFits(now), budget);
            goOn(folder, now);
        } catch (BadSettings
                | IllegalArgumentException
                | RunStart.CannotResume
                | BadRunFolder
                | NetworkFileException
                | IOException e) {
            getContext().getLog().error("the run in {} cannot go on: {}", folder.root(), e.getMessage());
            statuses.put(status.name(), with(status, State.WAITING, "it cannot go on: " + e.getMessage()));
            takeUpAgain(folder, settings, TAKE_UP_AGAIN_EVERY);
        }
    }

    private void goOn(RunFolder folder, Settings settings) throws IOException {
        Closeable lock;
        try {
            lock = folder.lock();
        } catch (BadRunFolder e) {
            // Whoever had it is on its way out, or is the other side of a split and will be.
            getContext().getLog().warn("{}", e.getMessage());
            takeUpAgain(folder, settings, LOOK_EVERY);
            return;
        }
        RunStart start;
        try {
            start = RunStart.resumed(settings, folder);
        } catch (IOException | RuntimeException e) {
            close(lock);
            throw e;
        }
        start.notes().forEach(note -> getContext().getLog().info("{}: {}", folder.root(), note));
        start(start, lock);
    }

    private void takeUpAgain(RunFolder folder, Settings settings, Duration after) {
        TakeUpAgain again = new TakeUpAgain(folder.root(), settings.experiment().name());
        timers.startSingleTimer(again, again, after);
    }

    /** Unless it was cancelled meanwhile, and perhaps another submitted in its place. */
    private Behavior<ExperimentsMessage> onTakeUpAgain(TakeUpAgain again) {
        ExperimentStatus status = statuses.get(again.name());
        if (!handingOver
                && status.run().equals(again.run().toString())
                && !status.state().isOver()) {
            takeUp(again.run());
        }
        return this;
    }

    private void start(RunStart start, Closeable lock) {
        String name = start.settings().experiment().name();
        String suffix = name + "-" + ++started;
        Running run = new Running();
        run.lock = lock;
        run.recorder = getContext()
                .spawn(
                        start.recorder(Progress.lines(System.out, "cycles"), courier),
                        "recorder-" + suffix,
                        DispatcherSelector.blocking());
        ActorRef<ExperimentsMessage> self = getContext().getSelf();
        ActorRef<Outcome> listener = getContext()
                .spawn(
                        Behaviors.receiveMessage(outcome -> {
                            self.tell(new Ended(name, run.supervisor, outcome));
                            return Behaviors.same();
                        }),
                        "listener-" + suffix);
        run.progress = getContext()
                .spawn(
                        Behaviors.receiveMessage(progress -> {
                            self.tell(new Progressed(name, progress));
                            return Behaviors.same();
                        }),
                        "progress-" + suffix);
        start.serveFrom(files);
        run.supervisor = getContext()
                .spawn(
                        start.supervisor(run.recorder, courier, listener),
                        "supervisor-" + suffix,
                        DispatcherSelector.defaultDispatcher());
        run.supervisor.tell(new PhaseSupervisor.ServeOn());
        running.put(name, run);
        List<Integer> cycles = start.settings().experiment().cycles();
        statuses.put(
                name,
                new ExperimentStatus(
                        name,
                        start.folder().root().toString(),
                        State.WAITING,
                        start.epoch(),
                        0,
                        cycles.size(),
                        0,
                        cycles.get(0),
                        ""));
    }

    private Behavior<ExperimentsMessage> onGetAll(ExperimentsMessage.GetAll question) {
        question.replyTo().tell(new ExperimentsReply.Experiments(List.copyOf(statuses.values())));
        return this;
    }

    private Behavior<ExperimentsMessage> onCancel(ExperimentsMessage.Cancel order) {
        ExperimentStatus status = statuses.get(order.name());
        if (status == null) {
            order.replyTo()
                    .tell(rejected(
                            Reason.UNKNOWN,
                            "there is no experiment " + order.name() + "; there are "
                                    + (statuses.isEmpty() ? "none" : String.join(", ", statuses.keySet()))));
            return this;
        }
        Running run = running.get(order.name());
        if (run != null) {
            run.supervisor.tell(new PhaseSupervisor.Cancel());
        }
        if (!status.state().isOver()) {
            statuses.put(order.name(), with(status, State.CANCELLED, ""));
        }
        order.replyTo().tell(told(order.name()));
        return this;
    }

    private Behavior<ExperimentsMessage> onLook(Look look) {
        running.forEach((name, run) -> {
            if (!statuses.get(name).state().isOver()) {
                run.supervisor.tell(new PhaseSupervisor.GetProgress(run.progress));
            }
        });
        return this;
    }

    private Behavior<ExperimentsMessage> onProgressed(Progressed message) {
        ExperimentStatus status = statuses.get(message.name());
        if (status != null && !status.state().isOver()) {
            PhaseSupervisor.Progress progress = message.progress();
            statuses.put(
                    message.name(),
                    new ExperimentStatus(
                            status.name(),
                            status.run(),
                            progress.training() ? State.TRAINING : State.WAITING,
                            progress.epoch(),
                            progress.phase(),
                            status.phases(),
                            progress.cycle(),
                            progress.cycles(),
                            ""));
        }
        return this;
    }

    private Behavior<ExperimentsMessage> onEnded(Ended ended) {
        Running run = running.get(ended.name());
        if (run == null || !run.supervisor.equals(ended.supervisor())) {
            return this;
        }
        ExperimentStatus status = statuses.get(ended.name());
        budget.onlyServes(ended.name());
        if (ended.outcome() instanceof Outcome.Finished) {
            statuses.put(ended.name(), with(status, State.FINISHED, ""));
        } else if (ended.outcome() instanceof Outcome.Failed failed) {
            statuses.put(ended.name(), with(status, State.FAILED, failed.cause()));
        } else if (ended.outcome() instanceof Outcome.Stopped stopped) {
            statuses.put(ended.name(), with(status, State.WAITING, "stopped; goes on from " + stopped.where()));
            forget(ended.name());
        }
        return endWhenHandedOver();
    }

    private Behavior<ExperimentsMessage> onHandOver(HandOver order) {
        handingOver = true;
        running.values().forEach(run -> run.supervisor.tell(new PhaseSupervisor.Stop()));
        return endWhenHandedOver();
    }

    private Behavior<ExperimentsMessage> endWhenHandedOver() {
        boolean busy = running.keySet().stream()
                .anyMatch(name -> !statuses.get(name).state().isOver());
        return handingOver && !busy ? Behaviors.stopped() : this;
    }

    /** Its actors end, and the folder may be another's; the samplers serve on. */
    private void forget(String name) {
        Running run = running.remove(name);
        if (run != null) {
            getContext().stop(run.supervisor);
            getContext().stop(run.recorder);
            getContext().stop(run.progress);
            close(run.lock);
        }
    }

    private Behavior<ExperimentsMessage> onPostStop(PostStop stopped) {
        running.values().forEach(run -> close(run.lock));
        return this;
    }

    private void close(Closeable lock) {
        try {
            lock.close();
        } catch (IOException e) {
            getContext().getLog().warn("the lock of a run cannot be let go of: {}", e.toString());
        }
    }

    private ExperimentsReply told(String name) {
        return new ExperimentsReply.Experiments(List.of(statuses.get(name)));
    }

    private static ExperimentsReply rejected(Reason reason, String message) {
        return new ExperimentsReply.Rejected(reason, message);
    }

    private static ExperimentStatus with(ExperimentStatus status, State state, String message) {
        return new ExperimentStatus(
                status.name(),
                status.run(),
                state,
                status.epoch(),
                status.phase(),
                status.phases(),
                status.cycle(),
                status.cycles(),
                message);
    }
}
