package dev.sluice.actors.supervisor;

import dev.sluice.actors.checkpoint.CheckpointKeeper;
import dev.sluice.protocol.CycleReport;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.event.RunEvent;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.protocol.message.TeacherMessage;
import dev.sluice.runtime.checkpoint.Checkpoint;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.pekko.actor.typed.ActorRef;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The ring's side of a run: has a phase loaded, run, kept and published, and begins the next. What comes from another
 * epoch or does not belong to the present step is late, repeated or a lie, and ignored.
 *
 * <p>Part of the {@link PhaseSupervisor} actor and used in its messages only. Who plays, and what becomes of failures, is
 * decided there.
 */
final class Training {
    private enum Step {
        /** Nobody has been told anything yet, or the trainers were let go. */
        IDLE,
        /** The trainers, and at least one teacher, load the phase. */
        LOADING,
        /** Cycles are committed, up to the next stand. */
        RUNNING,
        /** The trainers stand, and a checkpoint of them is made. */
        SAVING,
        /** The phase's budget is spent, and its expert is written. */
        PUBLISHING,
        /** All phases are. */
        TRAINED
    }

    /** What the supervisor decides. */
    interface Decisions {
        /** Whether the trainers must not begin another cycle. */
        boolean mustStand();

        /** They stand, as they must, and what is worth keeping is kept. */
        void standing();

        /** The phase runs, from its beginning or on. */
        void running();

        /** A checkpoint was kept. */
        void kept();

        /** There is no checkpoint where one was due; that is all. */
        void notKept(int phase, int cycle, String reason);

        /** Gradients stay non-finite. */
        void notFinite(String cause);

        /** An expert is finished. */
        void published(ExpertRef expert);

        /** So was the last. */
        void trained();
    }

    private static final Logger LOG = LoggerFactory.getLogger(Training.class);
    private static final String ADVICE = "; lower the learning rates or the guidance, or raise the margin";
    private static final Limits.Awaited TRAINING = new Limits.Awaited.Training();

    private final RunPlan run;
    private final ActorRef<SupervisorMessage> self;
    private final ActorRef<RecorderMessage> recorder;
    private final ActorRef<CheckpointKeeper.Command> keeper;
    private final Chronicle chronicle;
    private final Limits limits;
    private final Decisions decisions;
    private final Checkpointing checkpointing;
    private final long begunAt = System.nanoTime();

    private ActorRef<GeneratorMessage> generator;
    private ActorRef<CriticMessage> critic;
    /** That have loaded. */
    private final Set<ActorRef<TeacherMessage>> teachers = new LinkedHashSet<>();

    /** Of these, those that cycles were committed with. */
    private final Set<ActorRef<?>> scored = new HashSet<>();

    private final Set<Role> loading = EnumSet.noneOf(Role.class);
    private final List<ExpertRef> experts = new ArrayList<>();
    private Step step = Step.IDLE;
    private int epoch;
    private int phase;
    /** Cycles of this phase that are recorded. */
    private int committed;

    private int skippedInARow;

    /** Of phases that ended in skipped cycles. */
    private final Map<Integer, String> warnings = new TreeMap<>();
    /** The last checkpoint that was due, if it could not be kept. */
    private Optional<String> notKept = Optional.empty();

    Training(
            RunPlan run,
            ActorRef<SupervisorMessage> self,
            ActorRef<RecorderMessage> recorder,
            ActorRef<CheckpointKeeper.Command> keeper,
            Chronicle chronicle,
            Limits limits,
            Decisions decisions) {
        this.run = run;
        this.self = self;
        this.recorder = recorder;
        this.keeper = keeper;
        this.chronicle = chronicle;
        this.limits = limits;
        this.decisions = decisions;
        this.checkpointing = new Checkpointing(run);
        this.epoch = run.epoch();
        this.phase = run.from().map(Checkpoint::phase).orElse(1);
        run.from().ifPresent(from -> experts.addAll(from.experts()));
    }

