package dev.sluice.actors.supervisor;

import dev.sluice.actors.checkpoint.CheckpointKeeper;
import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.discovery.Discovery;
import dev.sluice.actors.supervisor.Limits.Awaited;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.event.RunEvent;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.NodeMessage;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.protocol.message.TeacherMessage;
import dev.sluice.runtime.checkpoint.Checkpoint;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.actor.typed.receptionist.Receptionist;

/**
 * Carries a {@link RunPlan} out, one supervisor an experiment: has its roles played by the nodes that offer them
 * ({@link Company}), has the phases trained one after the other ({@link Training}) and the finished experts served
 * ({@link Serving}). It touches no tensor.
 *
 * <p>What fails is put back. A generator or critic that is lost, stuck or makes no progress sends both back to the last
 * checkpoint, with new actors under a new epoch; a teacher or sampler is replaced while the others go on. It waits longer
 * from failure to failure and gives up after too many without a checkpoint between them ({@link Recovery}). Gradients that
 * stay non-finite send the phase back once. It waits for nothing without a limit.
 *
 * <p>When this actor dies, the trainers and teachers end, the samplers serve on, and another supervisor goes on from what
 * is in the store.
 */
public final class PhaseSupervisor extends AbstractBehavior<SupervisorMessage> implements Training.Decisions {
    private record Listed(Receptionist.Listing listing) implements SupervisorMessage.Local {}

    private record AskAgain() implements SupervisorMessage.Local {}

    private record RewindNow() implements SupervisorMessage.Local {}

    private record SwapAgain(SupervisorMessage.SwapRefused refused) implements SupervisorMessage.Local {}

    private record BackOffOver(ActorRef<NodeMessage> node, Role role) implements SupervisorMessage.Local {}

    /** The gallery has drawn the samples of a stage, or given up. */
    public record Drawn(int phase) implements SupervisorMessage.Local {}

    /**
     * Stop at the next cycle boundary, keep a checkpoint there, and end with {@link Outcome.Stopped}; leave alone what serves a
     * run that is finished.
     */
    public record Stop() implements SupervisorMessage.Local {}

    /** Nobody wants the run any more: end it, and what serves it, now. */
    public record Cancel() implements SupervisorMessage.Local {}

    /** When the run is finished, go on replacing samplers that are lost, and use those that come, until told to end. */
    public record ServeOn() implements SupervisorMessage.Local {}

    /** Answered at once. */
    public record GetProgress(ActorRef<Progress> replyTo) implements SupervisorMessage.Local {}

    /**
     * How far a run is.
     *
     * @param training whether cycles are under way; else something is being placed, loaded or put back
     * @param cycle committed in {@code phase}, of {@code cycles}
     */
    public record Progress(int epoch, boolean training, int phase, int cycle, int cycles) {}

    /** Of a run. */
    private enum State {
        /** Phases are trained, or the last expert is on its way into the samplers. */
        TRAINING,
        /** The trainers stop at the next cycle boundary and go on elsewhere: their node leaves. */
        HANDING_OVER,
        /** The trainers stop at the next cycle boundary, and the run with them. */
        STOPPING,
        /** The run is finished and the listener knows; lost samplers are still replaced. */
        SERVING,
        /** The listener knows how the run ended; nothing is answered any more but {@link Cancel} and {@link GetProgress}. */
        OVER
    }

    private static final Duration ASK_AGAIN_EVERY = Duration.ofSeconds(2);
    private static final Awaited ROLES = new Awaited.Roles();
    private static final Set<Role> RING = Set.of(Role.GENERATOR, Role.CRITIC, Role.TEACHER);
    private static final Set<Role> TRAINERS = Set.of(Role.GENERATOR, Role.CRITIC);

