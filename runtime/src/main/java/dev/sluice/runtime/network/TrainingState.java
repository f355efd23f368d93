package dev.sluice.runtime.network;

import dev.sluice.protocol.Tensor;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * All that a {@link TrainableNetwork} goes on from, on the host: a network that takes it back trains on as if it had
 * never stopped, bit for bit.
 *
 * @param steps optimizer steps that moved the weights
 * @param weights as they are trained, by name
 * @param average of the weights, by name
 * @param firstMoment of the gradients, by the weight's name
 * @param secondMoment of the gradients, by the weight's name
 */
public record TrainingState(
        long steps,
        Map<String, Tensor> weights,
        Map<String, Tensor> average,
        Map<String, Tensor> firstMoment,
        Map<String, Tensor> secondMoment) {
    public TrainingState {
        weights = ordered(weights);
        average = ordered(average);
        firstMoment = ordered(firstMoment);
        secondMoment = ordered(secondMoment);
    }

    private static Map<String, Tensor> ordered(Map<String, Tensor> tensors) {
        return Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
    }
}
