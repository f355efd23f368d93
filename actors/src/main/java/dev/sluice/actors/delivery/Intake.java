package dev.sluice.actors.delivery;

import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.BehaviorInterceptor;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.Signal;
import org.apache.pekko.actor.typed.TypedActorContext;

/**
 * Where an actor takes deliveries: says when each has been handled, and when the actor has ended.
 *
 * <p>When the handler throws, nothing is said: the actor's end says it, or, when its supervision starts it again in place,
 * the next delivery does, as after any message that such an actor fails on.
 */
class Intake<T> extends BehaviorInterceptor<Object, T> {
    /** A message that came from another node, in the actor's mailbox. */
    private record Delivery(Object message, Runnable handled) {}

    /** Knows the intakes of a node by their actors. */
    interface Register {
        void open(ActorRef<?> actor, Intake<?> intake);

        void close(ActorRef<?> actor);
    }

    private final Class<T> type;
    private final Register register;
    private volatile ActorRef<Object> self;

    Intake(Class<T> type, Register register) {
        super(Object.class);
        this.type = type;
        this.register = register;
    }

    /** @throws IllegalArgumentException when the actor does not understand {@code message} */
    void requireUnderstood(Object message) {
        if (!type.isInstance(message)) {
            throw new IllegalArgumentException("the actor takes " + type.getSimpleName() + ", not "
                    + message.getClass().getName());
        }
    }

    /** Puts {@code message}, which it understands, into the actor's mailbox; {@code handled} runs in the actor. */
    void give(Object message, Runnable handled) {
        self.tell(new Delivery(message, handled));
    }

    @Override
    public Behavior<T> aroundStart(TypedActorContext<Object> context, PreStartTarget<T> target) {
        self = context.asJava().getSelf();
        register.open(self, this);
        return target.start(context);
    }

    @Override
    @SuppressWarnings("unchecked") // whoever has the actor's reference tells it what it understands
    public Behavior<T> aroundReceive(TypedActorContext<Object> context, Object message, ReceiveTarget<T> target) {
        if (message instanceof Delivery delivery) {
            Behavior<T> next = target.apply(context, type.cast(delivery.message()));
            delivery.handled().run();
            return next;
        }
        return target.apply(context, (T) message);
    }

    @Override
    public Behavior<T> aroundSignal(TypedActorContext<Object> context, Signal signal, SignalTarget<T> target) {
        if (signal instanceof PostStop) {
            register.close(context.asJava().getSelf());
        }
        return target.apply(context, signal);
    }
}