    private final RunPlan run;
    private final TimerScheduler<SupervisorMessage> timers;
    private final ActorRef<Gallery.Command> gallery;
    private final ActorRef<CheckpointKeeper.Command> keeper;
    private final ActorRef<Outcome> listener;
    private final Limits limits;
    private final Chronicle chronicle;
    private final Company company;
    private final Serving serving;
    private final Training training;
    private final Recovery recovery;

    /** Of trainers and teachers; the sampler never rewinds and stays with the plan's. */
    private int epoch;

    /** When what is being recovered from was seen; 0 when nothing is. */
    private long faultAt;

    private boolean wentBack;
    private boolean everServed;

    /** What is wanted when the run is finished. */
    private boolean serveOn;

    private State state = State.TRAINING;

    private PhaseSupervisor(
            ActorContext<SupervisorMessage> context,
            TimerScheduler<SupervisorMessage> timers,
            RunPlan run,
            ActorRef<RecorderMessage> recorder,
            Gallery.Settings pictures,
            Courier courier,
            ActorRef<Outcome> listener) {
        super(context);
        this.run = run;
        this.timers = timers;
        this.listener = listener;
        epoch = run.epoch();
        gallery = context.spawn(
                Gallery.create(pictures, courier, recorder, context.getSelf().narrow()), "gallery");
        context.watch(gallery);
        keeper = context.spawn(
                CheckpointKeeper.create(
                        run.keeping().store(),
                        run.keeping().epochs(),
                        run.keeping().deaths(),
                        run.keeping().keep()),
                "checkpoints",
                DispatcherSelector.blocking());
        context.watch(keeper);
        limits = new Limits(timers);
        chronicle = new Chronicle(recorder, () -> epoch);
        company = new Company(run, context.getSelf(), limits);
        serving = new Serving(run, chronicle, limits, gallery, context.getSelf());
        training = new Training(run, context.getSelf(), recorder, keeper, chronicle, limits, this);
        recovery = new Recovery(run.restarts(), run.keeping().past());
        training.experts().forEach(serving::finished);
        recovery.tooManyDeaths().ifPresentOrElse(this::fail, this::begin);
    }

    private void begin() {
        ActorContext<SupervisorMessage> context = getContext();
        context.getSystem()
                .receptionist()
                .tell(Receptionist.subscribe(
                        Discovery.NODE, context.messageAdapter(Receptionist.Listing.class, Listed::new)));
        company.want(List.of(Role.GENERATOR, Role.CRITIC, Role.TEACHER, Role.SAMPLER));
        timers.startTimerWithFixedDelay(new AskAgain(), ASK_AGAIN_EVERY);
        awaitMissingRoles();
    }

    /**
     * @param pictures what is drawn after every phase
     * @param courier of this node, that samples for the pictures come by
     * @param listener hears once how the run ended
     */
    public static Behavior<SupervisorMessage> create(
            RunPlan run,
            ActorRef<RecorderMessage> recorder,
            Gallery.Settings pictures,
            Courier courier,
            ActorRef<Outcome> listener) {
        return Behaviors.setup(context -> Behaviors.withTimers(
                timers -> new PhaseSupervisor(context, timers, run, recorder, pictures, courier, listener)));
    }

