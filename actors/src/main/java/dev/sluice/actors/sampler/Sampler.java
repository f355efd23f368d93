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
import dev.sluice.runtime.network.EngineErrors;
import dev.sluice.runtime.sampling.MixturePlan;
import java.time.Duration;
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
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * Serves one model: admits requests to a bounded queue, batches them for its {@link SamplerWorker}, and has
 * finished experts swapped in while it goes on. It computes nothing, so it answers at once whatever the worker does.
 *
 * <p>When the worker dies or stays at one evaluation ({@link WorkWatch}), the requests of its batch and the swap under way
 * are refused with the cause; the queue waits while a new worker loads the mixture that was served last. After too many
 * deaths in a row it gives up and says so to the supervisor; another {@code Serve} begins afresh. A worker that was given
 * up is not heard any more, whenever it wakes.
 *
 * <p>The recorder that the order to serve names is told what serves and what became of the requests ({@link Ledger}).
 *
 * <p>What it serves is a run, not a name: an order to serve another run is refused, whatever that run is called. When a
 * newer run of its name is served elsewhere it retires, answering to the last whoever was sent here before.
 *
 * <p>When this actor dies or moves, the queue and the knowledge of which experts are finished go with it: the supervisor
 * sends {@code Serve} and the swaps again. It never rewinds: a {@code Serve} of a new epoch for the same run keeps the
 * experts that it has.
 */
public final class Sampler extends AbstractBehavior<SamplerMessage> {
    /** Swaps that may wait for the one under way; a supervisor has one at a time and may repeat it. */
    private static final int SWAPS_LIMIT = 16;

    /**
     * From the order to retire to the last request that is taken: longer than whoever asks takes from looking for a sampler
     * to asking it.
     */
    static final Duration RETIRES_AFTER = Duration.ofSeconds(5);

    /** A newer run is served under the name of this one's: answer whom there is and who is on the way, and end. */
    public record Retire() implements SamplerMessage.Local {}

    private record Restart() implements SamplerMessage.Local {}

    private record LastCall() implements SamplerMessage.Local {}

    /** Where the sampler is; {@link #enter} is the way from one to another. There is a worker in all that {@link #loaded} or load. */
    private enum State {
        /** There is nothing to serve: no order came, or the sampler gave up. Requests are refused. */
        IDLE,
        /** A worker loads the mixture. Requests are refused; those that an earlier worker has left wait. */
        LOADING,
        /** Requests are taken. */
        SERVING,
        /** The worker was lost or could not load, and another follows. Requests as in {@link #LOADING}. */
        RESTARTING,
        /** Requests are taken of those who come by themselves; nobody is told that there is something to be had. */
        RETIRING,
        /** Requests are refused; when those that were taken are answered, the sampler ends. */
        DRAINING,
        /** Everybody was answered. */
        ENDED;

        boolean loaded() {
            return this == SERVING || this == RETIRING || this == DRAINING;
        }

        boolean takesRequests() {
            return this == SERVING || this == RETIRING;
        }

        /** Whether an order is carried out, and will be as long as nobody says otherwise. */
        boolean hasOrder() {
            return this == LOADING || this == SERVING || this == RESTARTING;
        }
    }

    /** A worker and who watches it, by a number that none had before: one that was given up may still say something. */
    private record Worker(int number, ActorRef<SamplerWorker.Command> actor, ActorRef<WorkWatch.Tick> watch) {
        boolean is(ActorRef<?> lost) {
            return lost.equals(actor) || lost.equals(watch);
        }
    }

    private final SamplerSettings settings;
    private final Workplace place;
    private final LongSupplier nanoTime;
    private final TimerScheduler<SamplerMessage> timers;
    private final Ledger ledger;
    private final Requests requests;
    private final Deque<Swap> swaps = new ArrayDeque<>();

    private State state = State.IDLE;
    /** Why it is where it is, for those who are refused. */
    private String because = "it was not told yet what to serve";

