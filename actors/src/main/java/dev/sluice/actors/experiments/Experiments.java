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
import dev.sluice.protocol.Shown;
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
import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.PreRestart;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.StashBuffer;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The cluster's experiments: one such actor in the cluster, on a control node. Each experiment has a supervisor and a
 * recorder of its own below it, a folder and an epoch; none can hurt another.
 *
 * <p>What is in the folder of runs is the truth: when this actor is started again, here or on another control node, it goes
 * on with every experiment that was submitted and is not over. It looks into that folder, so spawn it with
 * {@code DispatcherSelector.blocking()}; the supervisors below it are not. What may take long, or break on what somebody
 * else has written, {@link RunReader} does elsewhere: this actor answers meanwhile, and does not end with it.
 */
public final class Experiments extends AbstractBehavior<ExperimentsMessage> {
    private static final Duration BACK_OFF = Duration.ofSeconds(1);
    private static final Duration BACK_OFF_MOST = Duration.ofSeconds(5);
    private static final Duration LOOK_EVERY = Duration.ofSeconds(1);
    private static final Duration TAKE_UP_AGAIN_EVERY = Duration.ofSeconds(10);

    /** For the folders of all runs; what is not read by then is taken up when it is. */
    private static final Duration TAKE_STOCK_WITHIN = Duration.ofSeconds(5);

    /** A cancelled run's actors have heard of it and written it down. */
    private static final Duration END_WITHIN = Duration.ofSeconds(2);

    /** Fewer than there are threads for them. */
    private static final int MOST_SUBMITTED_AT_ONCE = 4;

    private static final int MOST_EARLY = 1_000;
    private static final int MOST_OF_AN_ANSWER = BadSettings.MOST_CHARACTERS;

    /** All of them are in one message, also between nodes; the runs' events have all of it. */
    private static final int MOST_OF_A_STATUS = 1_000;

    private static final DispatcherSelector READERS = DispatcherSelector.fromConfig("sluice.experiments.dispatcher");
    private static final Logger LOG = LoggerFactory.getLogger(Experiments.class);

    /** Stop every experiment at its next cycle, and end: another control node goes on with them. */
    public record HandOver() implements ExperimentsMessage.Local {}

    private record Look() implements ExperimentsMessage.Local {}

    private record TakeStock() implements ExperimentsMessage.Local {}

    private record TakeUpAgain(Path run, String name) implements ExperimentsMessage.Local {}

    /**
     * @param name that it is known by until it is read
     * @param found null where there is a failure, and the other way round; so below
     */
    private record Read(Path run, String name, RunReader.Found found, Throwable failure)
            implements ExperimentsMessage.Local {}

    private record Checked(ExperimentsMessage.Submit order, Settings settings, Throwable failure)
            implements ExperimentsMessage.Local {}

    private record Ready(String name, Running run, RunStart start, Throwable failure)
            implements ExperimentsMessage.Local {}

    private record Ended(String name, Running run, Outcome outcome) implements ExperimentsMessage.Local {}

    private record Progressed(String name, Running run, PhaseSupervisor.Progress progress)
            implements ExperimentsMessage.Local {}

    private record End(Running run) implements ExperimentsMessage.Local {}

    /** One whose folder is held here, be it over or not; without actors until its start is there. */
    private static final class Running {
        private final RunFolder folder;
        private final Closeable lock;
        /** It reads the folder until it is done. */
        private final CompletionStage<RunStart> start;

        private ActorRef<SupervisorMessage> supervisor;
        private ActorRef<RecorderMessage> recorder;
        private ActorRef<Outcome> listener;
        private ActorRef<PhaseSupervisor.Progress> progress;

        Running(RunFolder folder, Closeable lock, CompletionStage<RunStart> start) {
            this.folder = folder;
            this.lock = lock;
            this.start = start;
        }

        /** When nobody here uses the folder any more, it may be another's. */
        void letGo() {
            boolean carriedOut = supervisor != null;
            start.whenComplete((done, failure) -> {
                if (done != null && !carriedOut) {
                    takeBack(done);
                }
                close(lock);
            });
        }
    }

