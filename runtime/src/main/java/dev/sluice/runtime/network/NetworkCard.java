package dev.sluice.runtime.network;

import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.objective.Prediction;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a network file says of itself, so that nobody can sample it with the wrong timesteps.
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
    /** Elements of a sample: what makes a gibibyte. */
    private static final int LARGEST = 1 << 28;

    private static final int MOST_CLASSES = 100_000;
    private static final int MOST = 1_000;

    /** @throws IllegalArgumentException naming the key that no network can have */
    public NetworkCard {
        require(schedule != null, "schedule is not given");
        requireShape(sampleShape);
        sampleShape = List.copyOf(sampleShape);
        requireNames(classNames);
        classNames = List.copyOf(classNames);
        require(phase >= 0 && phase <= MOST, "phase is " + phase + "; it counts from 1, and a teacher's is 0");
        requireTimes(timesteps);
        timesteps = List.copyOf(timesteps);
        require(provenance != null, "provenance is not given; {} will do");
        for (Map.Entry<String, String> entry : provenance.entrySet()) {
            require(entry.getKey() != null && entry.getValue() != null, "provenance has a null; its values are texts");
        }
        provenance = Map.copyOf(provenance);
        prediction = prediction == null ? Prediction.VELOCITY : prediction;
    }

    private static void requireShape(List<Integer> shape) {
        require(
                shape != null && !shape.isEmpty() && shape.size() <= Tensor.MAX_RANK - 1,
                "sampleShape must have 1 to " + (Tensor.MAX_RANK - 1)
                        + " axes, without the batch, such as [1, 28, 28]");
        long size = 1;
        for (Integer axis : shape) {
            require(axis != null && axis >= 1, "sampleShape is " + shape + "; every axis is at least 1");
            size *= axis;
            require(size <= LARGEST, "sampleShape is " + shape + "; a sample has at most " + LARGEST + " elements");
        }
    }

    private static void requireNames(List<String> names) {
        require(names != null && names.size() <= MOST_CLASSES, "classNames must be a list of at most " + MOST_CLASSES);
        Set<String> seen = new HashSet<>();
        for (String name : names) {
            require(name != null && !name.isBlank(), "classNames has a name that is null or empty");
            require(name.length() <= MOST, "classNames has a name of " + name.length() + " characters");
            require(
                    seen.add(name),
                    "classNames has " + ModuleArchive.quoted(name) + " twice; prompts go by these names");
        }
    }

    private static void requireTimes(List<Double> times) {
        require(times != null && times.size() <= MOST, "timesteps must be a list of at most " + MOST + " numbers");
        double before = Double.POSITIVE_INFINITY;
        for (Double t : times) {
            // Written so that NaN is refused too.
            require(
                    t != null && t >= 0 && t <= 1 && t < before,
                    "timesteps must fall from at most 1 to at least 0, not be "
                            + ModuleArchive.quoted(times.toString()));
            before = t;
        }
    }

    private static void require(boolean holds, String problem) {
        if (!holds) {
            throw new IllegalArgumentException(problem);
        }
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