    @Override
    public Receive<SupervisorMessage> createReceive() {
        return newReceiveBuilder()
                .onMessage(Listed.class, this::onListed)
                .onMessage(SupervisorMessage.NodeOffer.class, this::onNodeOffer)
                .onMessage(SupervisorMessage.RolePlaced.class, this::onRolePlaced)
                .onMessage(SupervisorMessage.RoleNotPlaced.class, this::onRoleNotPlaced)
                .onMessage(SupervisorMessage.RoleReady.class, this::onRoleReady)
                .onMessage(
                        SupervisorMessage.CycleCommitted.class,
                        message -> inRing(() -> training.cycleCommitted(message)))
                .onMessage(SupervisorMessage.BudgetSpent.class, message -> inRing(() -> training.budgetSpent(message)))
                .onMessage(SupervisorMessage.StateSaved.class, message -> inRing(() -> training.stateSaved(message)))
                .onMessage(
                        SupervisorMessage.StateNotSaved.class, message -> inRing(() -> training.stateNotSaved(message)))
                .onMessage(CheckpointKeeper.Kept.class, message -> inRing(() -> training.kept(message)))
                .onMessage(CheckpointKeeper.NotKept.class, this::onNotKept)
                .onMessage(CheckpointKeeper.Rewound.class, this::onRewound)
                .onMessage(CheckpointKeeper.NotRewound.class, this::onNotRewound)
                .onMessage(
                        SupervisorMessage.ExpertPublished.class,
                        message -> inRing(() -> training.expertPublished(message)))
                .onMessage(SupervisorMessage.SwapDone.class, this::onSwapDone)
                .onMessage(SupervisorMessage.SwapRefused.class, this::onSwapRefused)
                .onMessage(SwapAgain.class, this::onSwapAgain)
                .onMessage(SupervisorMessage.RoleFailed.class, this::onRoleFailed)
                .onMessage(SupervisorMessage.RoleUnreachable.class, this::onRoleUnreachable)
                .onMessage(AskAgain.class, this::onAskAgain)
                .onMessage(RewindNow.class, this::onRewindNow)
                .onMessage(BackOffOver.class, this::onBackOffOver)
                .onMessage(Drawn.class, this::onDrawn)
                .onMessage(Stop.class, this::onStop)
                .onMessage(Cancel.class, this::onCancel)
                .onMessage(ServeOn.class, this::onServeOn)
                .onMessage(GetProgress.class, this::onGetProgress)
                .onMessage(Limits.Tick.class, this::onTick)
                .onSignal(Terminated.class, this::onTerminated)
                .onSignal(PostStop.class, this::onPostStop)
                .build();
    }

    private Behavior<SupervisorMessage> inRing(Runnable what) {
        if (!isOver()) {
            what.run();
        }
        return this;
    }

    private Behavior<SupervisorMessage> onListed(Listed listed) {
        if (!isOver()) {
            company.listed(
                            listed.listing().getAllServiceInstances(Discovery.NODE).stream()
                                    .filter(this::isWatchable)
                                    .collect(Collectors.toSet()),
                            listed.listing().getServiceInstances(Discovery.NODE))
                    .forEach(getContext()::watch);
        }
        return this;
    }

    /** Whether the node can be watched; it is asked again when it can ({@link #onAskAgain}). */
    private boolean isWatchable(ActorRef<NodeMessage> node) {
        return Discovery.isWatchable(getContext().getSystem(), node);
    }

    private Behavior<SupervisorMessage> onAskAgain(AskAgain due) {
        if (!isOver()) {
            company.askAgain(Discovery.membersOf(getContext().getSystem()));
        }
        return this;
    }

    private Behavior<SupervisorMessage> onNodeOffer(SupervisorMessage.NodeOffer offer) {
        if (isOver() || !isWatchable(offer.node())) {
            return this;
        }
        if (company.offered(offer)) {
            getContext().watch(offer.node());
        }
        if (offer.leaving()) {
            handOver(offer.node());
        }
        return this;
    }

    private Behavior<SupervisorMessage> onRolePlaced(SupervisorMessage.RolePlaced message) {
        Optional<Company.Player> placed = isOver() ? Optional.empty() : company.placed(message);
        if (placed.isEmpty()) {
            // Not wanted any more; a sampler may be, by those whom it serves.
            if (message.role() != Role.SAMPLER) {
                release(message.role(), message.actor());
            }
            return this;
        }
        Company.Player player = placed.get();
        getContext().watch(player.actor());
        chronicle.tell(e -> new RunEvent.RoleStarted(
                e, player.role(), player.actor().path().toString(), player.nodeName(), player.device()));
        switch (player.role()) {
            case TEACHER -> {
                load(player);
                beginWhenPlaced();
            }
            case SAMPLER -> {
                everServed = true;
                serving.begin(sampler(player.actor()));
            }
            default -> beginWhenPlaced();
        }
        awaitMissingRoles();
        return this;
    }

