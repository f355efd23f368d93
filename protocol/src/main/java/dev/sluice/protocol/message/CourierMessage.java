package dev.sluice.protocol.message;

import org.apache.pekko.actor.typed.ActorRef;

/** What a node's courier understands: how two of them come to a connection. Tensors go over that connection. */
public sealed interface CourierMessage {
    /**
     * Say where to connect, with {@link Welcome}.
     *
     * @param uid of the asking node's actor system: another one at the same address is a new incarnation
     */
    record Greet(long uid, ActorRef<CourierMessage> replyTo) implements CourierMessage {}

    /**
     * Connect to {@code port} of the address that was greeted.
     *
     * @param uid of the answering node's actor system
     * @param tokenHigh of 128 random bits with {@code tokenLow}; good for one connection of the node that asked
     */
    record Welcome(long uid, int port, long tokenHigh, long tokenLow) implements CourierMessage {}

    /** Never leaves the JVM. */
    non-sealed interface Local extends CourierMessage {}
}
