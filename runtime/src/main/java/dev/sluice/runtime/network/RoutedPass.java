package dev.sluice.runtime.network;

import dev.sluice.protocol.Tensor;

/** A batch's way through two experts, with the graph of each. */
final class RoutedPass implements TrainableNetwork.Pass {
    private final Routing routing;
    private final TrainableNetwork.Pass high;
    private final TrainableNetwork.Pass low;

    private RoutedPass(Routing routing, TrainableNetwork.Pass high, TrainableNetwork.Pass low) {
        this.routing = routing;
        this.high = high;
        this.low = low;
    }

    static RoutedPass forward(
            TwoExperts experts,
            Routing.Evaluation<TrainableNetwork.Pass> high,
            Routing.Evaluation<TrainableNetwork.Pass> low,
            Tensor x,
            Tensor t,
            Tensor labels) {
        Routing routing = Routing.of(experts, t);
        TrainableNetwork.Pass ofHigh = routing.high(high, x, t, labels);
        try {
            return new RoutedPass(routing, ofHigh, routing.low(low, x, t, labels));
        } catch (RuntimeException e) {
            close(ofHigh);
            throw e;
        }
    }

    @Override
    public Tensor velocity() {
        return routing.merge(high == null ? null : high.velocity(), low == null ? null : low.velocity());
    }

    @Override
    public Tensor backward(Tensor gradient) {
        try (this) {
            return routing.merge(
                    high == null ? null : high.backward(routing.ofHigh(gradient)),
                    low == null ? null : low.backward(routing.ofLow(gradient)));
        }
    }

    @Override
    public void close() {
        close(high);
        close(low);
    }

    private static void close(TrainableNetwork.Pass pass) {
        if (pass != null) {
            pass.close();
        }
    }
}