    private Behavior<SupervisorMessage> onRoleNotPlaced(SupervisorMessage.RoleNotPlaced message) {
        if (!isOver()) {
            notPlaced(message.order(), message.reason());
        }
        return this;
    }

    private void notPlaced(long order, String reason) {
        if (company.notPlaced(order, reason)) {
            getContext().getLog().info("not placed: {}", reason);
        }
    }

    private void load(Company.Player teacher) {
        teacher(teacher.actor())
                .tell(new TeacherMessage.Load(epoch, run.teacher(), getContext().getSelf()));
        limits.await(
                new Awaited.Loaded(Role.TEACHER, teacher.actor()),
                run.timeouts().load(),
                () -> "the teacher on node " + teacher.nodeName() + " to load");
    }

    private void beginWhenPlaced() {
        boolean ring = RING.stream().noneMatch(role -> company.playing(role).isEmpty());
        if (ring && !training.isUnderWay() && !training.isTrained()) {
            doing("was being loaded");
            training.begin(company.generator(), company.critic());
        }
    }

    private Behavior<SupervisorMessage> onRoleReady(SupervisorMessage.RoleReady ready) {
        if (isOver() || company.player(ready.actor()).isEmpty() || ready.epoch() != epochOf(ready.role())) {
            return this;
        }
        switch (ready.role()) {
            case SAMPLER -> {
                serving.ready(ready.actor());
                served(ready.actor());
                company.served();
                finishWhenDone();
            }
            case TEACHER -> {
                if (limits.came(new Awaited.Loaded(Role.TEACHER, ready.actor()))) {
                    training.teacherReady(teacher(ready.actor()));
                }
            }
            default -> training.trainerReady(ready);
        }
        return this;
    }

    private void doing(String what) {
        keeper.tell(new CheckpointKeeper.Doing("phase " + training.phase() + " " + what));
    }

    @Override
    public void running() {
        doing("was being trained");
        if (faultAt != 0) {
            chronicle.tell(e -> new RunEvent.RecoveryDone(
                    e, training.phase(), training.committed(), (System.nanoTime() - faultAt) / 1_000_000));
            faultAt = 0;
        }
    }

    @Override
    public void kept() {
        wentBack = false;
        recovery.progressed();
    }

    @Override
    public void notKept(int phase, int cycle, String reason) {
        getContext().getLog().warn("no checkpoint at phase {}, cycle {}: {}", phase, cycle, reason);
    }

    @Override
    public void published(ExpertRef expert) {
        recovery.progressed();
        keeper.tell(new CheckpointKeeper.ForgetDeaths());
        serving.finished(expert);
    }

    @Override
    public void trained() {
        releaseRing();
        awaitMissingRoles();
        finishWhenDone();
    }

    @Override
    public boolean mustStand() {
        return state == State.STOPPING || state == State.HANDING_OVER;
    }

    @Override
    public void standing() {
        if (state == State.STOPPING) {
            stopped();
        } else {
            become(State.TRAINING);
            chronicle.tell(e -> new RunEvent.HandedOver(e, training.phase(), training.committed()));
            rewindAfter(Duration.ZERO);
        }
    }

    /**
     * What the node plays goes to others: trainers at the next cycle boundary; teachers now, but for the last one, without
     * which there would be no boundary.
     */
    private void handOver(ActorRef<NodeMessage> node) {
        for (Company.Player player : company.on(node)) {
            if (player.role() == Role.TEACHER && training.hasTeachersBeside(player.actor())) {
                drop(player);
                release(player.role(), player.actor());
            }
        }
        if (state == State.TRAINING && company.on(node).stream().anyMatch(Company.Player::isTrainer)) {
            become(State.HANDING_OVER);
            training.stand();
        }
        awaitMissingRoles();
    }

