package dev.sluice.runtime.network;

import dev.sluice.protocol.Tensor;

/** Two frozen networks as one: every row of a batch is answered by the expert of its time. Owns both. */
class TwoExpertNetwork implements Network {
    private final NetworkCard card;
    private final TwoExperts experts;
    private final Network high;
    private final Network low;

    TwoExpertNetwork(NetworkCard card, TwoExperts experts, Network high, Network low) {
        this.card = card;
        this.experts = experts;
        this.high = high;
        this.low = low;
    }

    @Override
    public final NetworkCard card() {
        return card;
    }

    @Override
    public final Tensor velocity(Tensor x, Tensor t, Tensor labels) {
        Routing routing = Routing.of(experts, t);
        return routing.merge(routing.high(high::velocity, x, t, labels), routing.low(low::velocity, x, t, labels));
    }

    @Override
    public void close() {
        try {
            high.close();
        } finally {
            low.close();
        }
    }
}
