package dev.sluice.runtime.network;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.schedule.NoiseSchedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Networks that can be checked by hand: the output, a velocity unless the card says otherwise, is Σ θ_p φ_p(x, t, label)
 * element by element, computed in double, with exact gradients and plain gradient descent (no moments, no decay, no
 * clipping). They remember what they were asked.
 */
public final class FormulaNetworks implements Networks {
    /** A term φ of the output. */
    public enum Term {
        X,
        T_X,
        SINE_X,
        ONE,
        LABEL,
        /** x/t: with weight 1, beside weight −m on {@link #ONE_OVER_T}, the exact velocity of the point mass m. */
        X_OVER_T,
        ONE_OVER_T,
        /** α/σ on rectified flow: with weight −m, beside {@link #X_OVER_T}, the exact noise of the point m. */
        ONE_OVER_T_LESS_ONE,
        /** x/σ and α/σ on the variance-preserving schedule, for the same. */
        X_OVER_SINE,
        COTANGENT,
        /** For experts that are absurd on the other side of a boundary at ½. */
        BELOW_HALF,
        FROM_HALF;

        public double value(double x, double t, long label) {
            return switch (this) {
                case X -> x;
                case T_X -> t * x;
                case SINE_X -> Math.sin(x);
                case ONE -> 1;
                case LABEL -> label;
                case X_OVER_T -> x / t;
                case ONE_OVER_T -> 1 / t;
                case ONE_OVER_T_LESS_ONE -> 1 / t - 1;
                case X_OVER_SINE -> x / Math.sin(Math.PI / 2 * t);
                case COTANGENT -> 1 / Math.tan(Math.PI / 2 * t);
                case BELOW_HALF -> t < 0.5 ? 1 : 0;
                case FROM_HALF -> t < 0.5 ? 0 : 1;
            };
        }

        /** ∂φ/∂x. */
        public double slope(double x, double t) {
            return switch (this) {
                case X -> 1;
                case T_X -> t;
                case SINE_X -> Math.cos(x);
                case X_OVER_T -> 1 / t;
                case X_OVER_SINE -> 1 / Math.sin(Math.PI / 2 * t);
                case ONE, LABEL, ONE_OVER_T, ONE_OVER_T_LESS_ONE, COTANGENT, BELOW_HALF, FROM_HALF -> 0;
            };
        }
    }

    /** One evaluation. */
    public record Call(String network, boolean graph, Tensor x, Tensor t, Tensor labels) {}

    /** One request for a network to train. */
    public record Opened(String network, AdamWSettings optimizer, double averageDecay) {}

    private record Entry(NetworkCard card, Map<Term, Double> weights) {}

    private final Map<String, Entry> files = new HashMap<>();
    private final Map<String, TwoExperts> pairs = new HashMap<>();
    private final List<Call> calls = new ArrayList<>();
    private final List<Opened> opened = new ArrayList<>();
    private int openNetworks;
    private int openGraphs;
    private boolean poisoned;

    /** A network of the given weights; terms that are not named have none, and are not trained. */
    public ExpertRef file(String version, NetworkCard card, Map<Term, Double> weights) {
        ExpertRef ref = new ExpertRef(version, "sha-of-" + version, 1, "/store/" + version + ".pt");
        files.put(ref.path(), new Entry(card, weights));
        return ref;
    }

    /** A teacher of two of these files. */
    public ExpertRef twoExperts(String version, double boundary, ExpertRef highNoise, ExpertRef lowNoise) {
        ExpertRef ref = new ExpertRef(version, "sha-of-" + version, 1, "/store/" + version + ".json");
        pairs.put(ref.path(), new TwoExperts(boundary, highNoise, lowNoise));
        return ref;
    }

    @Override
    public Optional<TwoExperts> expertsOf(ExpertRef ref) {
        return Optional.ofNullable(pairs.get(ref.path()));
    }

    public List<Call> calls() {
        return calls;
    }

    public List<Opened> opened() {
        return opened;
    }

    /** Networks that nobody has closed. */
    public int openNetworks() {
        return openNetworks;
    }

    /** Graphs that nobody has freed. */
    public int openGraphs() {
        return openGraphs;
    }