    /** To the last checkpoint of this phase or its beginning; once, until a checkpoint shows that it helped. */
    @Override
    public void notFinite(String cause) {
        int cycle = training.last()
                .filter(c -> c.phase() == training.phase())
                .map(Checkpoint::cycle)
                .orElse(0);
        chronicle.tell(e -> new RunEvent.FaultSeen(e, Role.GENERATOR.key(), cause));
        if (wentBack) {
            fail(cause + " (going back to cycle " + cycle + " did not help)");
            return;
        }
        wentBack = true;
        chronicle.tell(e -> new RunEvent.WentBack(e, training.phase(), cycle));
        rewindAfter(Duration.ZERO);
    }

    /** Generator and critic go back together, whoever it was. */
    private void ringFailed(String who, String cause) {
        chronicle.tell(e -> new RunEvent.FaultSeen(e, who, cause));
        faultAt = faultAt == 0 ? System.nanoTime() : faultAt;
        if (state == State.STOPPING) {
            stopped();
            return;
        }
        if (state == State.HANDING_OVER) {
            // There is nobody left to hand over from.
            become(State.TRAINING);
        }
        recovery.nextOfRing().ifPresentOrElse(this::rewindAfter, () -> giveUp(cause));
    }

    private void giveUp(String cause) {
        fail(
                recovery.most() == 0
                        ? cause
                        : cause + " (and " + recovery.most() + " times before without a checkpoint kept between them)");
    }

    private void rewindAfter(Duration backOff) {
        company.dismissTrainers().forEach(trainer -> {
            getContext().unwatch(trainer.actor());
            release(trainer.role(), trainer.actor());
        });
        training.letGo();
        timers.startSingleTimer(RewindNow.class, new RewindNow(), backOff);
    }

    private Behavior<SupervisorMessage> onRewindNow(RewindNow due) {
        if (!isOver()) {
            keeper.tell(
                    new CheckpointKeeper.Rewind(epoch, getContext().getSelf().narrow()));
            limits.await(new Awaited.Training(), run.timeouts().load(), () -> "the store of checkpoints to answer");
        }
        return this;
    }

    private Behavior<SupervisorMessage> onRewound(CheckpointKeeper.Rewound rewound) {
        if (isOver() || rewound.epoch() <= epoch || !limits.came(new Awaited.Training())) {
            return this;
        }
        epoch = rewound.epoch();
        training.rewind(epoch, rewound.newest());
        company.playing(Role.TEACHER).forEach(this::load);
        company.want(TRAINERS);
        awaitMissingRoles();
        return this;
    }

    private Behavior<SupervisorMessage> onNotRewound(CheckpointKeeper.NotRewound failed) {
        if (!isOver() && limits.came(new Awaited.Training())) {
            ringFailed("store", failed.reason());
        }
        return this;
    }

    private Behavior<SupervisorMessage> onNotKept(CheckpointKeeper.NotKept failed) {
        return inRing(() -> training.notKept(failed.phase(), failed.cycle(), failed.reason()));
    }

    private Behavior<SupervisorMessage> onSwapDone(SupervisorMessage.SwapDone done) {
        if (!isOver()) {
            serving.swapDone(done);
            served(done.sampler());
            finishWhenDone();
        }
        return this;
    }

    private void served(ActorRef<?> sampler) {
        if (serving.servesEverything(sampler)) {
            recovery.served();
        }
    }

    private Behavior<SupervisorMessage> onSwapRefused(SupervisorMessage.SwapRefused refused) {
        if (!isOver() && serving.swapRefused(refused)) {
            orForEver(recovery.next(Role.SAMPLER))
                    .ifPresentOrElse(
                            backOff -> timers.startSingleTimer(refused, new SwapAgain(refused), backOff),
                            () -> giveUp("the sampler refused the expert of phase " + refused.phase()
                                    + " and serves on without it: " + refused.reason()));
        }
        return this;
    }

