package dev.sluice.actors.supervisor;

import dev.sluice.protocol.CycleReport;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.protocol.message.TeacherMessage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
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
 * <p>It waits for nothing without a limit, and it judges a phase's health by committed cycles. When a role fails, is gone
 * or makes no progress, or gradients stay non-finite, the run is over: trainers are released, the cause is recorded and
 * told, and the sampler goes on serving what it has.
 */
public final class PhaseSupervisor extends AbstractBehavior<SupervisorMessage> {
    private record Listed(Receptionist.Listing listing) implements SupervisorMessage.Local {}

    private record Overdue(Supplier<String> what, Duration after) implements SupervisorMessage.Local {}

    /** The gallery has drawn the samples of a stage, or given up. */
    public record Drawn(int phase) implements SupervisorMessage.Local {}

    private static final int EPOCH = 1;

    /** How far the training is; a report that does not belong there is late, repeated or a lie, and ignored. */
    private enum Step {
        CASTING,
        LOADING,
        RUNNING,
        PUBLISHING,
        TRAINED
    }

    private final RunPlan run;
    private final ActorRef<RecorderMessage> recorder;
    private final ActorRef<Gallery.Command> gallery;
    private final ActorRef<Outcome> listener;
    private final TimerScheduler<SupervisorMessage> timers;
    private final long begunAt = System.nanoTime();

    private final Cast.Call call = new Cast.Call();
    private Cast cast;
    private Step step = Step.CASTING;
    private int phase;
    /** Cycles of this phase that are recorded. */
    private int committed;

    private final Set<Role> loading = EnumSet.noneOf(Role.class);
    private final List<ExpertRef> experts = new ArrayList<>();
    private final Set<Integer> swapping = new HashSet<>();
    private final Set<Integer> drawing = new HashSet<>();
    private boolean drawable = true;
    private boolean over;
    private int skippedInARow;
    private int teachersLoading;

    private PhaseSupervisor(
            ActorContext<SupervisorMessage> context,
            TimerScheduler<SupervisorMessage> timers,
            RunPlan run,
            ActorRef<RecorderMessage> recorder,
            Gallery.Settings pictures,
            ActorRef<Outcome> listener) {
        super(context);
        this.timers = timers;
        this.run = run;
        this.recorder = recorder;
        this.listener = listener;
        this.gallery = context.spawn(
                Gallery.create(pictures, recorder, context.getSelf().narrow()), "gallery");
        context.watch(gallery);
        ActorRef<Receptionist.Listing> listings = context.messageAdapter(Receptionist.Listing.class, Listed::new);
        Cast.Call.KEYS
                .values()
                .forEach(key -> context.getSystem().receptionist().tell(Receptionist.subscribe(key, listings)));
        limit("roles", run.timeouts().roles(), () -> "a node that offers " + keys(call.missing()));
    }