    private final Courier courier;
    private final ActorRef<FilesMessage> files;
    private final SubmittedRuns runs;
    private final MemoryBudget budget;
    private final RunReader reader;
    private final TimerScheduler<ExperimentsMessage> timers;
    private final StashBuffer<ExperimentsMessage> early;
    private final Map<String, Running> running = new TreeMap<>();
    /** Cancelled and forgotten; their actors are still at it. */
    private final Set<Running> ending = new HashSet<>();

    private final Map<String, ExperimentStatus> statuses = new TreeMap<>();
    /** Orders that are being checked, each once however equal. */
    private final Set<ExperimentsMessage.Submit> checking = Collections.newSetFromMap(new IdentityHashMap<>());
    /** The oldest first, with what was read of it; only until stock is taken. */
    private final Map<Path, Optional<Read>> stock = new LinkedHashMap<>();

    private boolean takingStock = true;
    private boolean handingOver;
    private int started;

    private Experiments(
            ActorContext<ExperimentsMessage> context,
            TimerScheduler<ExperimentsMessage> timers,
            StashBuffer<ExperimentsMessage> early,
            DeploymentSettings here,
            Path home,
            Courier courier,
            ActorRef<FilesMessage> files,
            UnaryOperator<Executor> readers)
            throws IOException {
        super(context);
        this.timers = timers;
        this.early = early;
        this.courier = courier;
        this.files = files;
        this.runs = new SubmittedRuns(here.node().runs());
        this.budget = TeacherCheck.budget(here.node());
        this.reader = new RunReader(
                here,
                home,
                budget,
                readers.apply(context.getSystem().dispatchers().lookup(READERS)));
        timers.startTimerWithFixedDelay(LOOK_EVERY, new Look(), LOOK_EVERY);
        // Before any message: nobody is told that there is no such experiment because it has not been read yet.
        timers.startSingleTimer(new TakeStock(), TAKE_STOCK_WITHIN);
        runs.all().forEach(run -> stock.put(run, Optional.empty()));
        stock.keySet().forEach(run -> read(run, folderName(run)));
        if (stock.isEmpty()) {
            takingStock = false;
        }
    }

    /**
     * When it fails it is started again, within seconds, and goes on with its experiments.
     *
     * @param here of the control node: where its runs are kept, which every control node sees, and how they are watched
     * @param home of the installation; relative teachers are found from it
     * @param courier of this node
     * @param files serves them to nodes that share no folder with this one
     */
    public static Behavior<ExperimentsMessage> create(
            DeploymentSettings here, Path home, Courier courier, ActorRef<FilesMessage> files) {
        return create(here, home, courier, files, UnaryOperator.identity());
    }

    /** @param readers what becomes of the threads that wait for disks */
    static Behavior<ExperimentsMessage> create(
            DeploymentSettings here,
            Path home,
            Courier courier,
            ActorRef<FilesMessage> files,
            UnaryOperator<Executor> readers) {
        Behavior<ExperimentsMessage> keeper =
                Behaviors.setup(context -> Behaviors.withTimers(timers -> Behaviors.withStash(MOST_EARLY, early -> {
                    try {
                        return new Experiments(context, timers, early, here, home, courier, files, readers);
                    } catch (IOException e) {
                        throw new IllegalStateException(
                                "the folder of runs " + here.node().runs() + " cannot be read: " + e, e);
                    }
                })));
        return Behaviors.supervise(keeper).onFailure(SupervisorStrategy.restartWithBackoff(BACK_OFF, BACK_OFF_MOST, 0));
    }

    @Override
    public Receive<ExperimentsMessage> createReceive() {
        return newReceiveBuilder()
                .onMessage(ExperimentsMessage.Submit.class, order -> whenStockIsTaken(order, () -> onSubmit(order)))
                .onMessage(ExperimentsMessage.GetAll.class, asked -> whenStockIsTaken(asked, () -> onGetAll(asked)))
                .onMessage(ExperimentsMessage.Cancel.class, order -> whenStockIsTaken(order, () -> onCancel(order)))
                .onMessage(Read.class, this::onRead)
                .onMessage(TakeStock.class, message -> takeStock())
                .onMessage(Checked.class, this::onChecked)
                .onMessage(Ready.class, this::onReady)
                .onMessage(TakeUpAgain.class, this::onTakeUpAgain)
                .onMessage(Look.class, this::onLook)
                .onMessage(Progressed.class, this::onProgressed)
                .onMessage(Ended.class, this::onEnded)
                .onMessage(End.class, this::onEnd)
                .onMessage(HandOver.class, this::onHandOver)
                .onSignal(PreRestart.class, signal -> letGoOfAll())
                .onSignal(PostStop.class, signal -> letGoOfAll())
                .build();
    }

