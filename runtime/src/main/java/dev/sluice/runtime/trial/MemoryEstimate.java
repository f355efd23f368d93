package dev.sluice.runtime.trial;

import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Role;
import dev.sluice.runtime.network.Guidance;
import dev.sluice.runtime.network.TrialReport;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What an experiment will need of memory, from what the trial of its teacher measured. An estimate, right to a factor of
 * two or so, that tells an experiment that fits from one that would take the machine.
 *
 * @param roles bytes that the engine takes in each role, on its device
 * @param heap bytes of tensors on Java's heap, of all roles together
 */
public record MemoryEstimate(Map<Role, Long> roles, long heap) {
    /** Weights, gradient, both moments, the average, and what an optimizer step takes beside them. */
    private static final int TRAINED = 6;
    /** The expert is published through a copy of the module, and that through its bytes. */
    private static final int PUBLISHED = 2;
    /** A checkpoint copies weights, average and both moments to the heap, in the generator and in the critic. */
    private static final int CHECKPOINT = 2 * 4;
    /** Sample-sized tensors of one batch that the roles, and messages on their way, hold at once. */
    private static final int HELD = 24;
    /** Of each sample of a grid: the answer, the sheet's copy, its message, its pixels. */
    private static final int DRAWN = 4;
    /** In a scored batch: x_s, x_0, x_t and the velocity. */
    private static final int SCORED = 4;

    /** Labels and times of a row, and a message's own part. */
    private static final int ROW = 16;

    private static final int ENVELOPE = 4096;

    /**
     * What decides it.
     *
     * @param network as measured; of two experts, the larger
     * @param networks that the teacher is made of: 1 or 2
     * @param sampleSize elements of a sample
     * @param servedBatch samples that the sampler computes at once
     * @param gridSamples samples drawn after every phase
     */
    public record Experiment(
            TrialReport network,
            int networks,
            long sampleSize,
            PhasePlan plan,
            Recipe recipe,
            int servedBatch,
            int gridSamples) {}

    public MemoryEstimate {
        roles = Collections.unmodifiableMap(new EnumMap<>(roles));
    }

    public static MemoryEstimate of(Experiment experiment) {
        Recipe recipe = experiment.recipe();
        long parameters = experiment.network().parameterBytes();
        long all = experiment.networks() * parameters;
        long batch = recipe.batch();
        long graph = batch * Math.max(experiment.network().trainingBytes(), least(experiment));
        long evaluation = Math.max(experiment.network().evaluationBytes(), least(experiment));
        int phases = experiment.plan().phaseCount();
        long ahead = recipe.staleness() + 1L;
        int guided = Guidance.evaluations(recipe.guidance());
        Map<Role, Long> roles = new EnumMap<>(Role.class);
        roles.put(
                Role.GENERATOR,
                (TRAINED + PUBLISHED + phases - 1) * parameters
                        + ahead * graphs(experiment) * graph
                        + batch * evaluation);
        roles.put(Role.CRITIC, TRAINED * all + graph);
        roles.put(Role.TEACHER, all + guided * batch * evaluation);
        roles.put(Role.SAMPLER, all + phases * parameters + guided * experiment.servedBatch() * evaluation);
        long sample = Float.BYTES * experiment.sampleSize();
        long tensors = HELD + ahead * recipe.criticUpdates();
        long heap = CHECKPOINT * all + tensors * batch * sample + DRAWN * (long) experiment.gridSamples() * sample;
        return new MemoryEstimate(roles, heap);
    }

    /** Where the system did not tell: a few of a sample's own size. */
    private static long least(Experiment experiment) {
        return 8L * Float.BYTES * experiment.sampleSize();
    }

    /** Evaluations of the generator whose graphs are kept together. */
    private static int graphs(Experiment experiment) {
        return experiment.recipe().rollout() == Recipe.Rollout.FULL
                ? experiment.plan().phases().stream()
                        .mapToInt(PhasePlan.Phase::steps)
                        .max()
                        .orElse(1)
                : 1;
    }

    /** Bytes of the largest message between the roles, the scored batch. */
    public static long largestMessage(int batch, long sampleSize) {
        return batch * (SCORED * Float.BYTES * sampleSize + ROW) + ENVELOPE;
    }

    /** The largest batch whose messages are no longer than {@code bytes}; 0 where not even one sample is. */
    public static long largestBatch(long bytes, long sampleSize) {
        return Math.max(0, (bytes - ENVELOPE) / (SCORED * Float.BYTES * sampleSize + ROW));
    }

    /** All roles and the heap, for a process that plays all. */
    public long total() {
        return heap + roles.values().stream().mapToLong(Long::longValue).sum();
    }

    /** Such as {@code about 34 GiB (generator 12 GiB, critic 14 GiB, teacher 5 GiB, sampler 1 GiB, tensors in Java 2 GiB)}. */
    @Override
    public String toString() {
        return "about " + Bytes.text(total()) + " ("
                + roles.entrySet().stream()
                        .map(role -> role.getKey().key() + " " + Bytes.text(role.getValue()))
                        .collect(Collectors.joining(", "))
                + ", tensors in Java " + Bytes.text(heap) + ")";
    }
}
