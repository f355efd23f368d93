package dev.sluice.actors.generator;

import dev.sluice.actors.checkpoint.Saving;
import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.delivery.QueueFullException;
import dev.sluice.actors.workbench.Bench;
import dev.sluice.actors.workbench.Workplace;
import dev.sluice.protocol.CycleReport;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.protocol.message.TeacherMessage;
import dev.sluice.protocol.wire.FrameTooLargeException;
import dev.sluice.runtime.distillation.GeneratorTraining;
import dev.sluice.runtime.distillation.PhaseSetting;
import dev.sluice.runtime.network.EngineErrors;
import dev.sluice.runtime.network.Networks;
import dev.sluice.runtime.objective.Magnitude;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.ChildFailed;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;

/**
 * The generator expert's controller: keeps at most staleness + 1 cycles in flight and commits them strictly in order.
 *
 * <p>The workbench is told, in this order: roll out cycles 0..n; step 0; roll out n + 1; step 1; … A gradient that comes
 * early waits until the step before it is done, so the numbers do not depend on who is faster. A gradient that comes
 * twice, or of another epoch or phase, is ignored.
 *
 * <p>A batch that is being scored is kept until its gradient comes: when its teacher is replaced, it goes to another, and
 * no step is taken twice.
 *
 * <p>When the actor dies, the phase's progress since the last checkpoint is lost. It ends when it is released or its
 * supervisor is gone.
 */
public final class GeneratorExpert extends AbstractBehavior<GeneratorMessage> {
    private record Loaded(int epoch, int phase) implements GeneratorMessage.Local {}

    private record RolledOut(int epoch, int phase, int cycle, NoisySamples noisy) implements GeneratorMessage.Local {}

    private record Stepped(int epoch, CycleReport report) implements GeneratorMessage.Local {}

    private record Published(int epoch, int phase, ExpertRef expert) implements GeneratorMessage.Local {}

    private final Networks networks;
    private final Courier courier;
    private final Bench<GeneratorTraining> bench;

    private GeneratorMessage.BeginPhase assignment;
    private boolean loaded;
    private int budget;
    /** Cycles whose roll-outs the workbench has been told. */
    private int begun;
    /** Cycles whose step is done. */
    private int committed;
    /** Whether the workbench has been told the step of cycle {@link #committed}. */
    private boolean stepping;

    private final Map<Integer, GeneratorMessage.Gradient> early = new HashMap<>();
    private final Scoring scoring;

    private GeneratorExpert(ActorContext<GeneratorMessage> context, Workplace place) {
        super(context);
        this.networks = place.networks();
        this.courier = place.courier();
        this.scoring = new Scoring(courier);
        this.bench = new Bench<>(context, place.pinned(), place.workWithin());
    }

    /** Takes batches from other nodes by the courier of its place. */
    public static Behavior<GeneratorMessage> create(Workplace place) {
        return place.courier()
                .intake(GeneratorMessage.class, Behaviors.setup(context -> new GeneratorExpert(context, place)));
    }

    @Override
    public Receive<GeneratorMessage> createReceive() {
        return newReceiveBuilder()
                .onMessage(GeneratorMessage.BeginPhase.class, this::onBeginPhase)
                .onMessage(Loaded.class, this::onLoaded)
                .onMessage(GeneratorMessage.Run.class, this::onRun)
                .onMessage(GeneratorMessage.UseTeachers.class, this::onUseTeachers)
                .onMessage(RolledOut.class, this::onRolledOut)
                .onMessage(GeneratorMessage.Gradient.class, this::onGradient)
                .onMessage(Stepped.class, this::onStepped)
                .onMessage(GeneratorMessage.Save.class, this::onSave)
                .onMessage(GeneratorMessage.Publish.class, this::onPublish)
                .onMessage(Published.class, this::onPublished)
                .onMessage(GeneratorMessage.Release.class, this::onRelease)
                .onSignal(ChildFailed.class, this::onBenchFailed)
                .onSignal(Terminated.class, this::onSupervisorGone)
                .build();
    }

