package dev.sluice.actors.delivery;

import dev.sluice.protocol.message.CourierMessage;
import dev.sluice.protocol.wire.MessageSerializer;
import dev.sluice.protocol.wire.WireMessage;
import java.io.NotSerializableException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.serialization.SerializationExtension;

/** The courier of a node of a cluster. Ends with its actor system; what then still waits is logged. */
public final class NodeCourier implements Courier {
    private final ActorRef<Undeliverable> listener;
    private final DeliverySettings settings;
    private final MessageSerializer serializer;
    private final ActorRefResolver actors;
    private final Lines lines;
    private final Doorway doorway;
    private final Map<Address, Route> routes = new ConcurrentHashMap<>();
    private final Map<String, Intake<?>> intakes = new ConcurrentHashMap<>();
    private final Intake.Register register = new Intake.Register() {
        @Override
        public void open(ActorRef<?> actor, Intake<?> intake) {
            intakes.put(name(actor), intake);
        }

        @Override
        public void close(ActorRef<?> actor) {
            intakes.remove(name(actor));
            doorway.ended(name(actor));
        }
    };
    private final ActorRef<CourierMessage> greeter;
    private volatile boolean closed;

    private NodeCourier(ActorSystem<?> system, ActorRef<Undeliverable> listener) {
        this.listener = listener;
        ExtendedActorSystem classic = (ExtendedActorSystem) Adapter.toClassic(system);
        serializer = serializer(classic);
        settings = DeliverySettings.from(system.settings().config(), serializer.maxMessage());
        actors = ActorRefResolver.get(system);
        lines = Lines.of(classic, settings);
        doorway = new Doorway(lines, settings, serializer, name -> Optional.ofNullable(intakes.get(name)));
        greeter = system.systemActorOf(Greeter.create(this), Greeter.NAME, Props.empty());
    }

    private static MessageSerializer serializer(ExtendedActorSystem system) {
        try {
            return (MessageSerializer) SerializationExtension.get(system).serializerFor(CourierMessage.Greet.class);
        } catch (NotSerializableException e) {
            throw new IllegalStateException("pekko.actor.serialization-bindings lacks Sluice's messages", e);
        }
    }

    /**
     * Starts the courier of a node; once a system, which has the cluster extension.
     *
     * @param listener hears of what was sent in vain by senders that do not listen themselves
     * @throws IllegalArgumentException when {@code sluice.delivery} is not in order
     * @throws IllegalStateException when its port cannot be had
     */
    public static NodeCourier start(ActorSystem<?> system, ActorRef<Undeliverable> listener) {
        return new NodeCourier(system, listener);
    }

    @Override
    public <T> Pressure deliver(ActorRef<T> to, T message) {
        return deliver(to, message, listener);
    }

    private <T> Pressure deliver(ActorRef<T> to, T message, ActorRef<Undeliverable> listener) {
        Address node = to.path().address();
        if (node.hasLocalScope()) {
            to.tell(message);
            return Pressure.NONE;
        }
        WireMessage prepared = serializer.prepare(message);
        String name = name(to);
        if (name.getBytes(StandardCharsets.UTF_8).length > Inbound.MAX_NAME) {
            throw new IllegalArgumentException(
                    "the path of the receiver is longer than " + Inbound.MAX_NAME + " bytes: " + name);
        }
        Parcel parcel = new Parcel(to, prepared, listener);
        AtomicReference<Pressure> pressure = new AtomicReference<>();
        // Offered inside, so that the route is not forgotten between being found and being given the parcel.
        Route route = routes.compute(node, (address, known) -> {
            Route its = known == null ? new Route(address.toString(), settings) : known;
            if (closed) {
                its.close();
            }
            pressure.set(its.offer(name, parcel));
            return its;
        });
        if (route.wantsConnection()) {
            greeter.tell(new Greeter.Reach(node, route));
        }
        return pressure.get();
    }

    /** Forgets the ways to nodes that have left, each of which had an address of its own. */
    void forgetWhoLeft() {
        routes.keySet().forEach(node -> routes.computeIfPresent(node, (same, route) -> route.isOver() ? null : route));
    }

    @Override
    public <T> Behavior<T> intake(Class<T> type, Behavior<T> behavior) {
        return Behaviors.<Object, T>intercept(() -> new Intake<>(type, register), behavior)
                .narrow();
    }

    @Override
    public Courier reportingTo(ActorRef<Undeliverable> other) {
        return new Courier() {
            @Override
            public <T> Pressure deliver(ActorRef<T> to, T message) {
                return NodeCourier.this.deliver(to, message, other);
            }

            @Override
            public <T> Behavior<T> intake(Class<T> type, Behavior<T> behavior) {
                return NodeCourier.this.intake(type, behavior);
            }

            @Override
            public Courier reportingTo(ActorRef<Undeliverable> another) {
                return NodeCourier.this.reportingTo(another);
            }
        };
    }

    /** Bytes of messages of this node that were not acknowledged yet. */
    public long outgoingBytes() {
        return routes.values().stream().mapToLong(Route::held).sum();
    }

    /** Bytes of messages of other nodes that are in mailboxes here, or on their way there. */
    public long incomingBytes() {
        return doorway.bytes();
    }

    /** An actor's path with its node and incarnation: the same text on both sides. */
    private String name(ActorRef<?> actor) {
        return actors.toSerializationFormat(actor);
    }

    DeliverySettings settings() {
        return settings;
    }

    Lines lines() {
        return lines;
    }

    Doorway doorway() {
        return doorway;
    }

    Map<Address, Route> routes() {
        return routes;
    }

    /** The incarnation {@code uid} of {@code node} has left the cluster. */
    void left(Address node, long uid) {
        doorway.left(uid);
        Route route = routes.get(node);
        if (route != null) {
            route.left(uid);
        }
    }

    /** Ends all connections. */
    void close() {
        closed = true;
        Threads.closeQuietly(doorway);
        routes.values().forEach(Route::close);
    }
}
