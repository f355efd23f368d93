package dev.sluice.actors.supervisor;

import dev.sluice.actors.checkpoint.CheckpointKeeper;
import dev.sluice.protocol.CycleReport;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.protocol.message.TeacherMessage;
import dev.sluice.runtime.checkpoint.Checkpoint;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
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
 * Carries a {@link RunPlan} out: finds the roles, has the teacher served, then for every phase from the noisiest on has it
 * loaded, run, published and swapped into the sampler, and begins the next phase while the swap is under way. It touches
 * no tensor.
 *
 * <p>It has checkpoints kept on the way: the generator runs to where the next is due and stands, both trainers save, and
 * the run goes on when the {@link CheckpointKeeper} has answered. One that cannot be kept is recorded and costs nothing
 * else.
 *
 * <p>It waits for nothing without a limit, and it judges a phase's health by committed cycles. Gradients that stay
 * non-finite send the phase back to its last checkpoint once, under a new epoch (contract F8). When that does not help,
 * or a role fails, is gone or makes no progress, the run is over: trainers are released, the cause is recorded and told,
 * and the sampler goes on serving what it has.
 */
public final class PhaseSupervisor extends AbstractBehavior<SupervisorMessage> {
    private record Listed(Receptionist.Listing listing) implements SupervisorMessage.Local {}

    /** The gallery has drawn the samples of a stage, or given up. */
    public record Drawn(int phase) implements SupervisorMessage.Local {}

    /** Stop at the next cycle boundary, keep a checkpoint there, and end with {@link Outcome.Stopped}. */
    public record Stop() implements SupervisorMessage.Local {}

    /** How far the training is; a report that does not belong there is late, repeated or a lie, and ignored. */
    private enum Step {
        CASTING,
        LOADING,
        RUNNING,
        SAVING,
        PUBLISHING,
        TRAINED
    }

    private static final String ROLES = "roles";
    private static final String TRAINING = "training";

    private final RunPlan run;
    private final ActorRef<RecorderMessage> recorder;
    private final ActorRef<Gallery.Command> gallery;
    private final ActorRef<CheckpointKeeper.Keep> keeper;
    private final ActorRef<Outcome> listener;
    private final Limits limits;
    private final Chronicle chronicle;
    private final Serving serving;
    private final Checkpointing checkpointing;
    private final long begunAt = System.nanoTime();

    private final Cast.Call call = new Cast.Call();
    private Cast cast;
    private Step step = Step.CASTING;
    /** Of trainers and teachers; the sampler never rewinds and stays with the plan's. */
    private int epoch;

    private int phase;
    /** Cycles of this phase that are recorded. */
    private int committed;

    private final Set<Role> loading = EnumSet.noneOf(Role.class);
    private int teachersLoading;
    private final List<ExpertRef> experts = new ArrayList<>();
    private int skippedInARow;
    private boolean wentBack;
    private boolean stopping;
    private boolean over;

    private PhaseSupervisor(
            ActorContext<SupervisorMessage> context,
            TimerScheduler<SupervisorMessage> timers,
            RunPlan run,
            ActorRef<RecorderMessage> recorder,
            Gallery.Settings pictures,
            ActorRef<Outcome> listener) {
        super(context);
        this.run = run;
        this.recorder = recorder;
        this.listener = listener;
        epoch = run.epoch();
        skippedInARow = run.from().map(Checkpoint::skippedInARow).orElse(0);
        gallery = context.spawn(
                Gallery.create(pictures, recorder, context.getSelf().narrow()), "gallery");
        context.watch(gallery);
        keeper = context.spawn(
                CheckpointKeeper.create(run.keeping().store(), run.keeping().keep()),
                "checkpoints",
                DispatcherSelector.blocking());
        context.watch(keeper);
        limits = new Limits(timers);
        chronicle = new Chronicle(recorder, () -> epoch);
        serving = new Serving(run, chronicle, limits, gallery, context.getSelf());
        checkpointing = new Checkpointing(run);
        ActorRef<Receptionist.Listing> listings = context.messageAdapter(Receptionist.Listing.class, Listed::new);
        Cast.Call.KEYS
                .values()
                .forEach(key -> context.getSystem().receptionist().tell(Receptionist.subscribe(key, listings)));
        limits.await(ROLES, run.timeouts().roles(), () -> "a node that offers " + keys(call.missing()));
    }

