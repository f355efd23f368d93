package dev.sluice.actors.fake;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.file.Durable;
import dev.sluice.runtime.network.Network;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFileException;
import dev.sluice.runtime.network.Networks;
import dev.sluice.runtime.network.TrainableNetwork;
import dev.sluice.runtime.network.TrainingState;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Networks without libtorch: the velocity is w0·x + w1·t + w2·label, its gradients are exact, and a step is plain gradient
 * descent. They keep the rules that real ones keep (one thread, shapes, classes, nothing after closing), count what is
 * left open, and break when they are told to.
 */
public final class LinearNetworks implements Networks {
    /** Where a test can step in. */
    public enum Operation {
        OPEN,
        EVALUATE,
        STEP,
        SAVE,
        WRITE
    }

    private record File(NetworkCard card, double[] weights) {}

    private final Map<String, File> files = new ConcurrentHashMap<>();
    private final Map<Operation, Runnable> before = new ConcurrentHashMap<>();
    private final AtomicInteger networks = new AtomicInteger();
    private final AtomicInteger passes = new AtomicInteger();
    private volatile double factor = 1;

    /** A file in the store. */
    public ExpertRef file(String version, NetworkCard card, double... weights) {
        ExpertRef ref = new ExpertRef(version, "sha-of-" + version, 1, "/store/" + version + ".pt");
        files.put(ref.path(), new File(card, weights.clone()));
        return ref;
    }

    /** Runs {@code hook} before every such operation, on the thread that is about to do it. */
    public void before(Operation operation, Runnable hook) {
        before.put(operation, hook);
    }

    /** Every such operation fails from now on. */
    public void breakAt(Operation operation, String message) {
        before(operation, () -> {
            throw new IllegalStateException(message);
        });
    }

    /** Every such operation waits from now on, until the hold is let go. */
    public Hold holdAt(Operation operation) {
        Hold hold = new Hold(new CountDownLatch(1), new CountDownLatch(1));
        before(operation, hold::pass);
        return hold;
    }

    /** A place where a network is stuck until it is let go. */
    public record Hold(CountDownLatch entered, CountDownLatch over) {
        private void pass() {
            entered.countDown();
            await(over, "nobody let the network go");
        }

        /** Returns when a network is stuck here. */
        public void awaitStuck() {
            await(entered, "no network came");
        }

        public void letGo() {
            over.countDown();
        }

        private static void await(CountDownLatch latch, String otherwise) {
            try {
                if (!latch.await(20, TimeUnit.SECONDS)) {
                    throw new IllegalStateException(otherwise);
                }
            } catch (InterruptedException e) {
                throw new IllegalStateException("interrupted", e);
            }
        }
    }

    /** Nothing breaks and nothing waits any more. */
    public void mend() {
        before.clear();
        factor = 1;
    }

    /** Every velocity is NaN from now on. */
    public void answerNaN() {
        factor = Double.NaN;
    }

    /** Networks that were opened and not closed. */
    public int left() {
        return networks.get();
    }

    /** Graphs that were neither used nor closed. */
    public int graphsLeft() {
        return passes.get();
    }

    /** The weights in a file of the store. */
    public double[] weightsIn(ExpertRef ref) {
        return find(ref).weights().clone();
    }

    /** The card in a file of the store. */
    public NetworkCard cardIn(ExpertRef ref) {
        return find(ref).card();
    }

    @Override
    public Network open(ExpertRef ref) {
        return openForTraining(ref, null, 0);
    }

    @Override
    public TrainableNetwork openForTraining(ExpertRef ref, AdamWSettings optimizer, double averageDecay) {
        stepIn(Operation.OPEN);
        return new Linear(find(ref), averageDecay);
    }

    private File find(ExpertRef ref) {
        File file = files.get(ref.path());
        if (file == null) {
            throw new NetworkFileException(Path.of(ref.path()), "there is no such network file");
        }
        return file;
    }

    private void stepIn(Operation operation) {
        before.getOrDefault(operation, () -> {}).run();
    }

    private final class Linear implements TrainableNetwork {
        private final NetworkCard card;
        private final double averageDecay;
        private final Thread owner = Thread.currentThread();
        private final double[] weights;
        private final double[] average;
        private double[] gradients;
        private int steps;
        private boolean closed;

        Linear(File file, double averageDecay) {
            this.card = file.card();
            this.averageDecay = averageDecay;
            this.weights = file.weights().clone();
            this.average = weights.clone();
            this.gradients = new double[weights.length];
            networks.incrementAndGet();
        }

        @Override
        public NetworkCard card() {
            return card;
        }