    int phase() {
        return phase;
    }

    int committed() {
        return committed;
    }

    List<ExpertRef> experts() {
        return experts;
    }

    /** What the user should know of a run that is finished. */
    List<String> warnings() {
        return Stream.concat(warnings.values().stream(), notKept.stream()).toList();
    }

    boolean isTrained() {
        return step == Step.TRAINED;
    }

    /** Whether trainers are under way; there is nothing to hand over otherwise. */
    boolean isUnderWay() {
        return step != Step.IDLE && step != Step.TRAINED;
    }

    /** Whether cycles are under way, or what comes between them. */
    boolean isRunning() {
        return isUnderWay() && step != Step.LOADING;
    }

    /** The checkpoint that the run goes on from, when it is left now. */
    Optional<Checkpoint> last() {
        return checkpointing.last();
    }

    /** A new epoch begins, with other trainers, from {@code newest} if that is of this phase, else from its beginning. */
    void rewind(int newEpoch, Optional<Checkpoint> newest) {
        letGo();
        epoch = newEpoch;
        checkpointing.rewind(newest);
    }

    /** These are the trainers now: the phase goes on from where it was left, or begins. */
    void begin(ActorRef<GeneratorMessage> withGenerator, ActorRef<CriticMessage> withCritic) {
        generator = withGenerator;
        critic = withCritic;
        beginPhase(checkpointing.of(phase));
    }

    /** The trainers were released; whatever they still say is of the past. */
    void letGo() {
        become(Step.IDLE);
        generator = null;
        critic = null;
        loading.clear();
        teachers.clear();
        scored.clear();
        limits.came(TRAINING);
    }

    /** The only way from one step to another. */
    private void become(Step next) {
        LOG.debug("epoch {}, phase {}, cycle {}: {} -> {}", epoch, phase, committed, step, next);
        step = next;
    }

    private void beginPhase(Optional<Checkpoint> from) {
        become(Step.LOADING);
        committed = from.map(Checkpoint::cycle).orElse(0);
        warnings.remove(phase);
        skippedInARow = from.map(Checkpoint::skippedInARow).orElse(0);
        if (epoch > 1) {
            recorder.tell(new RecorderMessage.Rewind(phase, committed));
        }
        loading.addAll(Set.of(Role.GENERATOR, Role.CRITIC));
        critic.tell(new CriticMessage.BeginPhase(
                epoch,
                phase,
                run.plan(),
                run.recipe(),
                run.teacher(),
                from.map(Checkpoint::critic),
                run.snapshotEvery(),
                generator,
                recorder,
                self));
        generator.tell(new GeneratorMessage.BeginPhase(
                epoch,
                phase,
                run.plan(),
                run.recipe(),
                run.teacher(),
                experts,
                from.map(Checkpoint::generator),
                critic,
                self));
        await(run.timeouts().load(), () -> "the " + keys(notLoaded()) + " to load phase " + phase);
    }

    private Set<Role> notLoaded() {
        Set<Role> all = EnumSet.noneOf(Role.class);
        all.addAll(loading);
        if (teachers.isEmpty()) {
            all.add(Role.TEACHER);
        }
        return all;
    }

    void trainerReady(SupervisorMessage.RoleReady ready) {
        if (isOf(Step.LOADING, ready.epoch(), ready.phase())
                && (ready.actor().equals(generator) || ready.actor().equals(critic))
                && loading.remove(ready.role())) {
            runWhenLoaded();
        }
    }

    void teacherReady(ActorRef<TeacherMessage> teacher) {
        if (step != Step.TRAINED && teachers.add(teacher)) {
            teachersChanged();
        }
    }

    void teacherLost(ActorRef<?> teacher) {
        scored.remove(teacher);
        if (teachers.removeIf(teacher::equals)) {
            teachersChanged();
        }
    }

    /** Whether a cycle was committed with this one among the teachers. */
    boolean hasScored(ActorRef<?> teacher) {
        return scored.contains(teacher);
    }