    private Behavior<ExperimentsMessage> whenStockIsTaken(
            ExperimentsMessage message, Supplier<Behavior<ExperimentsMessage>> then) {
        if (!takingStock) {
            return then.get();
        }
        if (!early.isFull()) {
            early.stash(message);
        }
        return this;
    }

    private Behavior<ExperimentsMessage> onSubmit(ExperimentsMessage.Submit order) {
        if (handingOver) {
            order.replyTo().tell(leaving());
        } else if (reader.submissions() >= MOST_SUBMITTED_AT_ONCE) {
            order.replyTo()
                    .tell(rejected(
                            Reason.FAILED,
                            "other experiments are being looked at, " + MOST_SUBMITTED_AT_ONCE
                                    + " at a time; try again"));
        } else {
            checking.add(order);
            getContext()
                    .pipeToSelf(
                            reader.submitted(order.config())
                                    .toCompletableFuture()
                                    // Whoever waits is answered in time, and the thread is still taken until it is
                                    // done.
                                    .copy()
                                    .orTimeout(ExperimentsMessage.CHECKED_WITHIN.toMillis(), TimeUnit.MILLISECONDS),
                            (settings, failure) -> new Checked(order, settings, failure));
        }
        return this;
    }

    private Behavior<ExperimentsMessage> onChecked(Checked checked) {
        // One of before a restart has been answered.
        if (checking.remove(checked.order())) {
            checked.order().replyTo().tell(answer(checked));
        }
        return this;
    }

    private ExperimentsReply answer(Checked checked) {
        if (checked.failure() != null) {
            return refusal(RunReader.cause(checked.failure()));
        }
        Settings settings = checked.settings();
        String name = settings.experiment().name();
        ExperimentStatus before = statuses.get(name);
        if (handingOver) {
            return leaving();
        }
        if (before != null && !before.state().isOver()) {
            return rejected(
                    Reason.NAME_TAKEN,
                    "there is an experiment " + name + " already; cancel it, or give experiment.name another value");
        }
        try {
            RunFolder folder = runs.make(settings);
            forget(name);
            statuses.put(name, SubmittedRuns.status(folder, settings));
            goOn(folder, settings);
            return told(name);
        } catch (BadRunFolder | IOException e) {
            return rejected(Reason.FAILED, e.getMessage());
        }
    }

    private static ExperimentsReply refusal(Throwable cause) {
        if (cause instanceof BadSettings && cause.getCause() != null) {
            LOG.warn("A submitted experiment is refused: {}", cause.getCause().toString());
        }
        if (cause instanceof BadSettings
                || cause instanceof IllegalArgumentException
                || cause instanceof NetworkFileException) {
            return rejected(Reason.INVALID, message(cause));
        }
        if (cause instanceof BadRunFolder || cause instanceof IOException) {
            return rejected(Reason.FAILED, message(cause));
        }
        if (cause instanceof TimeoutException) {
            return rejected(
                    Reason.FAILED,
                    "the experiment was not checked within " + ExperimentsMessage.CHECKED_WITHIN.toSeconds()
                            + " s and is not begun: its teacher, or others before it, are still being tried; submit it again");
        }
        LOG.error("An experiment that was submitted could not be looked at", cause);
        return rejected(
                Reason.BROKEN,
                "the experiment could not be looked at: " + Shown.text(500, cause.toString())
                        + "; this is an error of Sluice, the log of the control node has more");
    }

    private void read(Path run, String name) {
        getContext().pipeToSelf(reader.found(run), (found, failure) -> new Read(run, name, found, failure));
    }

