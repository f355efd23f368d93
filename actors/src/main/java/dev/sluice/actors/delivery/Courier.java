package dev.sluice.actors.delivery;

import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;

/**
 * Delivers tensor messages to actors of this node and of others: exactly once, in the order of the calls for each
 * receiving actor, or its sender hears of it. One a node; thread-safe; no call waits.
 */
public interface Courier {
    /** Whether the sender does well to wait before the next message. */
    enum Pressure {
        NONE,
        /** More than half of what may wait for the receiver's node is waiting. */
        HIGH
    }

    /**
     * Hands over {@code message}. In this JVM that is a tell, and nothing is copied. For another node the message waits
     * here until the actor there has handled it; if that does not come about, an {@link Undeliverable} says so.
     *
     * @param to an actor whose behavior was wrapped by its own node's {@link #intake}
     * @throws IllegalArgumentException when it is no message that may leave the JVM
     * @throws dev.sluice.protocol.wire.FrameTooLargeException when it takes more than {@code sluice.wire.max-message}
     * @throws QueueFullException when {@code sluice.delivery.queue} bytes wait for that node: the sender has gone on in
     *     spite of {@link Pressure#HIGH}. The message was not taken
     */
    <T> Pressure deliver(ActorRef<T> to, T message);

    /**
     * Makes an actor one that other nodes can {@link #deliver} to: {@code behavior} itself, but that every delivery is
     * acknowledged when it has been handled. What comes by tell is untouched.
     *
     * @param type that deliveries must have
     */
    <T> Behavior<T> intake(Class<T> type, Behavior<T> behavior);

    /** The same courier, for a sender that wants to hear itself of what it sent in vain. */
    Courier reportingTo(ActorRef<Undeliverable> listener);

    /** For a process that is alone: every delivery is a tell. */
    static Courier inThisJvm() {
        return new Courier() {
            @Override
            public <T> Pressure deliver(ActorRef<T> to, T message) {
                to.tell(message);
                return Pressure.NONE;
            }

            @Override
            public <T> Behavior<T> intake(Class<T> type, Behavior<T> behavior) {
                return behavior;
            }

            @Override
            public Courier reportingTo(ActorRef<Undeliverable> listener) {
                return this;
            }
        };
    }
}
