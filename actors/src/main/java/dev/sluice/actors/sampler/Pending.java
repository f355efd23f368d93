package dev.sluice.actors.sampler;

import dev.sluice.protocol.message.GenerationReply;
import dev.sluice.protocol.message.GenerationReply.Reason;
import dev.sluice.protocol.message.SamplerMessage.Generate;

/**
 * A request that was admitted.
 *
 * @param arrivedAt by the sampler's clock, nanoseconds
 */
record Pending(Generate request, long arrivedAt) {
    String id() {
        return request.id();
    }

    int samples() {
        return request.seeds().size();
    }

    void refuse(Reason reason, String message) {
        request.replyTo().tell(new GenerationReply.Refused(id(), reason, message));
    }
}