    /**
     * @param pictures what is drawn after every phase
     * @param listener hears once how the run ended
     */
    public static Behavior<SupervisorMessage> create(
            RunPlan run, ActorRef<RecorderMessage> recorder, Gallery.Settings pictures, ActorRef<Outcome> listener) {
        return Behaviors.setup(context -> Behaviors.withTimers(
                timers -> new PhaseSupervisor(context, timers, run, recorder, pictures, listener)));
    }

    @Override
    public Receive<SupervisorMessage> createReceive() {
        return newReceiveBuilder()
                .onMessage(Listed.class, this::onListed)
                .onMessage(SupervisorMessage.RoleReady.class, this::onRoleReady)
                .onMessage(SupervisorMessage.CycleCommitted.class, this::onCycleCommitted)
                .onMessage(SupervisorMessage.BudgetSpent.class, this::onBudgetSpent)
                .onMessage(SupervisorMessage.StateSaved.class, this::onStateSaved)
                .onMessage(SupervisorMessage.StateNotSaved.class, this::onStateNotSaved)
                .onMessage(CheckpointKeeper.Kept.class, this::onKept)
                .onMessage(CheckpointKeeper.NotKept.class, this::onNotKept)
                .onMessage(SupervisorMessage.ExpertPublished.class, this::onExpertPublished)
                .onMessage(SupervisorMessage.SwapDone.class, this::onSwapDone)
                .onMessage(SupervisorMessage.SwapRefused.class, this::onSwapRefused)
                .onMessage(SupervisorMessage.RoleFailed.class, this::onRoleFailed)
                .onMessage(Drawn.class, this::onDrawn)
                .onMessage(Stop.class, this::onStop)
                .onMessage(Limits.Overdue.class, this::onOverdue)
                .onSignal(Terminated.class, this::onTerminated)
                .onSignal(PostStop.class, this::onPostStop)
                .build();
    }

    private Behavior<SupervisorMessage> onListed(Listed listed) {
        if (over || cast != null) {
            return this;
        }
        call.heard(listed.listing());
        if (!call.missing().isEmpty()) {
            return this;
        }
        limits.came(ROLES);
        cast = call.cast();
        cast.everybody().forEach(actor -> {
            getContext().watch(actor);
            chronicle.tell(
                    "role-started",
                    "role",
                    cast.roleOf(actor).orElseThrow().key(),
                    "actor",
                    actor.path().toString());
        });
        serving.begin(cast.sampler());
        run.from().map(Checkpoint::experts).orElse(List.of()).forEach(this::finished);
        loadTeachers();
        beginPhase(run.from().map(Checkpoint::phase).orElse(1), run.from());
        return this;
    }

    private void finished(ExpertRef expert) {
        experts.add(expert);
        serving.swapIn(experts.size(), expert);
    }

    private void loadTeachers() {
        cast.teachers()
                .forEach(teacher -> teacher.tell(new TeacherMessage.Load(
                        epoch, run.teacher(), getContext().getSelf())));
        loading.add(Role.TEACHER);
        teachersLoading = cast.teachers().size();
    }

    /** @param from a cycle of this phase to go on from; empty for its beginning */
    private void beginPhase(int number, Optional<Checkpoint> from) {
        phase = number;
        step = Step.LOADING;
        committed = from.map(Checkpoint::cycle).orElse(0);
        if (epoch > 1) {
            recorder.tell(new RecorderMessage.Rewind(phase, committed));
        }
        loading.addAll(Set.of(Role.GENERATOR, Role.CRITIC));
        cast.critic()
                .tell(new CriticMessage.BeginPhase(
                        epoch,
                        phase,
                        run.plan(),
                        run.recipe(),
                        run.teacher(),
                        from.map(Checkpoint::critic),
                        run.snapshotEvery(),
                        cast.generator(),
                        recorder,
                        getContext().getSelf()));
        cast.generator()
                .tell(new GeneratorMessage.BeginPhase(
                        epoch,
                        phase,
                        run.plan(),
                        run.recipe(),
                        run.teacher(),
                        experts,
                        from.map(Checkpoint::generator),
                        cast.critic(),
                        cast.teachers(),
                        getContext().getSelf()));
        limits.await(TRAINING, run.timeouts().load(), () -> "the " + keys(loading) + " to load phase " + phase);
    }