    private Behavior<ExperimentsMessage> onRead(Read read) {
        if (takingStock) {
            // Of what was asked for before a restart as well.
            stock.replace(read.run(), Optional.of(read));
            return stock.values().stream().allMatch(Optional::isPresent) ? takeStock() : this;
        }
        ExperimentStatus known = statuses.get(read.name());
        if (handingOver || running.containsKey(read.name()) || !isUnderWay(known, read.run())) {
            return this;
        }
        if (read.failure() != null) {
            waits(read.name(), "its folder cannot be read: " + told(RunReader.cause(read.failure())));
            takeUpAgain(read.run(), read.name(), TAKE_UP_AGAIN_EVERY);
            return this;
        }
        if (!name(read).equals(read.name())) {
            statuses.remove(read.name());
            ExperimentStatus other = statuses.get(name(read));
            if (other != null && !other.state().isOver()) {
                getContext().getLog().warn("the run in {} is left: {} is {} now", read.run(), name(read), other.run());
                return this;
            }
        }
        takeUp(read);
        return this;
    }

    /** Not cancelled meanwhile, and perhaps another submitted in its place. */
    private static boolean isUnderWay(ExperimentStatus status, Path run) {
        return status != null
                && status.run().equals(run.toString())
                && !status.state().isOver();
    }

    /** Of those of one name the newest goes on: there was another only because that was over. */
    private Behavior<ExperimentsMessage> takeStock() {
        if (!takingStock) {
            return this;
        }
        takingStock = false;
        timers.cancel(new TakeStock());
        Map<String, Read> newest = new TreeMap<>();
        stock.forEach((run, read) -> read.ifPresentOrElse(
                it -> newest.put(name(it), it),
                () -> statuses.put(folderName(run), unread(run, State.WAITING, "its folder is being read"))));
        stock.clear();
        newest.values().forEach(this::takeUp);
        return early.unstashAll(this);
    }

    private static String name(Read read) {
        return read.found() == null
                ? folderName(read.run())
                : read.found().status().name();
    }

    private static String folderName(Path run) {
        return run.getFileName().toString();
    }

    private static ExperimentStatus unread(Path run, State state, String message) {
        return new ExperimentStatus(
                folderName(run), run.toString(), state, 0, 0, 0, 0, 0, Shown.text(MOST_OF_A_STATUS, message));
    }

    /** Goes on with what was under way when the last keeper of experiments ended. */
    private void takeUp(Read read) {
        if (read.failure() != null) {
            String why = told(RunReader.cause(read.failure()));
            getContext().getLog().error("the run in {} cannot be read: {}", read.run(), why);
            statuses.putIfAbsent(
                    folderName(read.run()), unread(read.run(), State.FAILED, "its folder cannot be read: " + why));
            return;
        }
        ExperimentStatus status = read.found().status();
        ExperimentStatus before = statuses.get(status.name());
        // What was in its way is told until it is known not to be any more.
        boolean isWaiting = status.state() == State.WAITING
                && before != null
                && before.run().equals(status.run());
        statuses.put(status.name(), with(status, status.state(), isWaiting ? before.message() : status.message()));
        if (!status.state().isOver()) {
            goOn(read.found().folder(), read.found().settings());
        }
    }

    private void goOn(RunFolder folder, Settings settings) {
        String name = settings.experiment().name();
        Closeable lock;
        try {
            lock = folder.lock();
        } catch (BadRunFolder e) {
            // Whoever had it is on its way out, or is the other side of a split and will be.
            waits(name, e.getMessage());
            takeUpAgain(folder.root(), name, LOOK_EVERY);
            return;
        }
        Running run = new Running(folder, lock, reader.start(folder, settings));
        running.put(name, run);
        getContext().pipeToSelf(run.start, (start, failure) -> new Ready(name, run, start, failure));
    }