    /** Whether others would go on scoring without this one. */
    boolean hasTeachersBeside(ActorRef<?> teacher) {
        return teachers.stream().anyMatch(other -> !other.equals(teacher));
    }

    private void teachersChanged() {
        if (step == Step.LOADING) {
            runWhenLoaded();
        } else if (isUnderWay()) {
            useTeachers();
        }
    }

    private void useTeachers() {
        generator.tell(new GeneratorMessage.UseTeachers(epoch, List.copyOf(teachers)));
    }

    private void runWhenLoaded() {
        if (!notLoaded().isEmpty()) {
            return;
        }
        PhasePlan.Phase ofPlan = run.plan().phase(phase);
        chronicle.tell(e -> new RunEvent.PhaseBegun(e, phase, ofPlan.start(), ofPlan.boundary(), committed, budget()));
        useTeachers();
        decisions.running();
        goOn();
    }

    /** From a cycle at which the generator stands and nothing has to be kept any more. */
    private void goOn() {
        if (decisions.mustStand()) {
            limits.came(TRAINING);
            decisions.standing();
        } else if (committed == budget()) {
            publish();
        } else {
            become(Step.RUNNING);
            generator.tell(new GeneratorMessage.Run(epoch, phase, checkpointing.nextStand(phase, committed)));
            awaitCycle();
        }
    }

    /** To be asked when {@link Decisions#mustStand} has become true. */
    void stand() {
        if (step == Step.RUNNING) {
            generator.tell(new GeneratorMessage.Run(epoch, phase, 0));
        } else if (step == Step.IDLE || step == Step.LOADING) {
            decisions.standing();
        }
        // What is being saved or published ends first.
    }

    void cycleCommitted(SupervisorMessage.CycleCommitted message) {
        CycleReport report = message.report();
        if (!isOf(Step.RUNNING, message.epoch(), report.phase())
                || report.cycle() != committed
                || committed == budget()) {
            return;
        }
        committed++;
        recorder.tell(new RecorderMessage.Cycle(report, elapsedMillis()));
        awaitCycle();
        scored.addAll(teachers);
        skippedInARow = report.stepped() ? 0 : skippedInARow + 1;
        if (!report.stepped()) {
            chronicle.tell(e -> new RunEvent.CycleSkipped(e, phase, report.cycle()));
        }
        if (skippedInARow > run.skippedLimit()) {
            decisions.notFinite("phase " + phase + ", cycle " + report.cycle() + ": the gradient was not finite "
                    + skippedInARow
                    + " times in a row" + ADVICE);
        }
    }

    void budgetSpent(SupervisorMessage.BudgetSpent spent) {
        if (!isOf(Step.RUNNING, spent.epoch(), spent.phase()) || spent.cycles() != committed || !mayStand()) {
            return;
        }
        if (committed == budget() && skippedInARow == committed) {
            decisions.notFinite("phase " + phase + ": the gradient was not finite in any of its " + committed
                    + " cycles, so there is nothing to publish" + ADVICE);
            return;
        }
        if (checkpointing.isWorthKeeping(phase, committed, decisions.mustStand(), skippedInARow)) {
            save();
        } else {
            goOn();
        }
    }

    /** Whether the generator was told to stand where it is; a repeated report of an earlier stand is none. */
    private boolean mayStand() {
        return decisions.mustStand() || committed == checkpointing.nextStand(phase, committed - 1);
    }

    private void save() {
        become(Step.SAVING);
        checkpointing.begin();
        generator.tell(new GeneratorMessage.Save(epoch, phase, committed, part(Role.GENERATOR)));
        critic.tell(new CriticMessage.Save(epoch, phase, committed, part(Role.CRITIC)));
        await(run.timeouts().load(), () -> "the checkpoint of phase " + phase + ", cycle " + committed);
    }

    private String part(Role role) {
        return run.keeping().store().part(phase, committed, role).toString();
    }