    private Behavior<SupervisorMessage> onRoleReady(SupervisorMessage.RoleReady ready) {
        if (over || step == Step.CASTING || ready.epoch() != epochOf(ready.role())) {
            return this;
        }
        switch (ready.role()) {
            case SAMPLER -> serving.ready();
            case TEACHER -> {
                if (--teachersLoading == 0) {
                    roleLoaded(Role.TEACHER);
                }
            }
            default -> {
                if (ready.phase() == phase) {
                    roleLoaded(ready.role());
                }
            }
        }
        return this;
    }

    private void roleLoaded(Role role) {
        if (loading.remove(role) && loading.isEmpty()) {
            PhasePlan.Phase ofPlan = run.plan().phase(phase);
            chronicle.tell(
                    "phase-begun",
                    "phase",
                    phase,
                    "start",
                    ofPlan.start(),
                    "boundary",
                    ofPlan.boundary(),
                    "cycle",
                    committed,
                    "cycles",
                    budget());
            if (committed == budget()) {
                publish();
            } else {
                runOn();
            }
        }
    }

    /** To the next cycle at which the generator has to stand. */
    private void runOn() {
        step = Step.RUNNING;
        cast.generator().tell(new GeneratorMessage.Run(epoch, phase, checkpointing.nextStand(phase, committed)));
        limitProgress();
    }

    private Behavior<SupervisorMessage> onCycleCommitted(SupervisorMessage.CycleCommitted message) {
        CycleReport report = message.report();
        if (!isOf(Step.RUNNING, message.epoch(), report.phase())
                || report.cycle() != committed
                || committed == budget()) {
            return this;
        }
        committed++;
        recorder.tell(new RecorderMessage.Cycle(report, elapsedMillis()));
        limitProgress();
        skippedInARow = report.stepped() ? 0 : skippedInARow + 1;
        if (!report.stepped()) {
            chronicle.tell("cycle-skipped", "phase", phase, "cycle", report.cycle());
        }
        if (skippedInARow > run.skippedLimit()) {
            goBack("phase " + phase + ", cycle " + report.cycle() + ": the gradient was not finite " + skippedInARow
                    + " times in a row; lower the learning rates or the guidance, or raise the margin");
        }
        return this;
    }

    /** To the last checkpoint of this phase or its beginning; once, until a checkpoint shows that it helped. */
    private void goBack(String cause) {
        Optional<Checkpoint> to = checkpointing.of(phase);
        int cycle = to.map(Checkpoint::cycle).orElse(0);
        chronicle.tell("fault-seen", "role", Role.GENERATOR.key(), "cause", cause);
        if (wentBack) {
            fail(cause + " (going back to cycle " + cycle + " did not help)");
            return;
        }
        wentBack = true;
        epoch++;
        skippedInARow = to.map(Checkpoint::skippedInARow).orElse(0);
        chronicle.tell("went-back", "phase", phase, "cycle", cycle);
        loadTeachers();
        beginPhase(phase, to);
    }

    private Behavior<SupervisorMessage> onBudgetSpent(SupervisorMessage.BudgetSpent spent) {
        if (!isOf(Step.RUNNING, spent.epoch(), spent.phase()) || spent.cycles() != committed || !mayStand()) {
            return this;
        }
        if (checkpointing.isWorthKeeping(phase, committed, stopping, skippedInARow)) {
            save();
        } else {
            goOn();
        }
        return this;
    }

    /** Whether the generator was told to stand where it is; a repeated report of an earlier stand is none. */
    private boolean mayStand() {
        return stopping || committed == checkpointing.nextStand(phase, committed - 1);
    }

    /** From a cycle at which the generator stands and nothing has to be kept any more. */
    private void goOn() {
        if (stopping) {
            stopped();
        } else if (committed == budget()) {
            publish();
        } else {
            runOn();
        }
    }

