package dev.sluice.runtime.network;

import dev.sluice.protocol.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** A network with gradients, its optimizer and an exponential moving average of its weights. */
public interface TrainableNetwork extends Network {
    /** An evaluation whose graph is kept for one vector-Jacobian product. Dies when the weights are stepped. */
    interface Pass extends AutoCloseable {
        /** The velocity, float32 [B, …]. */
        Tensor velocity();

        /**
         * Adds gradientᵀ·∂velocity/∂weights to the weights' gradients and frees the graph.
         *
         * @param gradient of the loss with respect to {@link #velocity()}, of its shape
         * @return gradientᵀ·∂velocity/∂x, float32 [B, …]: what goes on to the step before
         */
        Tensor backward(Tensor gradient);

        /** Frees the graph, used or not. */
        @Override
        void close();
    }

    /** {@link #velocity}, keeping the graph. */
    Pass forward(Tensor x, Tensor t, Tensor labels);

    /**
     * One optimizer step at the rate {@code learningRate} with the gradients gathered so far, then the average moves and
     * the gradients are cleared. When the gradients' norm is not finite nothing moves but the gradients are cleared.
     *
     * @return the gradients' global L2 norm before clipping
     */
    double step(double learningRate);

    /** Clears the gradients gathered so far. */
    void discardGradients();

    /** Writes the averaged weights as a network file, atomically. */
    void writeAverage(Path file, NetworkCard card) throws IOException;

    /** The weights as they are trained, by name, copied. */
    Map<String, Tensor> weights();

    /** The averaged weights, by name, copied. */
    Map<String, Tensor> average();

    /** Everything that training goes on from, copied. */
    TrainingState state();

    /**
     * Takes a state back. Gradients and graphs from before it are worthless.
     *
     * @throws IllegalArgumentException when its tensors are not this network's by name and shape; nothing has moved then
     */
    void restore(TrainingState state);
}
