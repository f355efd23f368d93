package dev.sluice.actors.sampler;

import dev.sluice.actors.workbench.Pace;
import dev.sluice.actors.workbench.WorkWatch;
import dev.sluice.actors.workbench.Workplace;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SamplerMessage.Cancel;
import dev.sluice.protocol.message.SamplerMessage.Generate;
import dev.sluice.protocol.message.SamplerMessage.GetStatus;
import dev.sluice.protocol.message.SamplerMessage.Serve;
import dev.sluice.protocol.message.SamplerMessage.SwapExpert;
import dev.sluice.protocol.message.SamplerStatus;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.runtime.sampling.MixturePlan;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.ChildFailed;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * Serves one model (contract S): admits requests to a bounded queue, batches them for its {@link SamplerWorker}, and has
 * finished experts swapped in while it goes on. It computes nothing, so it answers at once whatever the worker does.
 *
 * <p>When the worker dies or stays at one evaluation ({@link WorkWatch}), the requests of its batch and the swap under way are refused with the cause; the queue waits
 * while a new worker loads the mixture that was served last. After too many deaths in a row it gives up and says so to
 * the supervisor; another {@code Serve} begins afresh.
 *
 * <p>The recorder that the order to serve names is told what serves and what became of the requests ({@link Ledger}).
 *
 * <p>When this actor dies or moves, the queue and the knowledge of which experts are finished go with it: the supervisor
 * sends {@code Serve} and the swaps again. It never rewinds: a {@code Serve} of a new epoch for the same model keeps the
 * experts that it has (design, decision 5).
 */
public final class Sampler extends AbstractBehavior<SamplerMessage> {
    /** Swaps that may wait for the one under way; a supervisor has one at a time and may repeat it. */
    private static final int SWAPS_LIMIT = 16;

    private record Restart() implements SamplerMessage.Local {}

    private final SamplerSettings settings;
    private final Workplace place;
    private final LongSupplier nanoTime;
    private final TimerScheduler<SamplerMessage> timers;
    private final Ledger ledger;
    private final Requests requests;
    private final Deque<Swap> swaps = new ArrayDeque<>();

    private ActorRef<SamplerWorker.Command> worker;
    private ActorRef<WorkWatch.Tick> watch;
    /** Workers there have been: one that got stuck may still say something when it wakes. */
    private int workers;

    private Serve serve;
    /** What serves, or will when it is loaded; null until there is an order to serve. */
    private MixturePlan mixture;

    private boolean ready;
    /** Whether the supervisor heard that its order is being served. */
    private boolean announced;

    private boolean swapping;
    private String notReadyBecause = "it was not told yet what to serve";
    private int failures;

    private Sampler(
            ActorContext<SamplerMessage> context,
            TimerScheduler<SamplerMessage> timers,
            SamplerSettings settings,
            Workplace place,
            LongSupplier nanoTime) {
        super(context);
        this.timers = timers;
        this.settings = settings;
        this.place = place;
        this.nanoTime = nanoTime;
        String self = ActorRefResolver.get(context.getSystem()).toSerializationFormat(context.getSelf());
        this.ledger = new Ledger(self, timers);
        this.requests = new Requests(settings, timers, nanoTime, ledger, place.courier());
    }

    /** @param place of whose time for a piece of work every evaluation has as much */
    public static Behavior<SamplerMessage> create(SamplerSettings settings, Workplace place) {
        return create(settings, place, System::nanoTime);
    }

    static Behavior<SamplerMessage> create(SamplerSettings settings, Workplace place, LongSupplier nanoTime) {
        return Behaviors.setup(
                context -> Behaviors.withTimers(timers -> new Sampler(context, timers, settings, place, nanoTime)));
    }

    @Override
    public Receive<SamplerMessage> createReceive() {
        return newReceiveBuilder()
                .onMessage(Serve.class, this::onServe)
                .onMessage(SwapExpert.class, this::onSwapExpert)
                .onMessage(Generate.class, this::onGenerate)
                .onMessage(Cancel.class, this::onCancel)
                .onMessage(GetStatus.class, this::onGetStatus)
                .onMessage(Requests.DeadlinePassed.class, this::onDeadlinePassed)
                .onMessage(Requests.WaitedForOthers.class, waited -> runNextBatch())
                .onMessage(Ledger.CountDue.class, this::onCountDue)
                .onMessage(SamplerWorker.Event.class, event -> event.worker() != workers, fromTheDead -> this)
                .onMessage(SamplerWorker.Prepared.class, this::onPrepared)
                .onMessage(SamplerWorker.PreparationFailed.class, this::onPreparationFailed)
                .onMessage(SamplerWorker.BatchDone.class, this::onBatchDone)
                .onMessage(SamplerWorker.BatchAbandoned.class, this::onBatchAbandoned)
                .onMessage(Restart.class, restart -> load())
                .onMessage(SamplerMessage.Release.class, release -> Behaviors.stopped())
                .onSignal(ChildFailed.class, this::onWorkerFailed)
                .onSignal(PostStop.class, this::onPostStop)
                .build();
    }

