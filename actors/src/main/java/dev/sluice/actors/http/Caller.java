package dev.sluice.actors.http;

import dev.sluice.protocol.message.SamplerMessage;
import org.apache.pekko.actor.typed.ActorRef;

/** What a connection is told about the request that a sampler works on for it. */
interface Caller {
    void begun(ActorRef<SamplerMessage> sampler, String id);

    void ended();
}
