package dev.sluice.runtime.network;

import dev.sluice.protocol.Recipe;
import dev.sluice.runtime.objective.Prediction;
import java.util.List;
import java.util.Map;

/**
 * What a network file says of itself, so that nobody can sample it with the wrong timesteps (algorithm.md, "Phases").
 *
 * @param sampleShape of one sample, without the batch
 * @param classNames empty for an unconditional network
 * @param schedule the forward process it was trained on
 * @param phase that the network is the expert of, counted from 1; 0 for a teacher
 * @param timesteps of its phase from start to boundary; empty for a teacher
 * @param provenance free text by key: command, seed, data, teacher's SHA-256 …
 * @param prediction what the module in the file returns; absent in a file, and null here, mean the velocity
 */
public record NetworkCard(
        List<Integer> sampleShape,
        List<String> classNames,
        Recipe.Schedule schedule,
        int phase,
        List<Double> timesteps,
        Map<String, String> provenance,
        Prediction prediction) {
    public NetworkCard {
        sampleShape = List.copyOf(sampleShape);
        classNames = List.copyOf(classNames);
        timesteps = List.copyOf(timesteps);
        provenance = Map.copyOf(provenance);
        prediction = prediction == null ? Prediction.VELOCITY : prediction;
    }

    /** The card of a network that returns the velocity. */
    public NetworkCard(
            List<Integer> sampleShape,
            List<String> classNames,
            Recipe.Schedule schedule,
            int phase,
            List<Double> timesteps,
            Map<String, String> provenance) {
        this(sampleShape, classNames, schedule, phase, timesteps, provenance, Prediction.VELOCITY);
    }

    /** The label that means "no class": one past the last class. */
    public int nullLabel() {
        return classNames.size();
    }

    /** Elements of one sample. */
    public int sampleSize() {
        return sampleShape.stream().reduce(1, Math::multiplyExact);
    }

    /** The shape of {@code batch} samples. */
    public long[] batchShape(int batch) {
        long[] shape = new long[sampleShape.size() + 1];
        shape[0] = batch;
        for (int i = 0; i < sampleShape.size(); i++) {
            shape[i + 1] = sampleShape.get(i);
        }
        return shape;
    }

    /** The card of the expert that starts from this teacher. */
    public NetworkCard ofExpert(int phase, List<Double> timesteps, Map<String, String> provenance) {
        return new NetworkCard(sampleShape, classNames, schedule, phase, timesteps, provenance, prediction);
    }
}