    private Optional<Worker> worker = Optional.empty();
    private int workers;
    /** The order that is carried out; null when there is none. */
    private Serve serve;
    /** What serves, or will when it is loaded; null when there is no order. */
    private MixturePlan mixture;
    /** Whether the supervisor heard that its order is being served. */
    private boolean announced;
    /** What the worker makes ready beside what serves. */
    private Optional<Swap> swapping = Optional.empty();

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
        this.ledger = new Ledger(
                () -> ActorRefResolver.get(context.getSystem()).toSerializationFormat(context.getSelf()), timers);
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
                .onMessage(Requests.WaitedForOthers.class, waited -> goOn())
                .onMessage(Ledger.CountDue.class, this::onCountDue)
                .onMessage(SamplerWorker.Event.class, event -> !isOfWorker(event), fromOneGivenUp -> this)
                .onMessage(SamplerWorker.Prepared.class, this::onPrepared)
                .onMessage(SamplerWorker.PreparationFailed.class, this::onPreparationFailed)
                .onMessage(SamplerWorker.BatchDone.class, this::onBatchDone)
                .onMessage(SamplerWorker.BatchAbandoned.class, this::onBatchAbandoned)
                .onMessage(Restart.class, this::onRestart)
                .onMessage(Retire.class, this::onRetire)
                .onMessage(LastCall.class, this::onLastCall)
                .onMessage(SamplerMessage.Release.class, release -> end("the sampler is stopping"))
                .onSignal(Terminated.class, this::onTerminated)
                .onSignal(PostStop.class, this::onPostStop)
                .build();
    }

    private void enter(State next, String why) {
        getContext().getLog().debug("{} -> {}: {}", state, next, why);
        state = next;
        because = why;
    }

    private boolean isOfWorker(SamplerWorker.Event event) {
        return worker.filter(w -> w.number() == event.worker()).isPresent();
    }

    private Behavior<SamplerMessage> onServe(Serve order) {
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
            tellRoleFailed(order, EngineErrors.cause(e));
            return this;
        }
        if (state == State.IDLE) {
            follow(order);
            mixture = asked;
            failures = 0;
            load();
        } else if (!state.hasOrder()) {
            tellRoleFailed(order, "it does not serve " + asked.version() + " any more: " + because);
        } else if (!mixture.teacherAlone().equals(asked)) {
            tellRoleFailed(
                    order,
                    "it serves " + mixture.version() + " and one sampler serves one model; start another for "
                            + asked.version());
        } else if (order.epoch() >= serve.epoch()) {
            follow(order);
            if (state == State.SERVING) {
                ledger.servingChanged(mixture, requests.open());
                tellReady();
            }
        }
        return this;
    }

    private void follow(Serve order) {
        serve = order;
        ledger.follow(order);
        announced = false;
    }

    private void load() {
        enter(State.LOADING, "the networks of " + mixture.version() + " are being loaded");
        worker = Optional.of(startWorker());
        tellWorker(new SamplerWorker.Prepare(mixture));
    }

    private Worker startWorker() {
        Pace pace = new Pace();
        Worker started = new Worker(
                ++workers,
                getContext()
                        .spawnAnonymous(
                                SamplerWorker.create(
                                        workers,
                                        place.networks(),
                                        settings.batchSizes(),
                                        pace,
                                        getContext().getSelf()),
                                place.pinned()),
                getContext().spawnAnonymous(WorkWatch.create(pace, place.workWithin())));
        getContext().watch(started.actor());
        getContext().watch(started.watch());
        return started;
    }

    private void tellWorker(SamplerWorker.Command order) {
        worker.ifPresent(w -> w.actor().tell(order));
    }

    private Behavior<SamplerMessage> onSwapExpert(SwapExpert order) {
        Swap swap = new Swap(order, nanoTime.getAsLong(), getContext().getSelf());
        if (!state.hasOrder()) {
            swap.refuse("the sampler cannot swap: " + because);
        } else if (swaps.size() >= SWAPS_LIMIT) {
            swap.refuse(SWAPS_LIMIT + " swaps wait already; ask again when they are done");
        } else {
            swaps.add(swap);
            beginNextSwap();
        }
        return this;
    }

    private void beginNextSwap() {
        while (state == State.SERVING && swapping.isEmpty() && !swaps.isEmpty()) {
            Swap next = swaps.remove();
            SwapExpert order = next.order();
            if (isInCharge(order.phase(), order.expert())) {
                next.done(0);
                continue;
            }
            try {
                tellWorker(new SamplerWorker.Prepare(mixture.with(order.phase(), order.expert())));
                swapping = Optional.of(next);
            } catch (IllegalArgumentException e) {
                next.refuse(EngineErrors.cause(e));
            }
        }
    }

    private boolean isInCharge(int phase, ExpertRef expert) {
        return phase >= 1
                && phase <= mixture.experts().size()
                && mixture.experts().get(phase - 1).sha256().equals(expert.sha256());
    }

    private Behavior<SamplerMessage> onGenerate(Generate request) {
        if (!state.takesRequests()) {
            requests.turnAway(request, Ending.NOT_READY, "the sampler is not ready: " + because);
            return this;
        }
        return requests.admit(request, mixture) ? goOn() : this;
    }

    private Behavior<SamplerMessage> onCancel(Cancel order) {
        return withdraw(order.id(), Ending.CLIENT_LEFT, "the request was cancelled");
    }

    private Behavior<SamplerMessage> onDeadlinePassed(Requests.DeadlinePassed passed) {
        return withdraw(passed.id(), Ending.DEADLINE, "the deadline passed before the samples were done");
    }

    private Behavior<SamplerMessage> withdraw(String id, Ending ending, String message) {
        requests.withdraw(id, ending, message).ifPresent(this::tellWorker);
        return endWhenDrained();
    }

    private Behavior<SamplerMessage> goOn() {
        if (state.loaded()) {
            requests.nextBatch().ifPresent(this::tellWorker);
        }
        return endWhenDrained();
    }

    private Behavior<SamplerMessage> endWhenDrained() {
        return state == State.DRAINING && requests.open() == 0 ? end(because) : this;
    }

    private Behavior<SamplerMessage> onBatchDone(SamplerWorker.BatchDone done) {
        failures = 0;
        requests.done(done.batch(), done.plan(), done.samples());
        return goOn();
    }

    private Behavior<SamplerMessage> onBatchAbandoned(SamplerWorker.BatchAbandoned abandoned) {
        requests.lost(Ending.BROKE, "nobody waits for it");
        return goOn();
    }

    private Behavior<SamplerMessage> onCountDue(Ledger.CountDue due) {
        ledger.counted(requests.open());
        return this;
    }

    private Behavior<SamplerMessage> onGetStatus(GetStatus question) {
        question.replyTo()
                .tell(
                        state.hasOrder()
                                ? new SamplerStatus(
                                        state == State.SERVING,
                                        Optional.of(mixture.card()),
                                        mixture.version(),
                                        mixture.networks(),
                                        mixture.nfe(),
                                        requests.waiting())
                                : new SamplerStatus(false, Optional.empty(), "", List.of(), 0, requests.waiting()));
        return this;
    }

    private Behavior<SamplerMessage> onPrepared(SamplerWorker.Prepared prepared) {
        mixture = prepared.plan();
        ledger.servingChanged(mixture, requests.open());
        if (swapping.isPresent()) {
            Swap swap = swapping.get();
            swapping = Optional.empty();
            swap.done(millisSince(swap.receivedAt()));
            getContext().getLog().info("serving {}", mixture.version());
        } else {
            enter(State.SERVING, "it serves");
            getContext().getLog().info("serving {}{}", mixture.version(), announced ? " again" : "");
            if (!announced) {
                tellReady();
            }
        }
        beginNextSwap();
        return goOn();
    }

    private Behavior<SamplerMessage> onPreparationFailed(SamplerWorker.PreparationFailed failed) {
        if (swapping.isPresent()) {
            refuseSwap(failed.reason());
            beginNextSwap();
        } else {
            loadingFailed(failed.reason());
        }
        return this;
    }

    /** The worker or its watch; nobody else is watched. */
    private Behavior<SamplerMessage> onTerminated(Terminated lost) {
        if (worker.filter(w -> w.is(lost.getRef())).isEmpty()) {
            return this;
        }
        String cause = lost instanceof ChildFailed failed ? EngineErrors.cause(failed.getCause()) : "it ended";
        getContext().getLog().warn("the sampler's worker died: {}", cause);
        letGoOfWorker();
        requests.lost(Ending.BROKE, "the sampler broke: " + cause);
        refuseSwap("the sampler's worker died meanwhile: " + cause);
        if (state == State.LOADING) {
            loadingFailed(cause);
        } else if (state == State.SERVING) {
            restartLater(cause);
        } else {
            return end(because);
        }
        return this;
    }

    /** What cannot be loaded the first time is not tried again here: whoever ordered it knows what to do instead. */
    private void loadingFailed(String cause) {
        letGoOfWorker();
        if (failures == 0) {
            giveUp(cause);
        } else {
            restartLater(cause);
        }
    }

    /** One that is stuck ends, and closes its networks, when it wakes. What it says until then is not heard. */
    private void letGoOfWorker() {
        worker.ifPresent(w -> {
            getContext().unwatch(w.actor());
            getContext().unwatch(w.watch());
            getContext().stop(w.actor());
            getContext().stop(w.watch());
        });
        worker = Optional.empty();
    }

    private void restartLater(String cause) {
        failures++;
        if (failures > settings.restarts()) {
            giveUp(cause + " (after " + settings.restarts() + " restarts)");
            return;
        }
        enter(State.RESTARTING, "it restarts after a failure: " + cause);
        timers.startSingleTimer("restart", new Restart(), settings.delayOfRestart(failures));
    }

    private Behavior<SamplerMessage> onRestart(Restart restart) {
        if (state == State.RESTARTING) {
            load();
        }
        return this;
    }

    private void giveUp(String cause) {
        enter(State.IDLE, "it gave up: " + cause);
        refuseAll(Ending.GAVE_UP, "the sampler gave up: " + cause);
        ledger.counted(requests.open());
        tellRoleFailed(serve, cause);
        serve = null;
        mixture = null;
    }

    private Behavior<SamplerMessage> onRetire(Retire order) {
        String why = "a newer run is served under its name";
        if (state == State.SERVING) {
            getContext().getLog().info("{} retires: {}", mixture.version(), why);
            enter(State.RETIRING, why);
            refuseSwaps("the sampler retires: " + why);
            timers.startSingleTimer("last-call", new LastCall(), RETIRES_AFTER);
            return this;
        }
        return state.loaded() ? this : end(why);
    }

    private Behavior<SamplerMessage> onLastCall(LastCall over) {
        enter(State.DRAINING, because);
        return goOn();
    }

    /** Refuses first and stops then: a stop waits for workers that are stuck, and those who wait here do not. */
    private Behavior<SamplerMessage> end(String why) {
        if (state != State.ENDED) {
            enter(State.ENDED, why);
            refuseAll(Ending.STOPPED, why);
            ledger.countedLast(requests.open());
        }
        return Behaviors.stopped();
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
        end("the sampler is stopping");
        return this;
    }

    private void refuseAll(Ending ending, String message) {
        requests.refuseAll(ending, message);
        refuseSwap(message);
        refuseSwaps(message);
    }

    private void refuseSwap(String reason) {
        swapping.ifPresent(swap -> swap.refuse(reason));
        swapping = Optional.empty();
    }

    private void refuseSwaps(String reason) {
        swaps.forEach(swap -> swap.refuse(reason));
        swaps.clear();
    }
}
