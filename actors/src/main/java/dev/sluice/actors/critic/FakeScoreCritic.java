package dev.sluice.actors.critic;

import dev.sluice.actors.checkpoint.Saving;
import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.delivery.QueueFullException;
import dev.sluice.actors.workbench.Bench;
import dev.sluice.actors.workbench.Workplace;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.protocol.wire.FrameTooLargeException;
import dev.sluice.runtime.distillation.CriticTraining;
import dev.sluice.runtime.distillation.PhaseSetting;
import dev.sluice.runtime.network.EngineErrors;
import dev.sluice.runtime.network.Networks;
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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The critic's controller: puts the batches of generator and teacher into the one order that counts, update 0..K−1 of a
 * cycle and then its scored batch, whatever order they arrive in. Batches that come twice, or of another epoch or phase,
 * are ignored; those that come early wait, at most staleness + 1 cycles of them, which is all the generator may send.
 *
 * <p>When the actor dies, what the fake score learnt since the last checkpoint is lost. It ends when it is released or its
 * supervisor is gone.
 */
public final class FakeScoreCritic extends AbstractBehavior<CriticMessage> {
    private static final Logger LOG = LoggerFactory.getLogger(FakeScoreCritic.class);

    /** Rows of a batch that a snapshot shows: a square of images, or enough points to see a distribution. */
    private static final int IMAGES_SHOWN = 36;

    private static final int POINTS_SHOWN = 1024;

    private record Loaded(int epoch, int phase) implements CriticMessage.Local {}

    private final Networks networks;
    private final Courier courier;
    private final Bench<CriticTraining> bench;

    private CriticMessage.BeginPhase assignment;
    private boolean loaded;
    /** The cycle that is being worked on, and the update that comes next in it; K means the scored batch. */
    private int cycle;

    private int update;
    private final Map<Long, CriticMessage.Samples> samples = new HashMap<>();
    private final Map<Integer, CriticMessage.ScoredSamples> scored = new HashMap<>();

    private FakeScoreCritic(ActorContext<CriticMessage> context, Workplace place) {
        super(context);
        this.networks = place.networks();
        this.courier = place.courier();
        this.bench = new Bench<>(context, place.pinned(), place.workWithin());
    }

    /** Takes batches from other nodes by the courier of its place. */
    public static Behavior<CriticMessage> create(Workplace place) {
        return place.courier()
                .intake(CriticMessage.class, Behaviors.setup(context -> new FakeScoreCritic(context, place)));
    }

    @Override
    public Receive<CriticMessage> createReceive() {
        return newReceiveBuilder()
                .onMessage(CriticMessage.BeginPhase.class, this::onBeginPhase)
                .onMessage(Loaded.class, this::onLoaded)
                .onMessage(CriticMessage.Samples.class, this::onSamples)
                .onMessage(CriticMessage.ScoredSamples.class, this::onScoredSamples)
                .onMessage(CriticMessage.Save.class, this::onSave)
                .onMessage(CriticMessage.Release.class, this::onRelease)
                .onSignal(ChildFailed.class, this::onBenchFailed)
                .onSignal(Terminated.class, this::onSupervisorGone)
                .build();
    }

