package dev.sluice.runtime.sampling;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.EngineErrors;
import dev.sluice.runtime.network.Guidance;
import dev.sluice.runtime.network.Network;
import dev.sluice.runtime.network.Networks;
import dev.sluice.runtime.noise.Noise;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Makes the next mixture ready beside the one that serves, in bounded pieces: each network that is not
 * open yet is opened (which checks its SHA-256) and run once on noise at every batch size that it will serve, which both
 * warms it and shows whether its output is finite; every network's card is held against the plan. Once is enough: nothing is
 * compiled or specialised on later calls (docs/engine.md).
 *
 * <p>Belongs to one thread. Until {@link #finish} it owns the networks that it opened; close it when a piece throws.
 */
public final class Preparation implements AutoCloseable {
    private record Piece(boolean evaluates, Runnable work) {}

    /** Tensors of a batch's size that are there at once in a solver step, at the least. */
    private static final int TENSORS_OF_A_STEP = 4;

    private final MixturePlan plan;
    private final Networks networks;
    private final List<Integer> batchSizes;
    private final Map<ExpertRef, Network> taken = new LinkedHashMap<>();
    private final Map<ExpertRef, Network> opened = new LinkedHashMap<>();
    private final Deque<Piece> pieces = new ArrayDeque<>();

    /**
     * @param serving whose open networks are taken over where the plan has them too; null when nothing serves
     * @param batchSizes to warm on; none to leave that and the look at the output away
     */
    public Preparation(MixturePlan plan, Networks networks, Mixture serving, List<Integer> batchSizes) {
        this.plan = plan;
        this.networks = networks;
        this.batchSizes = List.copyOf(batchSizes);
        for (MixturePlan.Part part : plan.parts()) {
            Network open = serving == null ? null : serving.network(part.network());
            if (open != null) {
                taken.put(part.network(), open);
            }
            pieces.add(new Piece(false, () -> open(part)));
        }
    }

    /** Before anything is allocated: what cannot fit is refused and not tried. */
    private void requireRoomForABatch() {
        int rows = batchSizes.stream().mapToInt(Integer::intValue).max().orElse(1);
        double values =
                rows * plan.card().sampleShape().stream().reduce(1.0, (all, side) -> all * side, (a, b) -> a * b);
        double bytes = TENSORS_OF_A_STEP * Float.BYTES * values;
        long heap = Runtime.getRuntime().maxMemory();
        if (values > Integer.MAX_VALUE || bytes > heap) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "a batch of %d samples of %s takes %.1f GiB at the least, and this process has a heap of %.1f GiB; make"
                            + " serving.batch-sizes smaller or the heap larger (SLUICE_HEAP)",
                    rows,
                    plan.card().sampleShape(),
                    bytes / (1 << 30),
                    (double) heap / (1 << 30)));
        }
    }

    /** Whether the next piece is an evaluation, which takes about as long as one for a request does, and not an opening. */
    public boolean evaluatesNext() {
        return !pieces.isEmpty() && pieces.peek().evaluates();
    }

    /** What is being made ready. */
    public MixturePlan plan() {
        return plan;
    }

    /** Whether nothing is left but to {@link #finish}. */
    public boolean done() {
        return pieces.isEmpty();
    }

    /**
     * Does the next piece: opens one network, or evaluates one once.
     *
     * @throws dev.sluice.runtime.network.NetworkFileException for a file that cannot be used
     * @throws IllegalArgumentException for a network that does not fit the plan, or whose output is no velocity
     */
    public void advance() {
        pieces.remove().work().run();
    }

    private void open(MixturePlan.Part part) {
        requireRoomForABatch();
        Network network = taken.getOrDefault(part.network(), opened.get(part.network()));
        if (network == null) {
            network = networks.open(part.network());
            opened.put(part.network(), network);
            List<Piece> warming = warming(part);
            for (int i = warming.size() - 1; i >= 0; i--) {
                pieces.addFirst(warming.get(i));
            }
        }
        plan.check(part, network.card());
    }

    /** Every size once, at one of the part's times after the other. */
    private List<Piece> warming(MixturePlan.Part part) {
        List<Piece> warming = new ArrayList<>();
        for (List<Double> times : timesOfEachModule(part)) {
            for (int i = 0; i < batchSizes.size(); i++) {
                int size = batchSizes.get(i);
                double t = times.get(i % times.size());
                warming.add(new Piece(true, () -> warm(part, size, t)));
            }
        }
        return warming;
    }

    /** The times at which the part is evaluated; where it has two experts, those of each. */
    private List<List<Double>> timesOfEachModule(MixturePlan.Part part) {
        List<Double> times = part.timesteps().subList(0, part.steps());
        return networks.expertsOf(part.network())
                .map(experts ->
                        times.stream().collect(Collectors.partitioningBy(experts::isHighNoise)).values().stream()
                                .filter(side -> !side.isEmpty())
                                .toList())
                .orElse(List.of(times));
    }

    private void warm(MixturePlan.Part part, int batch, double t) {
        Network network = opened.get(part.network());
        long[] shape = Walk.batchShape(plan.card(), batch);
        double[] times = new double[batch];
        Arrays.fill(times, t);
        long[] labels = new long[batch];
        Arrays.fill(labels, network.card().nullLabel());
        Tensor velocity;
        try {
            velocity = Guidance.velocity(
                    network,
                    part.guidance(),
                    new Noise(0, 0).gaussian(Noise.Purpose.SERVING, 0, shape),
                    Tensor.of(times, batch),
                    Tensor.of(labels, batch));
        } catch (RuntimeException e) {
            throw new IllegalArgumentException(
                    part.network().version() + " (" + part.network().path() + ") cannot be evaluated on a batch of "
                            + batch
                            + " at t = " + t
                            + (network.card().classNames().isEmpty()
                                    ? ""
                                    : " without a class (label "
                                            + network.card().nullLabel() + ")")
                            + ": " + EngineErrors.cause(e),
                    e);
        }
        if (!Arrays.equals(velocity.shape(), shape) || !velocity.isFinite()) {
            String problem = velocity.isFinite() ? "the shape " + velocity : "values that are not finite";
            throw new IllegalArgumentException(part.network().version() + " ("
                    + part.network().path() + ") answers noise at t = " + t + " with " + problem
                    + "; it was not put in charge");
        }
    }

    /** The mixture, which takes all networks over: those opened here and those of the mixture that served. */
    public Mixture finish() {
        if (!done()) {
            throw new IllegalStateException(pieces.size() + " pieces are left to do");
        }
        Map<ExpertRef, Network> all = new LinkedHashMap<>(taken);
        all.putAll(opened);
        opened.clear();
        return new Mixture(plan, all);
    }

    /** Closes what was opened here and not handed on. */
    @Override
    public void close() {
        pieces.clear();
        List<Network> ending = List.copyOf(opened.values());
        opened.clear();
        Mixture.closeAll(ending);
    }
}