    private Behavior<SamplerMessage> onServe(Serve order) {
        if (serve != null && order.epoch() < serve.epoch()) {
            return this;
        }
        MixturePlan asked;
        try {
            asked = new MixturePlan(
                    order.card(),
                    order.plan(),
                    order.schedule(),
                    order.teacher(),
                    order.teacherSteps(),
                    order.guidance(),
                    List.of());
        } catch (IllegalArgumentException e) {
            tellRoleFailed(order, Failures.describe(e));
            return this;
        }
        if (mixture == null) {
            serve = order;
            ledger.follow(order);
            announced = false;
            mixture = asked;
            failures = 0;
            notReadyBecause = "the networks of " + mixture.version() + " are being loaded";
            return load();
        }
        if (!mixture.teacherAlone().equals(asked)) {
            tellRoleFailed(
                    order,
                    "it serves " + mixture.version() + " and one sampler serves one model; start another for "
                            + asked.version());
            return this;
        }
        serve = order;
        ledger.follow(order);
        announced = false;
        if (ready) {
            ledger.servingChanged(mixture, requests.open());
            tellReady();
        }
        return this;
    }

    private Behavior<SamplerMessage> load() {
        if (worker == null) {
            Pace pace = new Pace();
            worker = getContext()
                    .spawnAnonymous(
                            SamplerWorker.create(
                                    ++workers,
                                    place.networks(),
                                    settings.batchSizes(),
                                    pace,
                                    getContext().getSelf()),
                            place.pinned());
            watch = getContext().spawnAnonymous(WorkWatch.create(pace, place.workWithin()));
            getContext().watch(worker);
            getContext().watch(watch);
        }
        worker.tell(new SamplerWorker.Prepare(mixture));
        return this;
    }

    private Behavior<SamplerMessage> onSwapExpert(SwapExpert order) {
        Swap swap = new Swap(order, nanoTime.getAsLong(), getContext().getSelf());
        if (mixture == null) {
            swap.refuse("the sampler cannot swap: " + notReadyBecause);
        } else if (swaps.size() >= SWAPS_LIMIT) {
            swap.refuse(SWAPS_LIMIT + " swaps wait already; ask again when they are done");
        } else {
            swaps.add(swap);
            beginNextSwap();
        }
        return this;
    }

    private void beginNextSwap() {
        while (ready && !swapping && !swaps.isEmpty()) {
            SwapExpert order = swaps.peek().order();
            if (isInCharge(order.phase(), order.expert())) {
                swaps.remove().done(0);
                continue;
            }
            try {
                worker.tell(new SamplerWorker.Prepare(mixture.with(order.phase(), order.expert())));
                swapping = true;
            } catch (IllegalArgumentException e) {
                swaps.remove().refuse(Failures.describe(e));
            }
        }
    }

    private boolean isInCharge(int phase, ExpertRef expert) {
        return phase >= 1
                && phase <= mixture.experts().size()
                && mixture.experts().get(phase - 1).sha256().equals(expert.sha256());
    }

    private Behavior<SamplerMessage> onGenerate(Generate request) {
        if (!ready) {
            requests.turnAway(request, Ending.NOT_READY, "the sampler is not ready: " + notReadyBecause);
            return this;
        }
        return requests.admit(request, mixture) ? runNextBatch() : this;
    }

    private Behavior<SamplerMessage> onCancel(Cancel order) {
        return withdraw(order.id(), Ending.CLIENT_LEFT, "the request was cancelled");
    }

    private Behavior<SamplerMessage> onDeadlinePassed(Requests.DeadlinePassed passed) {
        return withdraw(passed.id(), Ending.DEADLINE, "the deadline passed before the samples were done");
    }

    private Behavior<SamplerMessage> withdraw(String id, Ending ending, String message) {
        requests.withdraw(id, ending, message).ifPresent(worker::tell);
        return this;
    }

    private Behavior<SamplerMessage> runNextBatch() {
        if (ready) {
            requests.nextBatch().ifPresent(worker::tell);
        }
        return this;
    }

