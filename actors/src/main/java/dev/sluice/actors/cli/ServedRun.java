package dev.sluice.actors.cli;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.NodeMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SamplerStatus;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.runtime.sampling.MixturePlan;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;

/**
 * Supervises what serves a run that nobody trains: has a sampler started, tells it what to serve, and from then on looks
 * whether it does. It puts nothing back, that is for whoever started the process: where the sampler gives up, ends, or is not
 * ready for longer than loading may take, the serving has ended.
 */
final class ServedRun extends AbstractBehavior<SupervisorMessage> {
    /**
     * How it goes.
     *
     * @param loaded when every network serves
     * @param ended never but by a {@link UserError}, which says why nothing is served any more
     */
    record Course(CompletableFuture<Void> loaded, CompletableFuture<Void> ended) {
        Course() {
            this(new CompletableFuture<>(), new CompletableFuture<>());
        }

        void end(String why) {
            UserError error = new UserError(why);
            loaded.completeExceptionally(error);
            ended.completeExceptionally(error);
        }
    }

    private record Look() implements SupervisorMessage.Local {}

    private record Seen(SamplerStatus status) implements SupervisorMessage.Local {}

    /** Looks in the time that loading may take. It counts looks: a process that was suspended has not looked meanwhile. */
    private static final int LOOKS = 60;

    private final ActorRef<SamplerStatus> looking;
    private final MixturePlan plan;
    private final Duration loadWithin;
    private final Course course;
    private Optional<ActorRef<SamplerMessage>> sampler = Optional.empty();
    private int looksInVain;

    private ServedRun(ActorContext<SupervisorMessage> context, MixturePlan plan, Duration loadWithin, Course course) {
        super(context);
        this.looking = context.messageAdapter(SamplerStatus.class, Seen::new);
        this.plan = plan;
        this.loadWithin = loadWithin;
        this.course = course;
    }

    /**
     * @param node of this process
     * @param loadWithin how long the sampler may take until it serves, at first and after a failure
     * @param workWithin what one evaluation may take
     */
    static Behavior<SupervisorMessage> create(
            ActorRef<NodeMessage> node,
            MixturePlan plan,
            String device,
            Duration loadWithin,
            Duration workWithin,
            Course course) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> {
            timers.startTimerWithFixedDelay(new Look(), loadWithin.dividedBy(LOOKS));
            node.tell(new NodeMessage.Play(
                    1,
                    plan.card().name(),
                    plan.card().run(),
                    Role.SAMPLER,
                    device,
                    plan.teacher().sha256(),
                    Optional.empty(),
                    workWithin.toMillis(),
                    context.getSelf()));
            return new ServedRun(context, plan, loadWithin, course);
        }));
    }

    @Override
    public Receive<SupervisorMessage> createReceive() {
        return newReceiveBuilder()
                .onMessage(SupervisorMessage.RolePlaced.class, this::onRolePlaced)
                .onMessage(SupervisorMessage.RoleNotPlaced.class, refused -> end(refused.reason()))
                .onMessage(
                        SupervisorMessage.RoleReady.class,
                        ready -> serves(plan.experts().isEmpty()))
                .onMessage(
                        SupervisorMessage.SwapDone.class,
                        done -> serves(done.phase() == plan.experts().size()))
                .onMessage(
                        SupervisorMessage.SwapRefused.class,
                        refused -> end(
                                "the expert of phase " + refused.phase() + " cannot be served: " + refused.reason()))
                .onMessage(SupervisorMessage.RoleFailed.class, failed -> end("the sampler failed: " + failed.cause()))
                .onMessage(Look.class, this::onLook)
                .onMessage(Seen.class, this::onSeen)
                .onSignal(Terminated.class, gone -> end("the sampler ended; the log says why"))
                .build();
    }

    private Behavior<SupervisorMessage> onRolePlaced(SupervisorMessage.RolePlaced placed) {
        ActorRef<SamplerMessage> started = placed.actor().unsafeUpcast();
        getContext().watch(started);
        started.tell(new SamplerMessage.Serve(
                1,
                plan.card(),
                plan.phases(),
                plan.schedule(),
                plan.teacher(),
                plan.teacherSteps(),
                plan.guidance(),
                getContext().getSelf(),
                Optional.empty()));
        int phase = 1;
        for (ExpertRef expert : plan.experts()) {
            started.tell(
                    new SamplerMessage.SwapExpert(phase++, expert, getContext().getSelf()));
        }
        sampler = Optional.of(started);
        return this;
    }

    private Behavior<SupervisorMessage> serves(boolean all) {
        if (all) {
            course.loaded().complete(null);
        }
        return this;
    }

    private Behavior<SupervisorMessage> onLook(Look look) {
        sampler.ifPresent(s -> s.tell(new SamplerMessage.GetStatus(looking)));
        looksInVain++;
        return looksInVain > LOOKS
                ? end("waited " + loadWithin.toSeconds() + " s for the sampler to load " + plan.version()
                        + " (supervision.load-within); the log says what it did")
                : this;
    }

    /** While it loads for the first time, only everything counts. */
    private Behavior<SupervisorMessage> onSeen(Seen seen) {
        if (seen.status().ready() && course.loaded().isDone()) {
            looksInVain = 0;
        }
        return this;
    }

    private Behavior<SupervisorMessage> end(String why) {
        course.end(why);
        return Behaviors.stopped();
    }
}