        @Override
        public Tensor velocity(Tensor x, Tensor t, Tensor labels) {
            checkUse();
            checkInputs(x, t, labels);
            stepIn(Operation.EVALUATE);
            float[] v = new float[x.size()];
            for (int i = 0; i < v.length; i++) {
                double[] f = features(x, t, labels, i);
                v[i] = (float) (factor * (weights[0] * f[0] + weights[1] * f[1] + weights[2] * f[2]));
            }
            return Tensor.owning(v, x.shape());
        }

        @Override
        public Pass forward(Tensor x, Tensor t, Tensor labels) {
            Tensor velocity = velocity(x, t, labels);
            passes.incrementAndGet();
            return new Graph(x, t, labels, velocity);
        }

        @Override
        public double step(double learningRate) {
            checkUse();
            stepIn(Operation.STEP);
            double norm = Math.sqrt(Arrays.stream(gradients).map(g -> g * g).sum());
            if (Double.isFinite(norm)) {
                steps++;
                for (int i = 0; i < weights.length; i++) {
                    weights[i] -= learningRate * gradients[i];
                    average[i] = averageDecay * average[i] + (1 - averageDecay) * weights[i];
                }
            }
            discardGradients();
            return norm;
        }

        @Override
        public void discardGradients() {
            gradients = new double[weights.length];
        }

        @Override
        public void writeAverage(Path file, NetworkCard as) throws java.io.IOException {
            checkUse();
            stepIn(Operation.WRITE);
            String text = Arrays.toString(average);
            Durable.write(file, out -> out.write(text.getBytes(StandardCharsets.UTF_8)));
            files.put(file.toAbsolutePath().normalize().toString(), new File(as, average.clone()));
        }

        @Override
        public Map<String, Tensor> weights() {
            return Map.of("weights", Tensor.of(weights.clone(), weights.length));
        }

        @Override
        public Map<String, Tensor> average() {
            return Map.of("weights", Tensor.of(average.clone(), average.length));
        }

        /** Plain descent has no moments. */
        @Override
        public TrainingState state() {
            checkUse();
            stepIn(Operation.SAVE);
            return new TrainingState(steps, weights(), average(), Map.of(), Map.of());
        }

        @Override
        public void restore(TrainingState state) {
            checkUse();
            steps = (int) state.steps();
            System.arraycopy(state.weights().get("weights").toDoubles(), 0, weights, 0, weights.length);
            System.arraycopy(state.average().get("weights").toDoubles(), 0, average, 0, average.length);
        }

        @Override
        public void close() {
            checkUse();
            closed = true;
            networks.decrementAndGet();
        }

        private void checkUse() {
            if (closed) {
                throw new IllegalStateException("the network is closed");
            }
            if (Thread.currentThread() != owner) {
                throw new IllegalStateException("opened on " + owner + ", used on " + Thread.currentThread());
            }
        }

        private void checkInputs(Tensor x, Tensor t, Tensor labels) {
            if (!Arrays.equals(x.shape(), card.batchShape(t.size())) || labels.size() != t.size()) {
                throw new IllegalArgumentException("the network takes samples of shape " + card.sampleShape());
            }
            for (int n = 0; n < labels.size(); n++) {
                if (labels.longAt(n) < 0 || labels.longAt(n) > card.nullLabel()) {
                    throw new IllegalArgumentException("label " + labels.longAt(n) + " is no class");
                }
            }
        }

        private double[] features(Tensor x, Tensor t, Tensor labels, int i) {
            int row = i / x.sampleSize();
            return new double[] {x.floatAt(i), t.doubleAt(row), labels.longAt(row)};
        }

        private final class Graph implements Pass {
            private final Tensor x;
            private final Tensor t;
            private final Tensor labels;
            private final Tensor velocity;
            private final int atStep = steps;
            private boolean used;

            Graph(Tensor x, Tensor t, Tensor labels, Tensor velocity) {
                this.x = x;
                this.t = t;
                this.labels = labels;
                this.velocity = velocity;
            }

            @Override
            public Tensor velocity() {
                return velocity;
            }

            @Override
            public Tensor backward(Tensor gradient) {
                checkUse();
                if (used || atStep != steps) {
                    throw new IllegalStateException("the graph is dead");
                }
                if (!Arrays.equals(gradient.shape(), x.shape())) {
                    throw new IllegalArgumentException("a gradient of " + gradient + " on samples of " + x);
                }
                float[] onX = new float[x.size()];
                for (int i = 0; i < onX.length; i++) {
                    double[] f = features(x, t, labels, i);
                    for (int w = 0; w < weights.length; w++) {
                        gradients[w] += gradient.floatAt(i) * f[w];
                    }
                    onX[i] = (float) (weights[0] * gradient.floatAt(i));
                }
                close();
                return Tensor.owning(onX, x.shape());
            }

            @Override
            public void close() {
                if (!used) {
                    passes.decrementAndGet();
                }
                used = true;
            }
        }
    }
}