    /**
     * @param pictures what is drawn after every phase
     * @param listener hears once how the run ended, also when this actor stops before its end
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
                .onMessage(SupervisorMessage.ExpertPublished.class, this::onExpertPublished)
                .onMessage(SupervisorMessage.SwapDone.class, this::onSwapDone)
                .onMessage(SupervisorMessage.SwapRefused.class, this::onSwapRefused)
                .onMessage(SupervisorMessage.RoleFailed.class, this::onRoleFailed)
                .onMessage(Drawn.class, this::onDrawn)
                .onMessage(Overdue.class, this::onOverdue)
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
        timers.cancel("roles");
        cast = call.cast();
        cast.everybody().forEach(actor -> {
            getContext().watch(actor);
            record(
                    "role-started",
                    "role",
                    cast.roleOf(actor).orElseThrow().key(),
                    "actor",
                    actor.path().toString());
        });
        serveTheTeacher();
        beginPhase(1);
        return this;
    }

    private void serveTheTeacher() {
        cast.sampler()
                .tell(new SamplerMessage.Serve(
                        EPOCH,
                        run.card(),
                        run.plan(),
                        run.recipe().schedule(),
                        run.teacher(),
                        run.teacherSteps(),
                        run.recipe().guidance(),
                        getContext().getSelf()));
        limit("sampler", run.timeouts().load(), "the sampler to serve the teacher");
        cast.teachers()
                .forEach(teacher -> teacher.tell(new TeacherMessage.Load(
                        EPOCH, run.teacher(), getContext().getSelf())));
        loading.add(Role.TEACHER);
        teachersLoading = cast.teachers().size();
    }

    private void beginPhase(int number) {
        phase = number;
        step = Step.LOADING;
        committed = 0;
        loading.addAll(Set.of(Role.GENERATOR, Role.CRITIC));
        cast.critic()
                .tell(new CriticMessage.BeginPhase(
                        EPOCH,
                        phase,
                        run.plan(),
                        run.recipe(),
                        run.teacher(),
                        run.snapshotEvery(),
                        cast.generator(),
                        recorder,
                        getContext().getSelf()));
        cast.generator()
                .tell(new GeneratorMessage.BeginPhase(
                        EPOCH,
                        phase,
                        run.plan(),
                        run.recipe(),
                        run.teacher(),
                        experts,
                        cast.critic(),
                        cast.teachers(),
                        getContext().getSelf()));
        limit("training", run.timeouts().load(), () -> "the " + keys(loading) + " to load phase " + phase);
    }

    private Behavior<SupervisorMessage> onRoleReady(SupervisorMessage.RoleReady ready) {
        if (over || step == Step.CASTING || ready.epoch() != EPOCH) {
            return this;
        }
        switch (ready.role()) {
            case SAMPLER -> {
                if (timers.isTimerActive("sampler")) {
                    timers.cancel("sampler");
                    record("serving", "model", run.card().name());
                    draw(0);
                }
            }
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
            step = Step.RUNNING;
            PhasePlan.Phase ofPlan = run.plan().phase(phase);
            record(
                    "phase-begun",
                    "phase",
                    (long) phase,
                    "start",
                    ofPlan.start(),
                    "boundary",
                    ofPlan.boundary(),
                    "cycles",
                    (long) budget());
            cast.generator().tell(new GeneratorMessage.Run(EPOCH, phase, budget()));
            limitProgress();
        }
    }

    private Behavior<SupervisorMessage> onCycleCommitted(SupervisorMessage.CycleCommitted message) {
        CycleReport report = message.report();
        if (!isOf(Step.RUNNING, message.epoch(), report.phase())
                || report.cycle() != committed
                || committed == budget()) {
            return this;
        }
        committed++;
        recorder.tell(new RecorderMessage.Cycle(report, (System.nanoTime() - begunAt) / 1_000_000));
        limitProgress();
        skippedInARow = report.stepped() ? 0 : skippedInARow + 1;
        if (!report.stepped()) {
            record("cycle-skipped", "phase", (long) phase, "cycle", (long) report.cycle());
        }
        if (skippedInARow > run.skippedLimit()) {
            fail("phase " + phase + ", cycle " + report.cycle() + ": the gradient was not finite " + skippedInARow
                    + " times in a row; lower the learning rates or the guidance, or raise the margin");
        }
        return this;
    }

    private Behavior<SupervisorMessage> onBudgetSpent(SupervisorMessage.BudgetSpent spent) {
        if (isOf(Step.RUNNING, spent.epoch(), spent.phase()) && committed == budget()) {
            step = Step.PUBLISHING;
            record("phase-ended", "phase", (long) phase, "cycles", (long) committed);
            String file = run.experts().resolve("phase-" + phase + ".pt").toString();
            cast.generator().tell(new GeneratorMessage.Publish(EPOCH, phase, file));
            limit("training", run.timeouts().load(), "the expert of phase " + phase + " to be published");
        }
        return this;
    }

    private Behavior<SupervisorMessage> onExpertPublished(SupervisorMessage.ExpertPublished published) {
        // Each phase advances once, however often it is announced (contract F6).
        if (!isOf(Step.PUBLISHING, published.epoch(), published.phase())) {
            return this;
        }
        ExpertRef expert = published.expert();
        experts.add(expert);
        record(
                "expert-published",
                "phase",
                (long) phase,
                "version",
                expert.version(),
                "sha256",
                expert.sha256(),
                "path",
                expert.path());
        swapping.add(phase);
        record("swap-begun", "phase", (long) phase, "version", expert.version());
        cast.sampler()
                .tell(new SamplerMessage.SwapExpert(phase, expert, getContext().getSelf()));
        limit("swap-" + phase, run.timeouts().swap(), "the sampler to swap in the expert of phase " + phase);
        timers.cancel("training");
        if (phase < run.plan().phaseCount()) {
            beginPhase(phase + 1);
        } else {
            step = Step.TRAINED;
            releaseTrainers();
        }
        return this;
    }

    private Behavior<SupervisorMessage> onSwapDone(SupervisorMessage.SwapDone done) {
        if (!over && swapping.remove(done.phase())) {
            timers.cancel("swap-" + done.phase());
            record(
                    "swap-done",
                    "phase",
                    (long) done.phase(),
                    "version",
                    done.expert().version(),
                    "sha256",
                    done.expert().sha256(),
                    "millis",
                    done.millis());
            draw(done.phase());
            finishWhenDone();
        }
        return this;
    }

    private Behavior<SupervisorMessage> onSwapRefused(SupervisorMessage.SwapRefused refused) {
        if (!over && swapping.remove(refused.phase())) {
            timers.cancel("swap-" + refused.phase());
            record("swap-refused", "phase", (long) refused.phase(), "reason", refused.reason());
            fail("the sampler refused the expert of phase " + refused.phase() + " and serves on without it: "
                    + refused.reason());
        }
        return this;
    }

    private boolean isOf(Step expected, int ofEpoch, int ofPhase) {
        return !over && step == expected && ofEpoch == EPOCH && ofPhase == phase;
    }

    /** Cycles that this phase is to have. */
    private int budget() {
        return run.cycles().get(phase - 1);
    }

