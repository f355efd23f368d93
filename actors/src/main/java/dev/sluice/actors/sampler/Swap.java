package dev.sluice.actors.sampler;

import dev.sluice.protocol.message.SamplerMessage.SwapExpert;
import dev.sluice.protocol.message.SupervisorMessage;

/**
 * An order to put an expert in charge.
 *
 * @param receivedAt by the sampler's clock, nanoseconds
 */
record Swap(SwapExpert order, long receivedAt) {
    void done(long millis) {
        order.supervisor().tell(new SupervisorMessage.SwapDone(order.phase(), order.expert(), millis));
    }

    void refuse(String reason) {
        order.supervisor().tell(new SupervisorMessage.SwapRefused(order.phase(), order.expert(), reason));
    }
}