    private Behavior<SupervisorMessage> onSwapAgain(SwapAgain again) {
        if (!isOver()) {
            serving.swapAgain(again.refused());
        }
        return this;
    }

    private Behavior<SupervisorMessage> onDrawn(Drawn drawn) {
        serving.drawn(drawn.phase());
        finishWhenDone();
        return this;
    }

    private void finishWhenDone() {
        if (isUnderWay() && training.isTrained() && serving.isSettled()) {
            become(serveOn && state != State.STOPPING ? State.SERVING : State.OVER);
            chronicle.tell(e -> new RunEvent.RunFinished(e, training.elapsedMillis() / 1000));
            listener.tell(new Outcome.Finished(training.experts(), training.warnings()));
        }
    }

    private Behavior<SupervisorMessage> onStop(Stop stop) {
        switch (state) {
            case TRAINING, HANDING_OVER -> {
                become(State.STOPPING);
                if (training.isTrained()) {
                    stopped();
                } else {
                    training.stand();
                }
            }
            case SERVING -> become(State.OVER);
            case STOPPING, OVER -> {
                // It does already.
            }
        }
        return this;
    }

    private Behavior<SupervisorMessage> onCancel(Cancel cancel) {
        chronicle.tell(RunEvent.RunCancelled::new);
        company.playing(Role.SAMPLER).forEach(sampler -> {
            getContext().unwatch(sampler.actor());
            company.left(sampler.actor());
            release(Role.SAMPLER, sampler.actor());
        });
        if (!isOver()) {
            end(new Outcome.Cancelled());
        }
        return this;
    }

    private Behavior<SupervisorMessage> onServeOn(ServeOn order) {
        serveOn = true;
        return this;
    }

    private Behavior<SupervisorMessage> onGetProgress(GetProgress question) {
        question.replyTo()
                .tell(new Progress(
                        epoch,
                        training.isRunning(),
                        training.phase(),
                        training.committed(),
                        run.cycles().get(training.phase() - 1)));
        return this;
    }

    private void stopped() {
        String where = training.last()
                .map(c -> "phase " + c.phase() + ", cycle " + c.cycle())
                .orElse("the beginning, as no checkpoint was due yet");
        chronicle.tell(e -> new RunEvent.RunStopped(e, where));
        end(new Outcome.Stopped(where));
    }

    private Behavior<SupervisorMessage> onRoleFailed(SupervisorMessage.RoleFailed failed) {
        if (!isOver() && failed.epoch() == epochOf(failed.role())) {
            String cause = "the " + failed.role().key() + " failed: " + failed.cause();
            boolean refused = serving.isRefusedBy(failed.actor());
            playerFailed(failed.actor(), cause);
            if (refused && !isOver()) {
                // The sampler has tried as often as makes sense; to train on would be for nothing.
                fail("the teacher cannot be served: " + cause);
            }
        }
        return this;
    }

    private Behavior<SupervisorMessage> onRoleUnreachable(SupervisorMessage.RoleUnreachable unreachable) {
        if (!isOver()) {
            company.player(unreachable.actor())
                    .ifPresent(player -> playerFailed(
                            player.actor(), "the " + player.role().key() + " got no batch: " + unreachable.cause()));
        }
        return this;
    }

    /** One who is there and cannot go on. */
    private void playerFailed(ActorRef<?> actor, String cause) {
        Optional<Company.Player> found = company.player(actor);
        if (found.isEmpty()) {
            return;
        }
        Company.Player player = found.get();
        if (player.isTrainer()) {
            company.failed(player);
            ringFailed(player.role().key(), cause);
            return;
        }
        chronicle.tell(e -> new RunEvent.FaultSeen(e, player.role().key(), cause));
        drop(player);
        release(player.role(), player.actor());
        putBackUnlessTooOften(player, cause);
    }

