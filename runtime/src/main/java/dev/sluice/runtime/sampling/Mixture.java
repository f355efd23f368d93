package dev.sluice.runtime.sampling;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.Network;
import dev.sluice.runtime.network.Networks;
import dev.sluice.runtime.rollout.Solver;
import dev.sluice.runtime.schedule.NoiseSchedule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A {@link MixturePlan} with its networks open: what serves at one moment. Its steps are those of the training rollout,
 * by the same {@link Solver}.
 *
 * <p>Belongs to the thread that opened the networks, which also closes it.
 */
public final class Mixture implements AutoCloseable {
    /** One network evaluation and where the solver goes with it. */
    record Step(Network network, double guidance, double t, Solver solver) {}

    private final MixturePlan plan;
    private final Map<ExpertRef, Network> networks;
    private final List<Step> steps = new ArrayList<>();

    /** Takes the networks over: one, already checked, for each that the plan puts in charge. */
    Mixture(MixturePlan plan, Map<ExpertRef, Network> networks) {
        this.plan = plan;
        this.networks = new LinkedHashMap<>(networks);
        NoiseSchedule schedule = NoiseSchedule.of(plan.schedule());
        for (MixturePlan.Part part : plan.parts()) {
            Network network = networks.get(part.network());
            List<Double> times = part.timesteps();
            for (int i = 0; i < part.steps(); i++) {
                Solver solver = Solver.step(schedule, times.get(i), times.get(i + 1));
                steps.add(new Step(network, part.guidance(), times.get(i), solver));
            }
        }
    }

    /**
     * Opens and checks the networks of {@code plan}; nothing stays open when one of them is refused.
     *
     * @throws dev.sluice.runtime.network.NetworkFileException for a file that cannot be used
     * @throws IllegalArgumentException for a network that does not fit the plan
     */
    public static Mixture open(MixturePlan plan, Networks networks) {
        Preparation preparation = new Preparation(plan, networks, null, List.of());
        try {
            while (!preparation.done()) {
                preparation.advance();
            }
            return preparation.finish();
        } catch (RuntimeException | Error e) {
            preparation.close();
            throw e;
        }
    }

    /** What is served. */
    public MixturePlan plan() {
        return plan;
    }

    /**
     * A walk of one batch from noise to samples, not yet begun. A row depends on its seed, its label and the networks
     * alone, not on its neighbours; where kernels differ by batch size, the last bits differ with it (docs/serving.md).
     *
     * @param seeds one a sample
     * @param labels of the same length, class indices or −1 for no class
     * @param padTo rows that the networks see, the last one repeated; at least the number of seeds
     */
    public Walk walk(long[] seeds, long[] labels, int padTo) {
        return new Walk(plan.card(), steps, seeds, labels, padTo);
    }

    /**
     * Samples for all {@code seeds}, {@code batch} at a time, for those who can wait for them.
     *
     * @param labels of the seeds' length, class indices or −1 for no class
     * @return float32 [n, …] in the order of the seeds
     */
    public Tensor sample(long[] seeds, long[] labels, int batch) {
        int rows = Math.min(batch, seeds.length);
        int size = plan.card().sampleShape().stream().reduce(1, Math::multiplyExact);
        float[] all = new float[Math.multiplyExact(seeds.length, size)];
        for (int from = 0; from < seeds.length; from += rows) {
            int to = Math.min(from + rows, seeds.length);
            Walk walk = walk(Arrays.copyOfRange(seeds, from, to), Arrays.copyOfRange(labels, from, to), rows);
            while (!walk.done()) {
                walk.advance();
            }
            System.arraycopy(walk.samples().toFloats(), 0, all, from * size, (to - from) * size);
        }
        return Tensor.owning(all, Walk.batchShape(plan.card(), seeds.length));
    }

    /** The open network of {@code ref}, or null. */
    Network network(ExpertRef ref) {
        return networks.get(ref);
    }

    /** Ends this mixture when {@code successor} serves in its place: closes the networks that it did not take over. */
    public void retireFor(Mixture successor) {
        Set<Network> kept = Set.copyOf(successor.networks.values());
        List<Network> ending =
                networks.values().stream().filter(n -> !kept.contains(n)).toList();
        networks.clear();
        closeAll(ending);
    }

    @Override
    public void close() {
        List<Network> ending = List.copyOf(networks.values());
        networks.clear();
        closeAll(ending);
    }

    /** Closes all of them, whatever one of them throws, and then throws that. */
    static void closeAll(Collection<Network> networks) {
        RuntimeException failure = null;
        for (Network network : networks) {
            try {
                network.close();
            } catch (RuntimeException e) {
                if (failure == null) {
                    failure = e;
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
