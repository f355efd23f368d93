package dev.sluice.actors.delivery;

import dev.sluice.protocol.message.CourierMessage;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.cluster.ClusterEvent.MemberRemoved;
import org.apache.pekko.cluster.UniqueAddress;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Subscribe;

/**
 * The courier's actor: asks other nodes where to connect and tells them where to, sees to connections that have fallen
 * silent, and hears who has left. Parcels do not pass through it. It ends with the node, and the courier with it.
 */
final class Greeter extends AbstractBehavior<CourierMessage> {
    /** Under {@code /system} of every node. */
    static final String NAME = "courier";

    /** Something waits for this node and nothing carries it. */
    record Reach(Address node, Route route) implements CourierMessage.Local {}

    private record Greeted(Address node, Route route, CourierMessage.Welcome welcome, Throwable failure)
            implements CourierMessage.Local {}

    private record Ended(Address node, Route route) implements CourierMessage.Local {}

    private record Left(UniqueAddress node) implements CourierMessage.Local {}

    private record Tick() implements CourierMessage.Local {}

    private final NodeCourier courier;
    private final DeliverySettings settings;
    private final TimerScheduler<CourierMessage> timers;
    private final long uid;

    private Greeter(ActorContext<CourierMessage> context, NodeCourier courier, TimerScheduler<CourierMessage> timers) {
        super(context);
        this.courier = courier;
        this.settings = courier.settings();
        this.timers = timers;
        Cluster cluster = Cluster.get(context.getSystem());
        uid = cluster.selfMember().uniqueAddress().longUid();
        ActorRef<MemberRemoved> removed = context.messageAdapter(
                MemberRemoved.class, event -> new Left(event.member().uniqueAddress()));
        cluster.subscriptions().tell(Subscribe.create(removed, MemberRemoved.class));
        timers.startTimerWithFixedDelay(new Tick(), settings.beat());
    }

    static Behavior<CourierMessage> create(NodeCourier courier) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> new Greeter(context, courier, timers)));
    }

    @Override
    public Receive<CourierMessage> createReceive() {
        return newReceiveBuilder()
                .onMessage(CourierMessage.Greet.class, this::onGreet)
                .onMessage(Reach.class, this::onReach)
                .onMessage(Greeted.class, this::onGreeted)
                .onMessage(Ended.class, this::onEnded)
                .onMessage(Left.class, this::onLeft)
                .onMessage(Tick.class, tick -> onTick())
                .onSignal(PostStop.class, stopped -> onPostStop())
                .build();
    }

    private Behavior<CourierMessage> onGreet(CourierMessage.Greet greet) {
        String peer = greet.replyTo().path().address().toString();
        greet.replyTo().tell(courier.doorway().welcome(uid, greet.uid(), peer));
        return this;
    }

    private Behavior<CourierMessage> onReach(Reach reach) {
        // A greeting may be lost, and a busy machine answers late: asked again soon, waited for long.
        if (reach.route().wantsConnection() && !timers.isTimerActive(reach.route())) {
            timers.startSingleTimer(reach.route(), reach, settings.beat().multipliedBy(2));
            ActorRef<CourierMessage> there =
                    ActorRefResolver.get(getContext().getSystem()).resolveActorRef(reach.node() + "/system/" + NAME);
            getContext()
                    .ask(
                            CourierMessage.class,
                            there,
                            settings.silentAfter(),
                            replyTo -> new CourierMessage.Greet(uid, replyTo),
                            (answer, failure) -> new Greeted(
                                    reach.node(),
                                    reach.route(),
                                    answer instanceof CourierMessage.Welcome welcome ? welcome : null,
                                    failure));
        }
        return this;
    }

    private Behavior<CourierMessage> onGreeted(Greeted greeted) {
        Route route = greeted.route();
        if (greeted.welcome() == null) {
            route.unanswered("it does not answer a greeting");
            return this;
        }
        route.welcomed(greeted.welcome().uid());
        String host = greeted.node().getHost().orElseThrow();
        Outbound connection = new Outbound(route, courier.lines(), host, greeted.welcome(), settings.silentAfter());
        if (route.connect(connection)) {
            ActorRef<CourierMessage> self = getContext().getSelf();
            connection.start(ended -> self.tell(new Ended(greeted.node(), route)));
        }
        return this;
    }

    private Behavior<CourierMessage> onEnded(Ended ended) {
        return onReach(new Reach(ended.node(), ended.route()));
    }

    private Behavior<CourierMessage> onLeft(Left left) {
        courier.left(left.node().address(), left.node().longUid());
        return this;
    }

    private Behavior<CourierMessage> onTick() {
        courier.routes().forEach((node, route) -> {
            route.tick();
            onReach(new Reach(node, route));
        });
        courier.forgetWhoLeft();
        courier.doorway().tick();
        return this;
    }

    private Behavior<CourierMessage> onPostStop() {
        courier.close();
        return this;
    }
}