    private void save() {
        step = Step.SAVING;
        checkpointing.begin();
        cast.generator().tell(new GeneratorMessage.Save(epoch, phase, committed, part(Role.GENERATOR)));
        cast.critic().tell(new CriticMessage.Save(epoch, phase, committed, part(Role.CRITIC)));
        limits.await(TRAINING, run.timeouts().load(), "the checkpoint of phase " + phase + ", cycle " + committed);
    }

    private String part(Role role) {
        return run.keeping().store().part(phase, committed, role).toString();
    }

    private Behavior<SupervisorMessage> onStateSaved(SupervisorMessage.StateSaved saved) {
        StateRef part = saved.state();
        if (isOf(Step.SAVING, saved.epoch(), part.phase()) && part.cycle() == committed && checkpointing.add(part)) {
            keeper.tell(new CheckpointKeeper.Keep(
                    checkpointing.assemble(epoch, skippedInARow, elapsedMillis(), experts),
                    getContext().getSelf().narrow()));
        }
        return this;
    }

    private Behavior<SupervisorMessage> onStateNotSaved(SupervisorMessage.StateNotSaved failed) {
        if (failed.epoch() == epoch) {
            notKept(failed.phase(), failed.cycle(), "the " + failed.role().key() + " says: " + failed.reason());
        }
        return this;
    }

    private Behavior<SupervisorMessage> onNotKept(CheckpointKeeper.NotKept failed) {
        notKept(failed.phase(), failed.cycle(), failed.reason());
        return this;
    }

    private void notKept(int ofPhase, int cycle, String reason) {
        if (isOf(Step.SAVING, epoch, ofPhase) && cycle == committed) {
            getContext().getLog().warn("no checkpoint at phase {}, cycle {}: {}", ofPhase, cycle, reason);
            chronicle.tell("checkpoint-failed", "phase", ofPhase, "cycle", cycle, "reason", reason);
            goOn();
        }
    }

    private Behavior<SupervisorMessage> onKept(CheckpointKeeper.Kept kept) {
        Checkpoint made = kept.checkpoint();
        if (isOf(Step.SAVING, made.epoch(), made.phase()) && made.cycle() == committed) {
            checkpointing.kept(made);
            wentBack = false;
            chronicle.tell("checkpoint-kept", "phase", made.phase(), "cycle", made.cycle());
            goOn();
        }
        return this;
    }

    private void publish() {
        step = Step.PUBLISHING;
        chronicle.tell("phase-ended", "phase", phase, "cycles", committed);
        String file = run.experts().resolve("phase-" + phase + ".pt").toString();
        cast.generator().tell(new GeneratorMessage.Publish(epoch, phase, file));
        limits.await(TRAINING, run.timeouts().load(), "the expert of phase " + phase + " to be published");
    }

    private Behavior<SupervisorMessage> onExpertPublished(SupervisorMessage.ExpertPublished published) {
        // Each phase advances once, however often it is announced (contract F6).
        if (!isOf(Step.PUBLISHING, published.epoch(), published.phase())) {
            return this;
        }
        ExpertRef expert = published.expert();
        chronicle.tell(
                "expert-published",
                "phase",
                phase,
                "version",
                expert.version(),
                "sha256",
                expert.sha256(),
                "path",
                expert.path());
        finished(expert);
        limits.came(TRAINING);
        if (phase < run.plan().phaseCount()) {
            beginPhase(phase + 1, Optional.empty());
        } else {
            step = Step.TRAINED;
            releaseTrainers();
        }
        return this;
    }

    private Behavior<SupervisorMessage> onSwapDone(SupervisorMessage.SwapDone done) {
        if (!over) {
            serving.swapDone(done);
            finishWhenDone();
        }
        return this;
    }

    private Behavior<SupervisorMessage> onSwapRefused(SupervisorMessage.SwapRefused refused) {
        if (!over && serving.swapRefused(refused)) {
            fail("the sampler refused the expert of phase " + refused.phase() + " and serves on without it: "
                    + refused.reason());
        }
        return this;
    }

    private Behavior<SupervisorMessage> onDrawn(Drawn drawn) {
        serving.drawn(drawn.phase());
        finishWhenDone();
        return this;
    }

