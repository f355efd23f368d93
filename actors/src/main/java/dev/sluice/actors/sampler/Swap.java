package dev.sluice.actors.sampler;

import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SamplerMessage.SwapExpert;
import dev.sluice.protocol.message.SupervisorMessage;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * An order to put an expert in charge.
 *
 * @param receivedAt by the sampler's clock, nanoseconds
 * @param sampler that was told it
 */
record Swap(SwapExpert order, long receivedAt, ActorRef<SamplerMessage> sampler) {
    void done(long millis) {
        order.supervisor().tell(new SupervisorMessage.SwapDone(order.phase(), order.expert(), millis, sampler));
    }

    void refuse(String reason) {
        order.supervisor().tell(new SupervisorMessage.SwapRefused(order.phase(), order.expert(), reason, sampler));
    }
}