    void stateSaved(SupervisorMessage.StateSaved saved) {
        StateRef part = saved.state();
        if (isOf(Step.SAVING, saved.epoch(), part.phase()) && part.cycle() == committed && checkpointing.add(part)) {
            keeper.tell(new CheckpointKeeper.Keep(
                    checkpointing.assemble(epoch, skippedInARow, elapsedMillis(), experts), self.narrow()));
        }
    }

    void stateNotSaved(SupervisorMessage.StateNotSaved failed) {
        if (failed.epoch() == epoch) {
            notKept(failed.phase(), failed.cycle(), "the " + failed.role().key() + " says: " + failed.reason());
        }
    }

    void notKept(int ofPhase, int cycle, String reason) {
        if (isOf(Step.SAVING, epoch, ofPhase) && cycle == committed) {
            notKept = Optional.of(
                    "the last checkpoint, of phase " + ofPhase + ", cycle " + cycle + ", could not be kept: " + reason);
            chronicle.tell(e -> new RunEvent.CheckpointFailed(e, ofPhase, cycle, reason));
            decisions.notKept(ofPhase, cycle, reason);
            goOn();
        }
    }

    void kept(CheckpointKeeper.Kept kept) {
        Checkpoint made = kept.checkpoint();
        if (isOf(Step.SAVING, made.epoch(), made.phase()) && made.cycle() == committed) {
            checkpointing.kept(made);
            notKept = Optional.empty();
            chronicle.tell(e -> new RunEvent.CheckpointKept(e, made.phase(), made.cycle()));
            decisions.kept();
            goOn();
        }
    }

    private void publish() {
        become(Step.PUBLISHING);
        chronicle.tell(e -> new RunEvent.PhaseEnded(e, phase, committed));
        if (skippedInARow > 0) {
            warnings.put(
                    phase,
                    "the last " + skippedInARow + " of the " + committed + " cycles of phase " + phase
                            + " were skipped, as their gradients were not finite: its expert is what it was before them, and may"
                            + " have been on its way there; look at its samples" + ADVICE);
        }
        String file = run.experts().resolve("phase-" + phase + ".pt").toString();
        generator.tell(new GeneratorMessage.Publish(epoch, phase, file));
        await(run.timeouts().load(), () -> "the expert of phase " + phase + " to be published");
    }

    void expertPublished(SupervisorMessage.ExpertPublished published) {
        // Each phase advances once, however often it is announced.
        if (!isOf(Step.PUBLISHING, published.epoch(), published.phase())) {
            return;
        }
        ExpertRef expert = published.expert();
        chronicle.tell(e -> new RunEvent.ExpertPublished(e, phase, expert.version(), expert.sha256(), expert.path()));
        limits.came(TRAINING);
        experts.add(expert);
        decisions.published(expert);
        if (phase == run.plan().phaseCount()) {
            become(Step.TRAINED);
            decisions.trained();
            return;
        }
        phase++;
        if (decisions.mustStand()) {
            committed = 0;
            decisions.standing();
        } else {
            beginPhase(Optional.empty());
        }
    }

    /** Of training, over all starts. */
    long elapsedMillis() {
        return run.from().map(Checkpoint::elapsedMillis).orElse(0L) + (System.nanoTime() - begunAt) / 1_000_000;
    }

    private void awaitCycle() {
        await(run.timeouts().stall(), () -> "phase " + phase + " to commit a cycle");
    }

    private void await(Duration within, Supplier<String> what) {
        limits.await(TRAINING, within, what);
    }

    private boolean isOf(Step expected, int ofEpoch, int ofPhase) {
        return step == expected && ofEpoch == epoch && ofPhase == phase;
    }

    /** Cycles that this phase is to have. */
    private int budget() {
        return run.cycles().get(phase - 1);
    }

    private static String keys(Collection<Role> roles) {
        return roles.stream().map(Role::key).collect(Collectors.joining(", "));
    }
}
