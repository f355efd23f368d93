package dev.sluice.actors.fake;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.delivery.QueueFullException;
import dev.sluice.actors.delivery.Undeliverable;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;

/** Has no room for messages of one type and delivers all others. */
public final class FullCourier implements Courier {
    private final Class<?> refused;

    public FullCourier(Class<?> refused) {
        this.refused = refused;
    }

    @Override
    public <T> Pressure deliver(ActorRef<T> to, T message) {
        if (refused.isInstance(message)) {
            throw new QueueFullException("the queue is full");
        }
        return Courier.inThisJvm().deliver(to, message);
    }

    @Override
    public <T> Behavior<T> intake(Class<T> type, Behavior<T> behavior) {
        return behavior;
    }

    @Override
    public Courier reportingTo(ActorRef<Undeliverable> listener) {
        return this;
    }
}
