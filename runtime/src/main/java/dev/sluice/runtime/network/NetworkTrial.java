package dev.sluice.runtime.network;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDManager;
import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.TrialReport.Part;
import dev.sluice.runtime.noise.Noise;
import java.util.Arrays;
import java.util.stream.LongStream;

/**
 * Uses a network file in every way that a run will: evaluates samples alone and together, for every class and for none, and
 * trains one step. So what is wrong with it is one sentence before the run, not a failure in the middle of it.
 *
 * <p>A network file is a program. It may abort the process, take all its memory or never return, so run this in a process
 * that nothing else depends on.
 */
public final class NetworkTrial {
    private static final int BATCH = 4;
    private static final int MOST_SAMPLES = 16;
    private static final int MOST_LABELS = 64;
    /** Where one sample's memory stands out enough, or a larger batch would take too long. */
    private static final long CLEAR_BYTES = 96L << 20;

    private static final long SLOW_NANOS = 1_000_000_000L;
    /** Two answers to one question, and one sample's beside others, where kernels may add in another order. */
    private static final double SAME = 1e-5;

    private static final double SAME_BESIDE_OTHERS = 0.02;
    /** Answers below this are as good as nothing. */
    private static final double LEAST_SCALE = 1e-3;

    /** Hears how the trial goes on. */
    public interface Listener {
        /** What is done next, such as {@code evaluating 4 samples}. */
        void doing(Part part, String what);

        /** What is known by now; a part that is not over has no problem yet. */
        void found(TrialReport report);
    }

