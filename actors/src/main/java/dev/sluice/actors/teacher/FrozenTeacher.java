package dev.sluice.actors.teacher;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.workbench.Bench;
import dev.sluice.actors.workbench.Workplace;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.protocol.message.TeacherMessage;
import dev.sluice.runtime.network.EngineErrors;
import dev.sluice.runtime.network.Guidance;
import dev.sluice.runtime.network.Network;
import dev.sluice.runtime.network.Networks;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.ChildFailed;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;

/**
 * The teacher of the ring: scores each batch that comes and passes it on to the critic. Stateless between batches, so
 * there may be any number of them, and experiments with the same teacher file share one; when it dies, the batches in its
 * mailbox are lost and whoever sent them sends them to another.
 *
 * <p>A batch that cannot be scored, or that its worker gets stuck at or dies of, is its experiment's failure alone:
 * the others' batches go to a new worker. One that is stuck keeps its memory, so after
 * two of them all experiments have another teacher placed. It ends with the last of its experiments,
 * released or gone.
 */
public final class FrozenTeacher extends AbstractBehavior<TeacherMessage> {
    private record Loaded(Work by) implements TeacherMessage.Local {}

    /** What a worker was told and has not done yet, oldest first; the worker takes out what it has done. */
    private static final class Work {
        private final Queue<TeacherMessage.Score> open = new ConcurrentLinkedQueue<>();
        private volatile boolean loaded;
    }

    /** Workers that may be left at a piece of work that they do not end. */
    private static final int MOST_STUCK = 2;

    private final ActorRef<TeacherMessage> self;
    private final Networks networks;
    private final Courier courier;
    private final Bench<Network> bench;
    /** What each supervisor said last. */
    private final Map<ActorRef<SupervisorMessage>, TeacherMessage.Load> loads = new LinkedHashMap<>();

    private ExpertRef teacher;
    private Work work;
    private boolean loaded;
    private int stuck;

    private FrozenTeacher(ActorContext<TeacherMessage> context, Workplace place) {
        super(context);
        this.self = context.getSelf();
        this.networks = place.networks();
        this.courier = place.courier();
        this.bench = new Bench<>(context, place.pinned(), place.workWithin());
    }

    /** Takes batches from other nodes by the courier of its place. */
    public static Behavior<TeacherMessage> create(Workplace place) {
        return place.courier()
                .intake(TeacherMessage.class, Behaviors.setup(context -> new FrozenTeacher(context, place)));
    }

    @Override
    public Receive<TeacherMessage> createReceive() {
        return newReceiveBuilder()
                .onMessage(TeacherMessage.Load.class, this::onLoad)
                .onMessage(Loaded.class, this::onLoaded)
                .onMessage(TeacherMessage.Score.class, this::onScore)
                .onMessage(TeacherMessage.Release.class, release -> without(release.supervisor()))
                .onSignal(ChildFailed.class, this::onBenchFailed)
                .onSignal(Terminated.class, gone -> without(gone.getRef()))
                .build();
    }

    private Behavior<TeacherMessage> onLoad(TeacherMessage.Load load) {
        TeacherMessage.Load before = loads.get(load.supervisor());
        if (before != null && load.epoch() < before.epoch()) {
            return this;
        }
        if (teacher != null && !teacher.sha256().equals(load.teacher().sha256())) {
            tellFailed(
                    load,
                    "it is the teacher " + teacher.sha256() + " and cannot be "
                            + load.teacher().sha256());
            return this;
        }
        if (before == null) {
            getContext().watch(load.supervisor());
        }
        loads.put(load.supervisor(), load);
        if (teacher == null) {
            teacher = load.teacher();
            open();
        } else if (loaded) {
            tellReady(load);
        }
        return this;
    }

    private void open() {
        ExpertRef reference = teacher;
        Work by = new Work();
        work = by;
        bench.open(() -> networks.open(reference));
        bench.work(network -> {
            by.loaded = true;
            self.tell(new Loaded(by));
        });
    }

    private Behavior<TeacherMessage> onLoaded(Loaded message) {
        if (message.by() == work) {
            loaded = true;
            loads.values().forEach(this::tellReady);
        }
        return this;
    }

    private Behavior<TeacherMessage> onScore(TeacherMessage.Score score) {
        TeacherMessage.Load load = loads.get(score.supervisor());
        if (load != null && score.epoch() == load.epoch()) {
            work(load, score);
        }
        return this;
    }

    private void work(TeacherMessage.Load load, TeacherMessage.Score score) {
        Work by = work;
        by.open.add(score);
        bench.work(network -> {
            NoisySamples noisy = score.noisy();
            Tensor velocity;
            try {
                velocity = Guidance.velocity(network, score.guidance(), noisy.xT(), noisy.t(), noisy.labels());
            } catch (RuntimeException e) {
                by.open.remove();
                tellFailed(load, "it cannot score the batch of cycle " + score.cycle() + ": " + EngineErrors.cause(e));
                return;
            }
            courier.deliver(
                    score.critic(),
                    new CriticMessage.ScoredSamples(score.epoch(), score.phase(), score.cycle(), noisy, velocity));
            // Not before: whoever's batch cannot be sent is to blame, and nobody else.
            by.open.remove();
        });
    }

    private Behavior<TeacherMessage> onBenchFailed(ChildFailed failed) {
        boolean isStuck = bench.isStuck(failed);
        if (!bench.failed(failed)) {
            return this;
        }
        stuck += isStuck ? 1 : 0;
        String cause = EngineErrors.cause(failed.cause());
        TeacherMessage.Score guilty = work.loaded ? work.open.peek() : null;
        TeacherMessage.Load load = guilty == null ? null : loads.remove(guilty.supervisor());
        if (load == null && guilty == null || stuck > MOST_STUCK) {
            if (load != null) {
                failFor(load, cause);
            }
            loads.values().forEach(innocent -> failFor(innocent, cause));
            return Behaviors.stopped();
        }
        if (load != null) {
            failFor(load, "the batch of cycle " + guilty.cycle() + ": " + cause);
        }
        if (loads.isEmpty()) {
            return Behaviors.stopped();
        }
        beginAnew();
        return this;
    }

    /** He has another teacher placed, which nobody else has his batches at. */
    private void failFor(TeacherMessage.Load load, String cause) {
        getContext().unwatch(load.supervisor());
        tellFailed(load, cause);
    }

    private void beginAnew() {
        Queue<TeacherMessage.Score> open = work.open;
        loaded = false;
        open();
        open.forEach(score -> {
            TeacherMessage.Load load = loads.get(score.supervisor());
            if (load != null && score.epoch() == load.epoch()) {
                work(load, score);
            }
        });
    }

    private Behavior<TeacherMessage> without(ActorRef<?> supervisor) {
        if (loads.containsKey(supervisor)) {
            getContext().unwatch(supervisor);
            loads.remove(supervisor);
        }
        if (!loads.isEmpty()) {
            return this;
        }
        bench.letGo();
        return Behaviors.stopped();
    }

    private void tellReady(TeacherMessage.Load load) {
        load.supervisor().tell(new SupervisorMessage.RoleReady(load.epoch(), Role.TEACHER, 0, self));
    }

    private void tellFailed(TeacherMessage.Load load, String cause) {
        load.supervisor().tell(new SupervisorMessage.RoleFailed(load.epoch(), Role.TEACHER, cause, self));
    }
}