    /** The card that a file was written with. */
    public NetworkCard card(Path file) {
        return entry(file.toAbsolutePath().toString()).card();
    }

    /** The weights that a file was written with. */
    public Map<Term, Double> weights(Path file) {
        return entry(file.toAbsolutePath().toString()).weights();
    }

    /** Makes the next backward pass leave NaN in the weights' gradients. */
    public void poison() {
        poisoned = true;
    }

    private Entry entry(String path) {
        Entry entry = files.get(path);
        if (entry == null) {
            throw new NetworkFileException(Path.of(path), "there is no such network file");
        }
        return entry;
    }

    @Override
    public TrainableNetwork open(ExpertRef ref) {
        return opened(ref, 0);
    }

    @Override
    public TrainableNetwork openForTraining(ExpertRef ref, AdamWSettings optimizer, double averageDecay) {
        opened.add(new Opened(ref.version(), optimizer, averageDecay));
        return opened(ref, averageDecay);
    }

    private TrainableNetwork opened(ExpertRef ref, double averageDecay) {
        return expertsOf(ref)
                .<TrainableNetwork>map(two -> new Pair(
                        two,
                        new Formula(
                                two.highNoise().version(), entry(two.highNoise().path()), averageDecay),
                        new Formula(
                                two.lowNoise().version(), entry(two.lowNoise().path()), averageDecay)))
                .orElseGet(() -> new Formula(ref.version(), entry(ref.path()), averageDecay));
    }

    /** Two of them under one step; not for saving. */
    private static final class Pair extends TwoExpertNetwork implements TrainableNetwork {
        private final TwoExperts experts;
        private final Formula high;
        private final Formula low;

        Pair(TwoExperts experts, Formula high, Formula low) {
            super(high.card(), experts, high, low);
            this.experts = experts;
            this.high = high;
            this.low = low;
        }

        @Override
        public Pass forward(Tensor x, Tensor t, Tensor labels) {
            return RoutedPass.forward(experts, high::forward, low::forward, x, t, labels);
        }

        @Override
        public double step(double learningRate) {
            return Math.hypot(high.step(learningRate), low.step(learningRate));
        }

        @Override
        public void discardGradients() {
            high.discardGradients();
            low.discardGradients();
        }

        @Override
        public void writeAverage(Path file, NetworkCard card) {
            throw new UnsupportedOperationException("two experts are not one file");
        }

        @Override
        public Map<String, Tensor> weights() {
            Map<String, Tensor> both = new LinkedHashMap<>();
            high.weights().forEach((name, value) -> both.put("high-noise." + name, value));
            low.weights().forEach((name, value) -> both.put("low-noise." + name, value));
            return both;
        }

        @Override
        public Map<String, Tensor> average() {
            throw new UnsupportedOperationException("nobody averages a fake");
        }

        @Override
        public TrainingState state() {
            throw new UnsupportedOperationException("not for saving");
        }

        @Override
        public void restore(TrainingState state) {
            throw new UnsupportedOperationException("not for saving");
        }
    }

    private final class Formula implements TrainableNetwork {
        private final String version;
        private final NetworkCard card;
        private final NoiseSchedule schedule;
        private final Map<Term, Double> weights;
        private final Map<Term, Double> average;
        private final Map<Term, Double> gradients = new EnumMap<>(Term.class);
        private final double averageDecay;
        private int steps;
        private boolean closed;

        Formula(String version, Entry entry, double averageDecay) {
            this.version = version;
            this.card = entry.card();
            this.schedule = NoiseSchedule.of(card.schedule());
            this.weights = new EnumMap<>(Term.class);
            this.weights.putAll(entry.weights());
            this.average = new EnumMap<>(this.weights);
            this.averageDecay = averageDecay;
            discardGradients();
            openNetworks++;
        }

        @Override
        public NetworkCard card() {
            return card;
        }

        @Override
        public Tensor velocity(Tensor x, Tensor t, Tensor labels) {
            return evaluate(false, x, t, labels);
        }