    private Behavior<GeneratorMessage> onBeginPhase(GeneratorMessage.BeginPhase begin) {
        if (assignment != null && begin.epoch() < assignment.epoch()) {
            return this;
        }
        if (assignment != null && isCurrent(begin.epoch(), begin.phase())) {
            if (loaded) {
                tellReady();
            }
            return this;
        }
        if (assignment != null && begin.epoch() > assignment.epoch()) {
            // Whatever the network of the old epoch is stuck in, the new one does not wait for it.
            letGo();
        }
        forget();
        assignment = begin;
        begun = begin.from().map(StateRef::cycle).orElse(0);
        committed = begun;
        getContext().watch(begin.supervisor());
        ActorRef<GeneratorMessage> self = getContext().getSelf();
        bench.open(() -> new GeneratorTraining(
                new PhaseSetting(begin.plan(), begin.phase(), begin.recipe()),
                networks,
                begin.teacher(),
                begin.frozen(),
                begin.from()));
        bench.work(training -> self.tell(new Loaded(begin.epoch(), begin.phase())));
        return this;
    }

    private Behavior<GeneratorMessage> onLoaded(Loaded message) {
        if (isCurrent(message.epoch(), message.phase())) {
            loaded = true;
            tellReady();
        }
        return this;
    }

    private void tellReady() {
        assignment
                .supervisor()
                .tell(new SupervisorMessage.RoleReady(
                        assignment.epoch(),
                        Role.GENERATOR,
                        assignment.phase(),
                        getContext().getSelf()));
    }

    private Behavior<GeneratorMessage> onRun(GeneratorMessage.Run run) {
        if (isCurrent(run.epoch(), run.phase()) && loaded) {
            budget = Math.max(begun, run.cycles());
            rollOutWhatCreditAllows();
            tellWhenBudgetSpent();
        }
        return this;
    }

    private void rollOutWhatCreditAllows() {
        while (begun < budget && begun - committed <= assignment.recipe().staleness()) {
            rollOut(begun++);
        }
    }

    private void rollOut(int cycle) {
        GeneratorMessage.BeginPhase to = assignment;
        for (int k = 0; k < to.recipe().criticUpdates(); k++) {
            int update = k;
            bench.work(training -> {
                GeneratorTraining.Samples samples = training.rollOut(cycle, update);
                courier.deliver(
                        to.critic(),
                        new CriticMessage.Samples(
                                to.epoch(), to.phase(), cycle, update, samples.xS(), samples.labels()));
            });
        }
        ActorRef<GeneratorMessage> self = getContext().getSelf();
        bench.work(training -> self.tell(new RolledOut(to.epoch(), to.phase(), cycle, training.rollOutScored(cycle))));
    }

    private Behavior<GeneratorMessage> onRolledOut(RolledOut batch) {
        if (isCurrent(batch.epoch(), batch.phase())) {
            TeacherMessage.Score score = new TeacherMessage.Score(
                    batch.epoch(),
                    batch.phase(),
                    batch.cycle(),
                    assignment.recipe().guidance(),
                    batch.noisy(),
                    assignment.critic(),
                    assignment.supervisor());
            orFail(() -> scoring.begin(score));
        }
        return this;
    }

    private Behavior<GeneratorMessage> onUseTeachers(GeneratorMessage.UseTeachers order) {
        if (assignment != null && order.epoch() == assignment.epoch()) {
            orFail(() -> scoring.use(order.teachers()));
        }
        return this;
    }

    private Behavior<GeneratorMessage> onGradient(GeneratorMessage.Gradient gradient) {
        if (isCurrent(gradient.epoch(), gradient.phase())
                && gradient.cycle() >= committed
                && gradient.cycle() < begun
                && !(stepping && gradient.cycle() == committed)) {
            scoring.end(gradient.cycle());
            early.putIfAbsent(gradient.cycle(), gradient);
            stepWhenNext();
        }
        return this;
    }

