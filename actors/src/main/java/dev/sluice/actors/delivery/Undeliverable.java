package dev.sluice.actors.delivery;

import org.apache.pekko.actor.typed.ActorRef;

/**
 * A message that was handed over for {@code receiver} was not acknowledged and will not be sent again. When the receiver's
 * node went away at the wrong moment it may have been handled all the same.
 *
 * @param kind of message, such as {@code CriticMessage.Samples}
 * @param cause for people
 */
public record Undeliverable(ActorRef<?> receiver, String kind, String cause) {}