        private Tensor evaluate(boolean graph, Tensor x, Tensor atT, Tensor labels) {
            calls.add(new Call(version, graph, x, atT, labels));
            Tensor t = card.prediction().askedAt(schedule, atT);
            float[] v = new float[x.size()];
            for (int i = 0; i < v.length; i++) {
                int row = i / x.sampleSize();
                double sum = 0;
                for (Map.Entry<Term, Double> weight : weights.entrySet()) {
                    sum += weight.getValue() * weight.getKey().value(x.floatAt(i), t.doubleAt(row), labels.longAt(row));
                }
                v[i] = (float) sum;
            }
            return card.prediction().velocity(schedule, x, atT, Tensor.owning(v, x.shape()));
        }

        @Override
        public Pass forward(Tensor x, Tensor t, Tensor labels) {
            return new FormulaPass(x, t, labels);
        }

        @Override
        public double step(double learningRate) {
            double norm = Math.sqrt(
                    gradients.values().stream().mapToDouble(g -> g * g).sum());
            if (Double.isFinite(norm)) {
                steps++;
                weights.replaceAll((term, weight) -> weight - learningRate * gradients.get(term));
                average.replaceAll((term, mean) -> averageDecay * mean + (1 - averageDecay) * weights.get(term));
            }
            discardGradients();
            return norm;
        }

        @Override
        public void discardGradients() {
            weights.keySet().forEach(term -> gradients.put(term, 0.0));
        }

        @Override
        public void writeAverage(Path file, NetworkCard newCard) throws IOException {
            Files.writeString(file, newCard + " " + average);
            files.put(file.toAbsolutePath().toString(), new Entry(newCard, Map.copyOf(average)));
        }

        @Override
        public Map<String, Tensor> weights() {
            return named(weights);
        }

        @Override
        public Map<String, Tensor> average() {
            return named(average);
        }

        /** Plain descent has no moments. */
        @Override
        public TrainingState state() {
            return new TrainingState(steps, weights(), average(), Map.of(), Map.of());
        }

        @Override
        public void restore(TrainingState state) {
            steps = (int) state.steps();
            weights.replaceAll((term, old) -> state.weights().get(term.name()).doubleAt(0));
            average.replaceAll((term, old) -> state.average().get(term.name()).doubleAt(0));
            discardGradients();
        }

        private static Map<String, Tensor> named(Map<Term, Double> values) {
            Map<String, Tensor> named = new LinkedHashMap<>();
            values.forEach((term, value) -> named.put(term.name(), Tensor.of(new double[] {value}, 1)));
            return named;
        }

        @Override
        public void close() {
            openNetworks -= closed ? 0 : 1;
            closed = true;
        }

        private final class FormulaPass implements Pass {
            private final Tensor x;
            private final Tensor atT;
            private final Tensor t;
            private final Tensor labels;
            private final Tensor velocity;
            private final int atStep = steps;
            private boolean freed;

            FormulaPass(Tensor x, Tensor t, Tensor labels) {
                this.x = x;
                this.atT = t;
                this.t = card.prediction().askedAt(schedule, t);
                this.labels = labels;
                this.velocity = evaluate(true, x, t, labels);
                openGraphs++;
            }

            @Override
            public Tensor velocity() {
                return velocity;
            }

            @Override
            public Tensor backward(Tensor onVelocity) {
                Tensor gradient = card.prediction().onOutput(schedule, atT, onVelocity);
                if (freed || atStep != steps) {
                    throw new IllegalStateException("the graph is " + (freed ? "freed" : "of weights that are gone"));
                }
                float[] onX = new float[x.size()];
                for (int i = 0; i < onX.length; i++) {
                    int row = i / x.sampleSize();
                    double g = gradient.floatAt(i);
                    double slope = 0;
                    for (Term term : weights.keySet()) {
                        double value = term.value(x.floatAt(i), t.doubleAt(row), labels.longAt(row));
                        gradients.merge(term, g * value, Double::sum);
                        slope += weights.get(term) * term.slope(x.floatAt(i), t.doubleAt(row));
                    }
                    onX[i] = (float) (g * slope);
                }
                if (poisoned) {
                    poisoned = false;
                    gradients.replaceAll((term, g) -> Double.NaN);
                }
                close();
                return card.prediction().onSample(schedule, atT, onVelocity, Tensor.owning(onX, x.shape()));
            }

            @Override
            public void close() {
                openGraphs -= freed ? 0 : 1;
                freed = true;
            }
        }
    }
}
