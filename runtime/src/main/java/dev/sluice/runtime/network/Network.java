package dev.sluice.runtime.network;

import dev.sluice.protocol.Tensor;

/**
 * A velocity network ψ(x_t, t) ≈ E[ε − x_0 | x_t]: teacher, expert and fake score are all one of these.
 *
 * <p>Owned by one thread at a time, which also closes it. Inputs and outputs are host tensors; what lives on the device
 * never leaves the implementation.
 */
public interface Network extends AutoCloseable {
    /** What the network's file says of itself. */
    NetworkCard card();

    /**
     * The velocity, without keeping a graph.
     *
     * @param x float32 [B, …], … the card's sample shape
     * @param t float64 [B], the noise level of every sample
     * @param labels int64 [B], class indices; {@link NetworkCard#nullLabel()} for none
     * @return float32 [B, …]
     */
    Tensor velocity(Tensor x, Tensor t, Tensor labels);

    /** Frees what the device holds. Closing twice is harmless. */
    @Override
    void close();
}
