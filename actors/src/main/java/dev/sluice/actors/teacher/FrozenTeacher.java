package dev.sluice.actors.teacher;

import dev.sluice.actors.workbench.Bench;
import dev.sluice.actors.workbench.Causes;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.protocol.message.TeacherMessage;
import dev.sluice.runtime.network.Guidance;
import dev.sluice.runtime.network.Network;
import dev.sluice.runtime.network.Networks;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.ChildFailed;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;

/**
 * The teacher of the ring: scores each batch that comes and passes it on to the critic. Stateless between batches, so
 * there may be any number of them; when one dies, the batches in its mailbox are lost.
 */
public final class FrozenTeacher extends AbstractBehavior<TeacherMessage> {
    private record Loaded(TeacherMessage.Load assignment) implements TeacherMessage.Local {}

    private final Networks networks;
    private final Bench<Network> bench;
    private TeacherMessage.Load assignment;
    private boolean loaded;

    private FrozenTeacher(ActorContext<TeacherMessage> context, Networks networks, DispatcherSelector pinned) {
        super(context);
        this.networks = networks;
        this.bench = new Bench<>(context, pinned);
    }

    /** @param pinned dispatcher of the thread that computes */
    public static Behavior<TeacherMessage> create(Networks networks, DispatcherSelector pinned) {
        return Behaviors.setup(context -> new FrozenTeacher(context, networks, pinned));
    }

    @Override
    public Receive<TeacherMessage> createReceive() {
        return newReceiveBuilder()
                .onMessage(TeacherMessage.Load.class, this::onLoad)
                .onMessage(Loaded.class, this::onLoaded)
                .onMessage(TeacherMessage.Score.class, this::onScore)
                .onMessage(TeacherMessage.Release.class, this::onRelease)
                .onSignal(ChildFailed.class, this::onBenchFailed)
                .onSignal(Terminated.class, this::onSupervisorGone)
                .build();
    }

    private Behavior<TeacherMessage> onLoad(TeacherMessage.Load load) {
        if (assignment != null && load.epoch() < assignment.epoch()) {
            return this;
        }
        if (load.equals(assignment)) {
            if (loaded) {
                tellReady();
            }
            return this;
        }
        letGo();
        assignment = load;
        getContext().watch(load.supervisor());
        ActorRef<TeacherMessage> self = getContext().getSelf();
        bench.open(() -> networks.open(load.teacher()));
        bench.work(network -> self.tell(new Loaded(load)));
        return this;
    }

    private Behavior<TeacherMessage> onLoaded(Loaded message) {
        if (message.assignment().equals(assignment)) {
            loaded = true;
            tellReady();
        }
        return this;
    }

    private void tellReady() {
        assignment.supervisor().tell(new SupervisorMessage.RoleReady(assignment.epoch(), Role.TEACHER, 0));
    }

    private Behavior<TeacherMessage> onScore(TeacherMessage.Score score) {
        if (assignment == null || score.epoch() != assignment.epoch()) {
            return this;
        }
        bench.work(network -> {
            NoisySamples noisy = score.noisy();
            Tensor velocity = Guidance.velocity(network, score.guidance(), noisy.xT(), noisy.t(), noisy.labels());
            score.critic()
                    .tell(new CriticMessage.ScoredSamples(
                            score.epoch(), score.phase(), score.cycle(), noisy, velocity));
        });
        return this;
    }

    private Behavior<TeacherMessage> onRelease(TeacherMessage.Release release) {
        if (assignment != null && release.epoch() >= assignment.epoch()) {
            letGo();
        }
        return this;
    }

    private Behavior<TeacherMessage> onBenchFailed(ChildFailed failed) {
        if (bench.failed(failed) && assignment != null) {
            assignment
                    .supervisor()
                    .tell(new SupervisorMessage.RoleFailed(
                            assignment.epoch(), Role.TEACHER, Causes.of(failed.cause())));
            letGo();
        }
        return this;
    }

    private Behavior<TeacherMessage> onSupervisorGone(Terminated gone) {
        if (assignment != null && gone.getRef().equals(assignment.supervisor())) {
            letGo();
        }
        return this;
    }

    private void letGo() {
        if (assignment != null) {
            getContext().unwatch(assignment.supervisor());
            assignment = null;
        }
        bench.letGo();
        loaded = false;
    }
}
