package dev.sluice.actors.delivery;

import dev.sluice.protocol.wire.WireMessage;
import org.apache.pekko.actor.typed.ActorRef;

/** A message for an actor of another node, and who is to hear when it does not get there. */
record Parcel(ActorRef<?> receiver, WireMessage message, ActorRef<Undeliverable> listener) {
    void undeliverable(String cause) {
        listener.tell(new Undeliverable(receiver, message.name(), cause));
    }
}