    private Behavior<SamplerMessage> onBatchDone(SamplerWorker.BatchDone done) {
        failures = 0;
        requests.done(done.plan(), done.samples());
        return runNextBatch();
    }

    private Behavior<SamplerMessage> onBatchAbandoned(SamplerWorker.BatchAbandoned abandoned) {
        requests.lost(Ending.BROKE, "nobody waits for it");
        return runNextBatch();
    }

    private Behavior<SamplerMessage> onCountDue(Ledger.CountDue due) {
        ledger.counted(requests.open());
        return this;
    }

    private Behavior<SamplerMessage> onGetStatus(GetStatus question) {
        question.replyTo()
                .tell(
                        mixture == null
                                ? new SamplerStatus(false, Optional.empty(), "", List.of(), 0, requests.waiting())
                                : new SamplerStatus(
                                        ready,
                                        Optional.of(mixture.card()),
                                        mixture.version(),
                                        mixture.networks(),
                                        mixture.nfe(),
                                        requests.waiting()));
        return this;
    }

    private Behavior<SamplerMessage> onPrepared(SamplerWorker.Prepared prepared) {
        mixture = prepared.plan();
        ledger.servingChanged(mixture, requests.open());
        if (swapping) {
            swapping = false;
            Swap swap = swaps.remove();
            swap.done(millisSince(swap.receivedAt()));
            getContext().getLog().info("serving {}", mixture.version());
        } else {
            ready = true;
            getContext().getLog().info("serving {}{}", mixture.version(), announced ? " again" : "");
            if (!announced) {
                tellReady();
            }
        }
        beginNextSwap();
        return runNextBatch();
    }

    private Behavior<SamplerMessage> onPreparationFailed(SamplerWorker.PreparationFailed failed) {
        if (swapping) {
            swapping = false;
            swaps.remove().refuse(failed.reason());
            beginNextSwap();
        } else if (failures == 0) {
            giveUp(failed.reason());
        } else {
            restartLater(failed.reason());
        }
        return this;
    }

    private Behavior<SamplerMessage> onWorkerFailed(ChildFailed failed) {
        if (!failed.getRef().equals(worker) && !failed.getRef().equals(watch)) {
            return this;
        }
        String cause = Failures.describe(failed.getCause());
        getContext().getLog().warn("the sampler's worker died: {}", cause);
        letGoOfWorker();
        requests.lost(Ending.BROKE, "the sampler broke: " + cause);
        if (swapping) {
            swapping = false;
            swaps.remove().refuse("the sampler's worker died meanwhile: " + cause);
        }
        restartLater(cause);
        return this;
    }

    /** One that is stuck ends, and closes its networks, when it wakes. */
    private void letGoOfWorker() {
        getContext().unwatch(worker);
        getContext().unwatch(watch);
        getContext().stop(worker);
        getContext().stop(watch);
        worker = null;
        watch = null;
    }

    private void restartLater(String cause) {
        ready = false;
        failures++;
        if (failures > settings.restarts()) {
            giveUp(cause + " (after " + settings.restarts() + " restarts)");
            return;
        }
        notReadyBecause = "it restarts after a failure: " + cause;
        timers.startSingleTimer("restart", new Restart(), settings.delayOfRestart(failures));
    }

    private void giveUp(String cause) {
        ready = false;
        notReadyBecause = "it gave up: " + cause;
        refuseAll(Ending.GAVE_UP, "the sampler gave up: " + cause);
        ledger.counted(requests.open());
        tellRoleFailed(serve, cause);
        serve = null;
        mixture = null;
    }

    private void tellReady() {
        announced = true;
        serve.supervisor()
                .tell(new SupervisorMessage.RoleReady(
                        serve.epoch(), Role.SAMPLER, 0, getContext().getSelf()));
    }

    private void tellRoleFailed(Serve order, String cause) {
        order.supervisor()
                .tell(new SupervisorMessage.RoleFailed(
                        order.epoch(), Role.SAMPLER, cause, getContext().getSelf()));
    }

    private long millisSince(long nanos) {
        return (nanoTime.getAsLong() - nanos) / 1_000_000;
    }

    private Behavior<SamplerMessage> onPostStop(PostStop stopped) {
        refuseAll(Ending.STOPPED, "the sampler is stopping");
        ledger.countedLast(requests.open());
        return this;
    }

    private void refuseAll(Ending ending, String message) {
        requests.refuseAll(ending, message);
        swaps.forEach(swap -> swap.refuse(message));
        swaps.clear();
    }
}