    private void stepWhenNext() {
        GeneratorMessage.Gradient next = early.get(committed);
        if (next == null || stepping) {
            return;
        }
        early.remove(committed);
        stepping = true;
        ActorRef<GeneratorMessage> self = getContext().getSelf();
        bench.work(training -> {
            double norm = training.step(next.cycle(), next.gradient());
            self.tell(new Stepped(
                    next.epoch(),
                    new CycleReport(
                            next.phase(),
                            next.cycle(),
                            next.report(),
                            Magnitude.mean(next.gradient()),
                            norm,
                            Double.isFinite(norm))));
        });
    }

    private Behavior<GeneratorMessage> onStepped(Stepped stepped) {
        if (isCurrent(stepped.epoch(), stepped.report().phase())) {
            committed++;
            stepping = false;
            assignment.supervisor().tell(new SupervisorMessage.CycleCommitted(stepped.epoch(), stepped.report()));
            rollOutWhatCreditAllows();
            stepWhenNext();
            tellWhenBudgetSpent();
        }
        return this;
    }

    private void tellWhenBudgetSpent() {
        if (committed == budget) {
            assignment
                    .supervisor()
                    .tell(new SupervisorMessage.BudgetSpent(assignment.epoch(), assignment.phase(), committed));
        }
    }

    private Behavior<GeneratorMessage> onSave(GeneratorMessage.Save save) {
        if (isCurrent(save.epoch(), save.phase()) && loaded) {
            Saving part = new Saving(assignment.supervisor(), save.epoch(), Role.GENERATOR, save.phase(), save.cycle());
            bench.work(training -> part.with(() -> training.save(Path.of(save.path()), save.cycle())));
        }
        return this;
    }

    private Behavior<GeneratorMessage> onPublish(GeneratorMessage.Publish publish) {
        if (isCurrent(publish.epoch(), publish.phase()) && loaded) {
            ActorRef<GeneratorMessage> self = getContext().getSelf();
            String version = "phase-" + publish.phase();
            bench.work(training -> {
                Path file = Path.of(publish.path());
                try {
                    self.tell(new Published(publish.epoch(), publish.phase(), training.publish(file, Map.of())));
                } catch (IOException e) {
                    throw new UncheckedIOException("publishing " + version + ": " + e.getMessage(), e);
                }
            });
        }
        return this;
    }

    private Behavior<GeneratorMessage> onPublished(Published published) {
        if (isCurrent(published.epoch(), published.phase())) {
            assignment
                    .supervisor()
                    .tell(new SupervisorMessage.ExpertPublished(
                            published.epoch(), published.phase(), published.expert()));
        }
        return this;
    }

    private Behavior<GeneratorMessage> onRelease(GeneratorMessage.Release release) {
        if (assignment != null && release.epoch() < assignment.epoch()) {
            return this;
        }
        letGo();
        return Behaviors.stopped();
    }

    private Behavior<GeneratorMessage> onBenchFailed(ChildFailed failed) {
        if (bench.failed(failed) && assignment != null) {
            fail(failed.cause());
        }
        return this;
    }

    /** Sends batches. One that the courier refuses is a failure with that cause. */
    private void orFail(Runnable sending) {
        try {
            sending.run();
        } catch (FrameTooLargeException | QueueFullException e) {
            fail(e);
        }
    }

    private void fail(Throwable cause) {
        assignment
                .supervisor()
                .tell(new SupervisorMessage.RoleFailed(
                        assignment.epoch(),
                        Role.GENERATOR,
                        EngineErrors.cause(cause),
                        getContext().getSelf()));
        letGo();
    }

    private Behavior<GeneratorMessage> onSupervisorGone(Terminated gone) {
        if (assignment == null || !gone.getRef().equals(assignment.supervisor())) {
            return this;
        }
        letGo();
        return Behaviors.stopped();
    }

    private boolean isCurrent(int epoch, int phase) {
        return assignment != null && epoch == assignment.epoch() && phase == assignment.phase();
    }

    private void letGo() {
        forget();
        bench.letGo();
    }

    private void forget() {
        if (assignment != null) {
            getContext().unwatch(assignment.supervisor());
            assignment = null;
        }
        loaded = false;
        budget = 0;
        begun = 0;
        committed = 0;
        stepping = false;
        early.clear();
        scoring.forget();
    }
}