    private static final class Refused extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Refused(String problem) {
            super(problem);
        }
    }

    private final TorchNetworks networks;
    private final ExpertRef ref;
    private final double[] times;
    private final Listener listener;
    private Part part = Part.EVALUATION;
    private String what = "";
    private TrialReport report = TrialReport.NOTHING_YET;

    private NetworkTrial(TorchNetworks networks, ExpertRef ref, double earliest, double latest, Listener listener) {
        this.networks = networks;
        this.ref = ref;
        this.listener = listener;
        double length = latest - earliest;
        times = new double[] {latest, earliest + 0.7 * length, earliest + 0.3 * length, earliest + 0.02 * length};
    }

    /**
     * Tries one network file, not one that names two.
     *
     * @param earliest the smallest t that it will be asked at, and {@code latest} the largest
     */
    public static void run(TorchNetworks networks, ExpertRef ref, double earliest, double latest, Listener listener) {
        NetworkTrial trial = new NetworkTrial(networks, ref, earliest, latest, listener);
        trial.part(Part.EVALUATION, trial::evaluation);
        if (trial.report.evaluation().isEmpty()) {
            trial.part(Part.WITHOUT_CLASS, trial::withoutClass);
            trial.part(Part.TRAINING, trial::training);
        }
    }

    private void part(Part now, Runnable tried) {
        part = now;
        try {
            tried.run();
        } catch (Refused e) {
            report = report.with(part, e.getMessage());
        } catch (NetworkFileException e) {
            String file = ref.path() + ": ";
            String problem = e.getMessage();
            report = report.with(part, problem.startsWith(file) ? problem.substring(file.length()) : problem);
        } catch (RuntimeException e) {
            report = report.with(part, what + " fails: " + EngineErrors.cause(e));
        } catch (OutOfMemoryError e) {
            report = report.with(part, what + " takes more memory than a trial may: " + e.getMessage());
        }
        listener.found(report);
    }

    private void doing(String next) {
        what = next;
        listener.doing(part, next);
    }

    private void evaluation() {
        doing("opening it");
        Tensor x;
        Tensor alone;
        try (TorchNetwork network = (TorchNetwork) networks.open(ref)) {
            x = new Noise(0, 0)
                    .gaussian(Noise.Purpose.SERVING, 0, network.card().batchShape(MOST_SAMPLES));
            Tensor labels = someLabels(network.card(), BATCH);
            Tensor together = answer(network, x.rows(0, BATCH), labels);
            doing("evaluating " + BATCH + " samples again");
            requireEqual(
                    together,
                    velocity(network, x.rows(0, BATCH), times(BATCH), labels),
                    SAME,
                    "it answers the same question twice, and not with the same: it draws random numbers, or keeps"
                            + " something from call to call; a teacher must depend on x, t and label alone");
            alone = answer(network, x.rows(0, 1), labels.rows(0, 1));
            requireEqual(
                    together.rows(0, 1),
                    alone,
                    SAME_BESIDE_OTHERS,
                    "it answers a sample alone otherwise than beside others: it takes something from the batch, such as"
                            + " its statistics; export it in evaluation mode (.eval())");
            everyClass(network, x);
        }
        doing("opening it again");
        try (TorchNetwork network = (TorchNetwork) networks.open(ref)) {
            requireEqual(
                    alone,
                    answer(network, x.rows(0, 1), someLabels(network.card(), 1)),
                    SAME,
                    "it answers the same question otherwise when it is opened again: it draws random numbers, or keeps"
                            + " something from call to call; a teacher must depend on x, t and label alone");
            long bytes = bytesPerSample(
                    n -> velocity(network, x.rows(0, n), times(n), someLabels(network.card(), n)), "evaluating ");
            long parameters = parameterBytes(network);
            report = new TrialReport("", "", "", parameters, bytes, 0);
        }
    }

    private void withoutClass() {
        try (TorchNetwork network = (TorchNetwork) networks.open(ref)) {
            int none = network.card().nullLabel();
            doing("evaluating a sample of label " + none + ", which stands for no class because the card names " + none
                    + " classes,");
            Tensor x = new Noise(0, 0)
                    .gaussian(Noise.Purpose.SERVING, 0, network.card().batchShape(2));
            requireFinite(velocity(network, x, times(2), Tensor.of(new long[] {none, none}, 2)), times[0]);
        }
    }

    private void training() {
        doing("opening it for training");
        // A step of the optimizer at rate 0 tells the gradient's norm and moves nothing.
        AdamWSettings still = new AdamWSettings(1e-9, 0, 0.999, 1e-8, 0, 1);
        try (TrainableNetwork network = networks.openForTraining(ref, still, 0)) {
            if (parameterBytes((TorchNetwork) network) == 0) {
                throw new Refused("it has no parameters that could be trained: they became constants when it was frozen"
                        + " (torch.jit.freeze, optimize_for_inference); export it without");
            }
            Tensor x = new Noise(0, 0)
                    .gaussian(Noise.Purpose.SERVING, 0, network.card().batchShape(MOST_SAMPLES));
            long bytes = bytesPerSample(
                    n -> {
                        Tensor some = x.rows(0, n);
                        try (TrainableNetwork.Pass pass =
                                network.forward(some, times(n), someLabels(network.card(), n))) {
                            pass.backward(some);
                        }
                        double norm = network.step(0);
                        if (norm == 0) {
                            throw new Refused(NO_GRADIENT);
                        }
                        if (!Double.isFinite(norm)) {
                            throw new Refused("the gradient of its parameters is not finite");
                        }
                    },
                    "training on ");
            report = new TrialReport(
                    "", report.withoutClass(), "", report.parameterBytes(), report.evaluationBytes(), bytes);
        } catch (RuntimeException e) {
            throw String.valueOf(e.getMessage()).contains("does not require grad") ? new Refused(NO_GRADIENT) : e;
        }
    }

    private static final String NO_GRADIENT =
            "no gradient reaches its parameters: the answer does not depend on them, or"
                    + " forward computes it under torch.no_grad or detached";

    /** A step of the trial on some number of samples. */
    private interface Work {
        void on(int samples);
    }

    /** Peak memory of growing batches; the slope is what one sample takes. */
    private long bytesPerSample(Work work, String verb) {
        doing(verb + "1 sample");
        work.on(1);
        PeakMemory.reset();
        work.on(1);
        long least = PeakMemory.bytes();
        long perSample = 0;
        for (int n = BATCH; n <= MOST_SAMPLES; n *= 4) {
            doing(verb + n + " samples");
            PeakMemory.reset();
            long start = System.nanoTime();
            work.on(n);
            long grown = Math.max(0, PeakMemory.bytes() - least);
            perSample = grown / (n - 1);
            if (grown > CLEAR_BYTES || System.nanoTime() - start > SLOW_NANOS) {
                break;
            }
        }
        return perSample;
    }

    private void everyClass(TorchNetwork network, Tensor x) {
        int classes = network.card().classNames().size();
        long[] labels = classes <= MOST_LABELS
                ? LongStream.range(0, classes).toArray()
                : LongStream.range(0, MOST_LABELS)
                        .map(i -> i * (classes - 1) / (MOST_LABELS - 1))
                        .toArray();
        long start = System.nanoTime();
        // From the last: an embedding that is too small fails there.
        for (int to = labels.length; to > 0 && System.nanoTime() - start < SLOW_NANOS; to -= BATCH) {
            long[] some = Arrays.copyOfRange(labels, Math.max(0, to - BATCH), to);
            doing("evaluating samples of the classes " + some[0] + " to " + some[some.length - 1] + " of " + classes);
            velocity(network, x.rows(0, some.length), times(some.length), Tensor.of(some, some.length));
        }
    }

    /** A checked answer, at all times where there are enough samples. */
    private Tensor answer(TorchNetwork network, Tensor x, Tensor labels) {
        int n = x.dim(0);
        doing(n == 1 ? "evaluating 1 sample" : "evaluating " + n + " samples");
        String type = network.answerType(x, times(n), labels);
        if (!type.equals("Tensor")) {
            throw new Refused("it answers with " + type + "; its forward must return one Tensor, of the shape of x");
        }
        Tensor velocity = velocity(network, x, times(n), labels);
        if (!Arrays.equals(velocity.shape(), x.shape())) {
            throw new Refused("it answers samples of shape " + Arrays.toString(x.shape()) + " with the shape "
                    + Arrays.toString(velocity.shape()) + "; its forward must return one Tensor of the shape of x, so"
                    + " leave out a learnt variance or change sampleShape in the card");
        }
        for (int i = 0; i < n; i++) {
            requireFinite(velocity.rows(i, i + 1), times[i]);
        }
        return velocity;
    }

    private static void requireFinite(Tensor velocity, double t) {
        if (!velocity.isFinite()) {
            throw new Refused("it answers noise at t = " + t + " with values that are not finite");
        }
    }

    private static Tensor velocity(TorchNetwork network, Tensor x, Tensor t, Tensor labels) {
        return network.velocity(x, t, labels);
    }

    private static void requireEqual(Tensor one, Tensor other, double tolerance, String otherwise) {
        double most = 0;
        double difference = 0;
        for (int i = 0; i < Math.min(one.size(), other.size()); i++) {
            most = Math.max(most, Math.abs(one.floatAt(i)));
            difference = Math.max(difference, Math.abs(one.floatAt(i) - (double) other.floatAt(i)));
        }
        if (!(difference <= tolerance * Math.max(LEAST_SCALE, most))) {
            throw new Refused(otherwise + " (the two differ by " + (float) difference + ")");
        }
    }

    /** All classes in turn, the last one among them. */
    private static Tensor someLabels(NetworkCard card, int n) {
        int classes = card.classNames().size();
        return Tensor.of(
                LongStream.range(0, n)
                        .map(i -> classes == 0 ? 0 : (classes - 1 + i) % classes)
                        .toArray(),
                n);
    }

    private Tensor times(int n) {
        double[] some = new double[n];
        for (int i = 0; i < n; i++) {
            some[i] = times[i % times.length];
        }
        return Tensor.of(some, n);
    }

    private static long parameterBytes(TorchNetwork network) {
        try (PtNDManager step = network.stepManager()) {
            long bytes = 0;
            for (NDArray parameter : LibTorch.parameters(network.module, step)) {
                bytes += parameter.size() * Float.BYTES;
            }
            return bytes;
        }
    }
}