    private void putBackUnlessTooOften(Company.Player player, String cause) {
        Optional<Duration> next = recovery.next(player.role(), player.order(), company.orders());
        if (next.isEmpty() && !company.playing(player.role()).isEmpty()) {
            // The run has others; perhaps it is that node.
            next = Optional.of(run.restarts().backOffMax());
        }
        orForEver(next).ifPresentOrElse(backOff -> putBack(player, backOff), () -> giveUp(cause));
    }

    /** What serves a finished run is put back for ever: there is nothing to give up. */
    private Optional<Duration> orForEver(Optional<Duration> next) {
        return state == State.SERVING ? next.or(() -> Optional.of(run.restarts().backOffMax())) : next;
    }

    /** Somebody else plays a lost teacher's or sampler's part on its node after a while, and on others at once. */
    private void putBack(Company.Player player, Duration backOff) {
        company.backOff(player);
        timers.startSingleTimer(player.actor(), new BackOffOver(player.node(), player.role()), backOff);
        awaitMissingRoles();
    }

    private Behavior<SupervisorMessage> onBackOffOver(BackOffOver backOff) {
        if (!isOver()) {
            company.backOffOver(backOff.node(), backOff.role());
        }
        return this;
    }

    /** A teacher or sampler plays no more. */
    private void drop(Company.Player player) {
        getContext().unwatch(player.actor());
        company.left(player.actor());
        limits.came(new Awaited.Loaded(player.role(), player.actor()));
        if (player.role() == Role.SAMPLER) {
            serving.lost(player.actor());
        } else {
            training.teacherLost(player.actor());
        }
    }

    private Behavior<SupervisorMessage> onTerminated(Terminated gone) {
        if (isOver()) {
            return this;
        }
        ActorRef<?> actor = gone.getRef();
        if (actor.equals(gallery)) {
            getContext().getLog().warn("the gallery died; the run goes on without sheets of samples");
            serving.drawNoMore();
            finishWhenDone();
        } else if (actor.equals(keeper)) {
            fail("the keeper of checkpoints died; the log says why");
        } else if (company.player(actor).isPresent()) {
            playerGone(company.player(actor).get());
        } else {
            company.nodeGone(actor);
        }
        return this;
    }

    private void playerGone(Company.Player player) {
        String where = "the " + player.role().key() + " at " + player.actor().path();
        chronicle.tell(e ->
                new RunEvent.RoleStopped(e, player.role(), player.actor().path().toString()));
        if (player.isTrainer()) {
            company.failed(player);
            ringFailed(player.role().key(), where + " is gone");
        } else {
            chronicle.tell(e -> new RunEvent.FaultSeen(e, player.role().key(), where + " is gone"));
            // Who had done all that it was told is gone by no fault of this run; who had not may have died of it.
            boolean proven = player.role() == Role.SAMPLER
                    ? serving.servesEverything(player.actor())
                    : training.hasScored(player.actor());
            drop(player);
            if (proven) {
                putBack(player, run.restarts().backOffMin());
            } else {
                putBackUnlessTooOften(player, where + " is gone; the log of its node says why");
            }
        }
    }

    private Behavior<SupervisorMessage> onTick(Limits.Tick tick) {
        if (!isOver() && limits.isOver(tick)) {
            overdue(tick.overdue());
        }
        return this;
    }

    private void overdue(Limits.Overdue overdue) {
        Awaited awaited = overdue.awaited();
        if (awaited instanceof Awaited.Roles) {
            fail(overdue.cause());
        } else if (awaited instanceof Awaited.Training) {
            ringFailed("ring", overdue.cause());
        } else if (awaited instanceof Awaited.Placement placement) {
            notPlaced(placement.order(), overdue.cause());
        } else if (awaited instanceof Awaited.Loaded loaded) {
            playerFailed(loaded.actor(), overdue.cause());
        } else if (awaited instanceof Awaited.Swapped swapped) {
            playerFailed(swapped.sampler(), overdue.cause());
        }
    }