    private void finishWhenDone() {
        if (!over && step == Step.TRAINED && serving.isSettled()) {
            over = true;
            chronicle.tell("run-finished", "seconds", elapsedMillis() / 1000);
            listener.tell(new Outcome.Finished(experts));
        }
    }

    private Behavior<SupervisorMessage> onStop(Stop stop) {
        if (over || stopping) {
            return this;
        }
        stopping = true;
        if (step == Step.RUNNING) {
            cast.generator().tell(new GeneratorMessage.Run(epoch, phase, 0));
        } else if (step != Step.SAVING) {
            stopped();
        }
        return this;
    }

    private void stopped() {
        String where = checkpointing
                .last()
                .map(c -> "phase " + c.phase() + ", cycle " + c.cycle())
                .orElse("the beginning, as no checkpoint was due yet");
        chronicle.tell("run-stopped", "resumes-from", where);
        end(new Outcome.Stopped(where));
    }

    private Behavior<SupervisorMessage> onRoleFailed(SupervisorMessage.RoleFailed failed) {
        if (!over && failed.epoch() == epochOf(failed.role())) {
            chronicle.tell("fault-seen", "role", failed.role().key(), "cause", failed.cause());
            fail("the " + failed.role().key() + " failed: " + failed.cause());
        }
        return this;
    }

    private Behavior<SupervisorMessage> onTerminated(Terminated gone) {
        if (over) {
            return this;
        }
        if (gone.getRef().equals(gallery)) {
            getContext().getLog().warn("the gallery died; the run goes on without sheets of samples");
            serving.drawNoMore();
            finishWhenDone();
        } else if (gone.getRef().equals(keeper)) {
            fail("the keeper of checkpoints died; the log says why");
        } else if (cast != null) {
            cast.roleOf(gone.getRef()).ifPresent(role -> roleGone(role, gone.getRef()));
        }
        return this;
    }

    private void roleGone(Role role, ActorRef<?> actor) {
        chronicle.tell("role-stopped", "role", role.key(), "actor", actor.path().toString());
        boolean needed = step != Step.TRAINED || role == Role.SAMPLER;
        if (needed) {
            fail("the " + role.key() + " at " + actor.path() + " is gone");
        }
    }

    private Behavior<SupervisorMessage> onOverdue(Limits.Overdue overdue) {
        if (!over) {
            fail("waited " + overdue.after().toSeconds() + " s for "
                    + overdue.what().get());
        }
        return this;
    }

    private Behavior<SupervisorMessage> onPostStop(PostStop signal) {
        if (!over) {
            listener.tell(new Outcome.Failed("the supervisor stopped before the run was over; the log says why"));
        }
        return this;
    }

    private void fail(String cause) {
        chronicle.tell("run-failed", "cause", cause);
        end(new Outcome.Failed(cause));
    }

    private void end(Outcome outcome) {
        over = true;
        limits.forgetAll();
        if (cast != null) {
            releaseTrainers();
        }
        listener.tell(outcome);
    }

    private void releaseTrainers() {
        cast.generator().tell(new GeneratorMessage.Release(epoch));
        cast.critic().tell(new CriticMessage.Release(epoch));
        cast.teachers().forEach(teacher -> teacher.tell(new TeacherMessage.Release(epoch)));
    }

    private void limitProgress() {
        limits.await(TRAINING, run.timeouts().stall(), "phase " + phase + " to commit a cycle");
    }

    private boolean isOf(Step expected, int ofEpoch, int ofPhase) {
        return !over && step == expected && ofEpoch == epoch && ofPhase == phase;
    }

    private int epochOf(Role role) {
        return role == Role.SAMPLER ? run.epoch() : epoch;
    }

    /** Cycles that this phase is to have. */
    private int budget() {
        return run.cycles().get(phase - 1);
    }

    /** Of training, over all starts. */
    private long elapsedMillis() {
        return run.from().map(Checkpoint::elapsedMillis).orElse(0L) + (System.nanoTime() - begunAt) / 1_000_000;
    }

    private static String keys(Collection<Role> roles) {
        return roles.stream().map(Role::key).collect(Collectors.joining(", "));
    }
}