    private void draw(int afterPhase) {
        if (drawable) {
            drawing.add(afterPhase);
            gallery.tell(new Gallery.Draw(afterPhase, cast.sampler()));
        }
    }

    private Behavior<SupervisorMessage> onDrawn(Drawn drawn) {
        drawing.remove(drawn.phase());
        finishWhenDone();
        return this;
    }

    private void finishWhenDone() {
        if (!over && step == Step.TRAINED && swapping.isEmpty() && drawing.isEmpty()) {
            over = true;
            record("run-finished", "seconds", (System.nanoTime() - begunAt) / 1_000_000_000);
            listener.tell(new Outcome.Finished(experts));
        }
    }

    private Behavior<SupervisorMessage> onRoleFailed(SupervisorMessage.RoleFailed failed) {
        if (!over && failed.epoch() == EPOCH) {
            record("fault-seen", "role", failed.role().key(), "cause", failed.cause());
            fail("the " + failed.role().key() + " failed: " + failed.cause());
        }
        return this;
    }

    private Behavior<SupervisorMessage> onTerminated(Terminated gone) {
        if (gone.getRef().equals(gallery)) {
            getContext().getLog().warn("the gallery died; the run goes on without sheets of samples");
            drawable = false;
            drawing.clear();
            finishWhenDone();
            return this;
        }
        if (over || cast == null) {
            return this;
        }
        cast.roleOf(gone.getRef()).ifPresent(role -> {
            record(
                    "role-stopped",
                    "role",
                    role.key(),
                    "actor",
                    gone.getRef().path().toString());
            boolean needed = step != Step.TRAINED || role == Role.SAMPLER;
            if (needed) {
                fail("the " + role.key() + " at " + gone.getRef().path() + " is gone");
            }
        });
        return this;
    }

    private Behavior<SupervisorMessage> onOverdue(Overdue overdue) {
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
        over = true;
        timers.cancelAll();
        record("run-failed", "cause", cause);
        if (cast != null) {
            releaseTrainers();
        }
        listener.tell(new Outcome.Failed(cause));
    }

    private void releaseTrainers() {
        cast.generator().tell(new GeneratorMessage.Release(EPOCH));
        cast.critic().tell(new CriticMessage.Release(EPOCH));
        cast.teachers().forEach(teacher -> teacher.tell(new TeacherMessage.Release(EPOCH)));
    }

    private void limitProgress() {
        limit("training", run.timeouts().stall(), "phase " + phase + " to commit a cycle");
    }

    private void limit(String key, Duration after, String what) {
        limit(key, after, () -> what);
    }

    private void limit(String key, Duration after, Supplier<String> what) {
        timers.startSingleTimer(key, new Overdue(what, after), after);
    }

    private static String keys(Collection<Role> roles) {
        return roles.stream().map(Role::key).collect(Collectors.joining(", "));
    }

    private void record(String type, Object... keysAndValues) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("epoch", (long) EPOCH);
        for (int i = 0; i < keysAndValues.length; i += 2) {
            fields.put((String) keysAndValues[i], keysAndValues[i + 1]);
        }
        recorder.tell(new RecorderMessage.Event(type, fields));
    }
}