    /** Somebody must be found for every role that the run cannot go on without. */
    private void awaitMissingRoles() {
        if (missing().isEmpty()) {
            limits.came(ROLES);
        } else if (!limits.isAwaited(ROLES)) {
            limits.await(
                    ROLES,
                    run.timeouts().roles(),
                    () -> "a node that offers " + keys(missing()) + company.whyNot(missing()));
        }
    }

    private List<Role> missing() {
        // A lost sampler is no reason to stop training; but a run that nobody has served to its end is not finished.
        return company.missing().stream()
                .filter(role -> role != Role.SAMPLER || !everServed || training.isTrained() && isUnderWay())
                .sorted()
                .toList();
    }

    private Behavior<SupervisorMessage> onPostStop(PostStop signal) {
        if (isUnderWay()) {
            listener.tell(new Outcome.Failed("the supervisor stopped before the run was over; the log says why"));
        }
        return this;
    }

    private void fail(String cause) {
        if (state == State.SERVING) {
            getContext().getLog().warn("the run is finished, and served on in spite of this: {}", cause);
            return;
        }
        chronicle.tell(e -> new RunEvent.RunFailed(e, cause));
        // Whoever resumes it has mended something.
        keeper.tell(new CheckpointKeeper.ForgetDeaths());
        end(new Outcome.Failed(cause));
    }

    private boolean isOver() {
        return state == State.OVER;
    }

    /** Whether it is not known yet how the run ends. */
    private boolean isUnderWay() {
        return state != State.SERVING && state != State.OVER;
    }

    /** The only way from one state into another. */
    private void become(State next) {
        getContext().getLog().debug("{} -> {}", state, next);
        state = next;
        if (next == State.OVER) {
            limits.forgetAll();
            timers.cancelAll();
        }
    }

    private void end(Outcome outcome) {
        boolean early = isUnderWay();
        become(State.OVER);
        releaseRing();
        releaseWhoDoesNotServe();
        getContext().unwatch(keeper);
        keeper.tell(new CheckpointKeeper.Close());
        if (early) {
            listener.tell(outcome);
        }
    }

    /** The samplers go on serving. */
    private void releaseRing() {
        company.wantNoMore(RING);
        company.players().stream()
                .filter(player -> RING.contains(player.role()))
                .forEach(player -> {
                    getContext().unwatch(player.actor());
                    company.left(player.actor());
                    limits.came(new Awaited.Loaded(player.role(), player.actor()));
                    release(player.role(), player.actor());
                });
    }

    /** There will be nobody to say that they do; an older run of the name goes on serving instead. */
    private void releaseWhoDoesNotServe() {
        serving.loading().forEach(sampler -> {
            getContext().unwatch(sampler);
            company.left(sampler);
            serving.lost(sampler);
            release(Role.SAMPLER, sampler);
        });
    }

    private void release(Role role, ActorRef<?> actor) {
        switch (role) {
            case GENERATOR -> Company.<GeneratorMessage>as(actor).tell(new GeneratorMessage.Release(epoch));
            case CRITIC -> Company.<CriticMessage>as(actor).tell(new CriticMessage.Release(epoch));
            case TEACHER ->
                teacher(actor).tell(new TeacherMessage.Release(getContext().getSelf()));
            case SAMPLER -> sampler(actor).tell(new SamplerMessage.Release());
            case CONTROL -> throw new IllegalArgumentException("control is not played");
        }
    }

    private static ActorRef<TeacherMessage> teacher(ActorRef<?> actor) {
        return Company.as(actor);
    }

    private static ActorRef<SamplerMessage> sampler(ActorRef<?> actor) {
        return Company.as(actor);
    }

    private int epochOf(Role role) {
        return role == Role.SAMPLER ? run.epoch() : epoch;
    }

    private static String keys(List<Role> roles) {
        return roles.stream().map(Role::key).collect(Collectors.joining(", "));
    }
}