    private Behavior<ExperimentsMessage> onReady(Ready ready) {
        Running run = ready.run();
        if (running.get(ready.name()) != run) {
            if (!running.containsKey(ready.name())) {
                // It was forgotten while it was read, and may have been promised its memory since.
                budget.release(ready.name());
            }
            return this;
        }
        Throwable failure = ready.failure();
        if (failure == null) {
            try {
                start(run, ready.start());
                return this;
            } catch (RuntimeException e) {
                failure = e;
            }
        }
        // It may be mended, such as a file that is not there now: it is tried again.
        forget(ready.name());
        waits(ready.name(), "it cannot go on: " + told(RunReader.cause(failure)));
        takeUpAgain(run.folder.root(), ready.name(), TAKE_UP_AGAIN_EVERY);
        return this;
    }

    /** For the user, and for the log once. */
    private void waits(String name, String why) {
        ExperimentStatus before = statuses.get(name);
        ExperimentStatus now = with(before, State.WAITING, why);
        if (!now.message().equals(before.message())) {
            getContext().getLog().warn("the run in {} waits: {}", now.run(), now.message());
        }
        statuses.put(name, now);
    }

    private static String told(Throwable cause) {
        if (cause instanceof BadSettings
                || cause instanceof BadRunFolder
                || cause instanceof IllegalArgumentException
                || cause instanceof RunStart.CannotResume
                || cause instanceof NetworkFileException
                || cause instanceof IOException) {
            return message(cause);
        }
        LOG.error("A run broke while it was read", cause);
        return cause.toString();
    }

    private static String message(Throwable cause) {
        return cause.getMessage() == null ? cause.toString() : cause.getMessage();
    }

    private void takeUpAgain(Path run, String name, Duration after) {
        TakeUpAgain again = new TakeUpAgain(run, name);
        timers.startSingleTimer(again, again, after);
    }

    private Behavior<ExperimentsMessage> onTakeUpAgain(TakeUpAgain again) {
        if (!handingOver && isUnderWay(statuses.get(again.name()), again.run())) {
            read(again.run(), again.name());
        }
        return this;
    }

    private void start(Running run, RunStart start) {
        String name = start.settings().experiment().name();
        String suffix = name + "-" + ++started;
        start.notes()
                .forEach(note ->
                        getContext().getLog().info("{}: {}", start.folder().root(), note));
        run.recorder = getContext()
                .spawn(
                        start.recorder(Progress.lines(System.out, "cycles"), courier),
                        "recorder-" + suffix,
                        DispatcherSelector.blocking());
        ActorRef<ExperimentsMessage> self = getContext().getSelf();
        run.listener = getContext()
                .spawn(
                        Behaviors.receiveMessage(outcome -> {
                            self.tell(new Ended(name, run, outcome));
                            return Behaviors.same();
                        }),
                        "listener-" + suffix);
        run.progress = getContext()
                .spawn(
                        Behaviors.receiveMessage(progress -> {
                            self.tell(new Progressed(name, run, progress));
                            return Behaviors.same();
                        }),
                        "progress-" + suffix);
        start.serveFrom(files);
        run.supervisor = getContext()
                .spawn(
                        start.supervisor(run.recorder, courier, run.listener),
                        "supervisor-" + suffix,
                        DispatcherSelector.defaultDispatcher());
        run.supervisor.tell(new PhaseSupervisor.ServeOn());
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
        order.replyTo().tell(cancel(status));
        return this;
    }

    /** In its folder first: whoever keeps the experiments next must not take it up. */
    private ExperimentsReply cancel(ExperimentStatus status) {
        boolean ends = !status.state().isOver();
        if (ends || status.state() == State.CANCELLED) {
            try {
                SubmittedRuns.cancel(Path.of(status.run()));
            } catch (IOException e) {
                return rejected(
                        Reason.FAILED,
                        "it goes on, because it cannot be written down that " + status.name() + " is cancelled: "
                                + e.getMessage() + "; make room or mend the folder, and cancel it again");
            }
        }
        Running run = running.get(status.name());
        if (run != null && run.supervisor != null) {
            run.supervisor.tell(new PhaseSupervisor.Cancel());
        } else {
            forget(status.name());
        }
        if (ends) {
            statuses.put(status.name(), with(status, State.CANCELLED, ""));
        } else {
            // What served it ends, and was all that it still needed.
            budget.release(status.name());
        }
        return told(status.name());
    }