    private Behavior<CriticMessage> onBeginPhase(CriticMessage.BeginPhase begin) {
        if (assignment != null && begin.epoch() < assignment.epoch()) {
            return this;
        }
        if (isCurrent(begin.epoch(), begin.phase())) {
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
        cycle = begin.from().map(StateRef::cycle).orElse(0);
        getContext().watch(begin.supervisor());
        ActorRef<CriticMessage> self = getContext().getSelf();
        bench.open(() -> new CriticTraining(
                new PhaseSetting(begin.plan(), begin.phase(), begin.recipe()),
                networks,
                begin.teacher(),
                begin.from()));
        bench.work(training -> self.tell(new Loaded(begin.epoch(), begin.phase())));
        return this;
    }

    private Behavior<CriticMessage> onLoaded(Loaded message) {
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
                        Role.CRITIC,
                        assignment.phase(),
                        getContext().getSelf()));
    }

    private Behavior<CriticMessage> onSamples(CriticMessage.Samples message) {
        boolean done = message.cycle() < cycle || (message.cycle() == cycle && message.update() < update);
        if (isCurrent(message.epoch(), message.phase())
                && !done
                && withinCredit(message.cycle())
                && message.update() >= 0
                && message.update() < assignment.recipe().criticUpdates()) {
            samples.putIfAbsent(key(message.cycle(), message.update()), message);
            workOnWhatIsNext();
        }
        return this;
    }

    private Behavior<CriticMessage> onScoredSamples(CriticMessage.ScoredSamples message) {
        if (isCurrent(message.epoch(), message.phase()) && message.cycle() >= cycle && withinCredit(message.cycle())) {
            scored.putIfAbsent(message.cycle(), message);
            workOnWhatIsNext();
        }
        return this;
    }

    /** What a generator that keeps to its credit can have sent; more would grow without bound. */
    private boolean withinCredit(int ofCycle) {
        boolean within = ofCycle <= cycle + assignment.recipe().staleness() + 1;
        if (!within) {
            getContext()
                    .getLog()
                    .warn(
                            "a batch of cycle {} came while cycle {} is not scored: beyond its credit, ignored",
                            ofCycle,
                            cycle);
        }
        return within;
    }

    private long key(int ofCycle, int ofUpdate) {
        return (long) ofCycle * assignment.recipe().criticUpdates() + ofUpdate;
    }

    private void workOnWhatIsNext() {
        while (true) {
            if (update < assignment.recipe().criticUpdates()) {
                CriticMessage.Samples next = samples.remove(key(cycle, update));
                if (next == null) {
                    return;
                }
                update++;
                bench.work(training -> training.train(next.cycle(), next.update(), next.xS(), next.labels()));
            } else {
                CriticMessage.ScoredSamples next = scored.remove(cycle);
                if (next == null) {
                    return;
                }
                cycle++;
                update = 0;
                score(next);
            }
        }
    }

    private void score(CriticMessage.ScoredSamples batch) {
        CriticMessage.BeginPhase from = assignment;
        bench.work(training -> {
            CriticTraining.Scored result = training.score(batch.noisy(), batch.teacherVelocity());
            courier.deliver(
                    from.generator(),
                    new GeneratorMessage.Gradient(
                            from.epoch(), from.phase(), batch.cycle(), result.gradient(), result.report()));
            if (from.snapshotEvery() > 0 && batch.cycle() % from.snapshotEvery() == 0) {
                show(from, snapshot(training, batch, result));
            }
        });
    }

    /** Training goes on without a snapshot that cannot be sent. */
    private void show(CriticMessage.BeginPhase from, RecorderMessage.Snapshot snapshot) {
        try {
            courier.deliver(from.recorder(), snapshot);
        } catch (FrameTooLargeException | QueueFullException e) {
            LOG.warn("The snapshot of cycle {} is left out: {}", snapshot.cycle(), e.getMessage());
        }
    }

    private static RecorderMessage.Snapshot snapshot(
            CriticTraining training, CriticMessage.ScoredSamples batch, CriticTraining.Scored result) {
        NoisySamples noisy = batch.noisy();
        int rows = Math.min(noisy.xS().dim(0), noisy.xS().rank() == 4 ? IMAGES_SHOWN : POINTS_SHOWN);
        Tensor teacher = training.toData(noisy, batch.teacherVelocity());
        Tensor critic = training.toData(noisy, result.fakeVelocity());
        return new RecorderMessage.Snapshot(
                batch.phase(),
                batch.cycle(),
                teacher.rows(0, rows),
                critic.rows(0, rows),
                noisy.x0().rows(0, rows));
    }

    private Behavior<CriticMessage> onSave(CriticMessage.Save save) {
        if (isCurrent(save.epoch(), save.phase()) && loaded) {
            Saving part = new Saving(assignment.supervisor(), save.epoch(), Role.CRITIC, save.phase(), save.cycle());
            bench.work(training -> part.with(() -> training.save(Path.of(save.path()), save.cycle())));
        }
        return this;
    }

    private Behavior<CriticMessage> onRelease(CriticMessage.Release release) {
        if (assignment != null && release.epoch() < assignment.epoch()) {
            return this;
        }
        letGo();
        return Behaviors.stopped();
    }

    private Behavior<CriticMessage> onBenchFailed(ChildFailed failed) {
        if (bench.failed(failed) && assignment != null) {
            assignment
                    .supervisor()
                    .tell(new SupervisorMessage.RoleFailed(
                            assignment.epoch(),
                            Role.CRITIC,
                            EngineErrors.cause(failed.cause()),
                            getContext().getSelf()));
            letGo();
        }
        return this;
    }

    private Behavior<CriticMessage> onSupervisorGone(Terminated gone) {
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
        cycle = 0;
        update = 0;
        samples.clear();
        scored.clear();
    }
}
