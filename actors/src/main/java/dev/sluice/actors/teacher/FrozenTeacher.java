package dev.sluice.actors.teacher;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.workbench.Bench;
import dev.sluice.actors.workbench.Causes;
import dev.sluice.actors.workbench.Workplace;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.protocol.message.TeacherMessage;
import dev.sluice.runtime.network.Guidance;
import dev.sluice.runtime.network.Network;
import dev.sluice.runtime.network.Networks;
import java.util.LinkedHashMap;
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
 * The teacher of the ring: scores each batch that comes and passes it on to the critic. Stateless between batches, so
 * there may be any number of them, and experiments with the same teacher file share one; when it dies, the batches in its
 * mailbox are lost and whoever sent them sends them to another.
 *
 * <p>A batch that cannot be scored is its experiment's failure alone (contract F16). It ends with the last of its
 * experiments, released or gone.
 */
public final class FrozenTeacher extends AbstractBehavior<TeacherMessage> {
    private record Loaded() implements TeacherMessage.Local {}

    private final ActorRef<TeacherMessage> self;
    private final Networks networks;
    private final Courier courier;
    private final Bench<Network> bench;
    /** What each supervisor said last. */
    private final Map<ActorRef<SupervisorMessage>, TeacherMessage.Load> loads = new LinkedHashMap<>();

    private ExpertRef teacher;
    private boolean loaded;

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
            open(load.teacher());
        } else if (loaded) {
            tellReady(load);
        }
        return this;
    }

    private void open(ExpertRef reference) {
        teacher = reference;
        bench.open(() -> networks.open(reference));
        bench.work(network -> self.tell(new Loaded()));
    }

    private Behavior<TeacherMessage> onLoaded(Loaded message) {
        loaded = teacher != null;
        if (loaded) {
            loads.values().forEach(this::tellReady);
        }
        return this;
    }

    private Behavior<TeacherMessage> onScore(TeacherMessage.Score score) {
        TeacherMessage.Load load = loads.get(score.supervisor());
        if (load == null || score.epoch() != load.epoch()) {
            return this;
        }
        bench.work(network -> {
            NoisySamples noisy = score.noisy();
            Tensor velocity;
            try {
                velocity = Guidance.velocity(network, score.guidance(), noisy.xT(), noisy.t(), noisy.labels());
            } catch (RuntimeException e) {
                tellFailed(load, "it cannot score the batch of cycle " + score.cycle() + ": " + Causes.of(e));
                return;
            }
            courier.deliver(
                    score.critic(),
                    new CriticMessage.ScoredSamples(score.epoch(), score.phase(), score.cycle(), noisy, velocity));
        });
        return this;
    }

    private Behavior<TeacherMessage> onBenchFailed(ChildFailed failed) {
        if (bench.failed(failed)) {
            loads.values().forEach(load -> {
                getContext().unwatch(load.supervisor());
                tellFailed(load, Causes.of(failed.cause()));
            });
            // Each of them has another one placed; this one's thread may be stuck for ever.
            return Behaviors.stopped();
        }
        return this;
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