    private Behavior<ExperimentsMessage> onLook(Look look) {
        running.forEach((name, run) -> {
            if (run.supervisor != null && !statuses.get(name).state().isOver()) {
                run.supervisor.tell(new PhaseSupervisor.GetProgress(run.progress));
            }
        });
        return this;
    }

    private Behavior<ExperimentsMessage> onProgressed(Progressed message) {
        ExperimentStatus status = statuses.get(message.name());
        if (running.get(message.name()) == message.run() && !status.state().isOver()) {
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
        if (running.get(ended.name()) != ended.run()) {
            return this;
        }
        ExperimentStatus status = statuses.get(ended.name());
        budget.onlyServes(ended.name());
        if (ended.outcome() instanceof Outcome.Finished finished) {
            statuses.put(ended.name(), with(status, State.FINISHED, String.join("; ", finished.warnings())));
        } else if (ended.outcome() instanceof Outcome.Failed failed) {
            statuses.put(ended.name(), with(status, State.FAILED, failed.cause()));
        } else if (ended.outcome() instanceof Outcome.Stopped stopped) {
            statuses.put(ended.name(), with(status, State.WAITING, "stopped; goes on from " + stopped.where()));
            forget(ended.name());
        } else if (ended.outcome() instanceof Outcome.Cancelled) {
            forget(ended.name());
        }
        return endWhenHandedOver();
    }

    private Behavior<ExperimentsMessage> onHandOver(HandOver order) {
        handingOver = true;
        List<String> unstarted = running.entrySet().stream()
                .filter(run -> run.getValue().supervisor == null)
                .map(Map.Entry::getKey)
                .toList();
        unstarted.forEach(this::forget);
        running.values().forEach(run -> run.supervisor.tell(new PhaseSupervisor.Stop()));
        return endWhenHandedOver();
    }

    private Behavior<ExperimentsMessage> endWhenHandedOver() {
        boolean busy = running.keySet().stream()
                .anyMatch(name -> !statuses.get(name).state().isOver());
        return handingOver && !busy ? Behaviors.stopped() : this;
    }

    /**
     * Its actors end, and the folder may be another's; the samplers serve on. One that is cancelled has its actors until they
     * have heard of it: to stop an actor overtakes what it was told.
     */
    private void forget(String name) {
        budget.release(name);
        Running run = running.remove(name);
        if (run != null && statuses.get(name).state() == State.CANCELLED) {
            ending.add(run);
            timers.startSingleTimer(new End(run), END_WITHIN);
        } else if (run != null) {
            end(run);
        }
    }

    private Behavior<ExperimentsMessage> onEnd(End message) {
        if (ending.remove(message.run())) {
            end(message.run());
        }
        return this;
    }

    private void end(Running run) {
        Stream.of(run.supervisor, run.recorder, run.listener, run.progress)
                .filter(Objects::nonNull)
                .forEach(getContext()::stop);
        run.letGo();
    }

    /** Also before a restart, after which this actor would wait for itself. */
    private Behavior<ExperimentsMessage> letGoOfAll() {
        running.values().forEach(Running::letGo);
        ending.forEach(Running::letGo);
        checking.forEach(order -> order.replyTo().tell(leaving()));
        return this;
    }

    private static void takeBack(RunStart start) {
        try {
            start.takeBack();
        } catch (IOException e) {
            LOG.warn("a start that was not carried out will count as a death of the process: {}", e.toString());
        }
    }

    private static void close(Closeable lock) {
        try {
            lock.close();
        } catch (IOException e) {
            LOG.warn("the lock of a run cannot be let go of: {}", e.toString());
        }
    }

    private ExperimentsReply told(String name) {
        return new ExperimentsReply.Experiments(List.of(statuses.get(name)));
    }

    private static ExperimentsReply leaving() {
        return rejected(Reason.FAILED, "this control node is leaving; try again");
    }

    private static ExperimentsReply rejected(Reason reason, String message) {
        return new ExperimentsReply.Rejected(reason, Shown.text(MOST_OF_AN_ANSWER, message));
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
                Shown.text(MOST_OF_A_STATUS, message));
    }
}
