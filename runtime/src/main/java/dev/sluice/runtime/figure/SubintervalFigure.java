package dev.sluice.runtime.figure;

import static dev.sluice.runtime.noise.Noise.Purpose.CRITIC_NOISE;
import static dev.sluice.runtime.noise.Noise.Purpose.CRITIC_TIME;
import static dev.sluice.runtime.noise.Noise.Purpose.ROLLOUT_LABEL;
import static dev.sluice.runtime.noise.Noise.Purpose.ROLLOUT_START;
import static dev.sluice.runtime.noise.Noise.Purpose.SERVING;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Recipe.CriticWeighting;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.Architecture;
import dev.sluice.runtime.network.Network;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.Networks;
import dev.sluice.runtime.network.TrainableNetwork;
import dev.sluice.runtime.noise.Noise;
import dev.sluice.runtime.objective.CriticLoss;
import dev.sluice.runtime.objective.Linear;
import dev.sluice.runtime.objective.Renoise;
import dev.sluice.runtime.rollout.Solver;
import dev.sluice.runtime.schedule.NoiseSchedule;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleConsumer;

/**
 * Fig 2 of the paper: what a score learns above a boundary s when its data stand there. Data at −1, 0, 1 and 2, a
 * perceptron for each target, and trajectories from noise down to s beside those of the exact velocity.
 */
public final class SubintervalFigure {
    /** Where the interval that is trained on ends. */
    public static final double BOUNDARY = 0.5;

    private static final PointMasses DATA = new PointMasses(List.of(-1.0, 0.0, 1.0, 2.0));
    private static final NoiseSchedule SCHEDULE = NoiseSchedule.of(Recipe.Schedule.RECTIFIED_FLOW);
    private static final double MARGIN = 0.01;
    private static final int EULER_STEPS = 100;
    private static final double AVERAGE_DECAY = 0.995;

    /** What a network regresses on. */
    public enum Target {
        /** ε − x_0, from data at x_0: ordinary training on the whole interval. */
        WHOLE,
        /** Eq 11, from data at x_s. */
        SUBINTERVAL,
        /** ε − x_s, which takes x_s for data: biased. */
        WRONG
    }

    /**
     * How much is trained.
     *
     * @param steps optimizer steps of every network
     * @param width of the perceptron's hidden layers
     * @param depth hidden layers
     */
    public record Settings(
            int steps, int batch, int width, int depth, double learningRate, int trajectories, long seed) {
        /** The paper's perceptron and number of trajectories. */
        public static Settings ofPaper(int steps, long seed) {
            return new Settings(steps, 512, 512, 4, 1e-3, 200, seed);
        }
    }

    /**
     * One network's trajectories.
     *
     * @param times from 1 down to the boundary
     * @param learnt one path a row, at the times
     * @param exact those of the exact velocity from the same noise
     */
    public record Panel(Target target, List<Double> times, List<double[]> learnt, List<double[]> exact) {
        public Panel {
            times = List.copyOf(times);
            learnt = List.copyOf(learnt);
            exact = List.copyOf(exact);
        }

        /** learnt − exact, one trajectory a row. */
        public List<double[]> deviations() {
            List<double[]> rows = new ArrayList<>();
            for (int n = 0; n < learnt.size(); n++) {
                double[] row = learnt.get(n).clone();
                for (int i = 0; i < row.length; i++) {
                    row[i] -= exact.get(n)[i];
                }
                rows.add(row);
            }
            return rows;
        }

        /** Mean |learnt − exact| over trajectories and times. */
        public double meanDistance() {
            return deviations().stream()
                    .flatMapToDouble(Arrays::stream)
                    .map(Math::abs)
                    .average()
                    .orElseThrow();
        }
    }

    private final Networks networks;
    private final Settings settings;
    private final Noise noise;

    public SubintervalFigure(Networks networks, Settings settings) {
        this.networks = networks;
        this.settings = settings;
        this.noise = new Noise(settings.seed(), 0);
    }

    /**
     * Trains a network on one target and follows its trajectories.
     *
     * @param scratch folder for its files
     * @param onStep hears the loss of every step
     */
    public Panel train(Target target, Path scratch, DoubleConsumer onStep) throws IOException {
        NetworkCard card =
                new NetworkCard(List.of(1), List.of(), Recipe.Schedule.RECTIFIED_FLOW, 0, List.of(), Map.of());
        Path fresh = scratch.resolve(target + "-fresh.pt");
        Path trained = scratch.resolve(target + ".pt");
        NetworkFile.create(
                fresh, new Architecture.VelocityMlp(settings.width(), settings.depth()), card, settings.seed());
        AdamWSettings optimizer = new AdamWSettings(settings.learningRate(), 0.9, 0.999, 1e-8, 0, 1);
        try (TrainableNetwork network =
                networks.openForTraining(NetworkFile.reference("fresh", fresh), optimizer, AVERAGE_DECAY)) {
            for (int step = 0; step < settings.steps(); step++) {
                onStep.accept(step(network, target, step));
            }
            network.writeAverage(trained, card);
        }
        try (Network network = networks.open(NetworkFile.reference("trained", trained))) {
            return follow(target, network);
        }
    }

    private double step(TrainableNetwork network, Target target, int step) {
        int batch = settings.batch();
        Tensor x0 = DATA.samples(
                noise.integers(ROLLOUT_LABEL, step, batch, DATA.at().size()));
        double from = target == Target.WHOLE ? 0 : BOUNDARY;
        Tensor xS = from == 0
                ? x0
                : Linear.combine(
                        SCHEDULE.alpha(from), x0, SCHEDULE.sigma(from), noise.gaussian(ROLLOUT_START, step, batch, 1));
        Tensor t = times(step, from + MARGIN);
        Tensor epsilon = noise.gaussian(CRITIC_NOISE, step, batch, 1);
        Tensor xT = Renoise.to(SCHEDULE, from, t, xS, epsilon);
        try (TrainableNetwork.Pass pass = network.forward(xT, t, noLabels(batch))) {
            CriticLoss loss = target == Target.WRONG
                    ? CriticLoss.plain(pass.velocity(), xS, epsilon)
                    : CriticLoss.of(CriticWeighting.CLAMPED, SCHEDULE, from, t, pass.velocity(), xS, epsilon);
            pass.backward(loss.gradient());
            double done = (double) step / settings.steps();
            network.step(settings.learningRate() * (1 + Math.cos(Math.PI * done)) / 2);
            return loss.value();
        }
    }

    private Tensor times(int step, double least) {
        double[] t = noise.uniform(CRITIC_TIME, step, settings.batch());
        for (int n = 0; n < t.length; n++) {
            t[n] = least + (1 - least) * t[n];
        }
        return Tensor.of(t, t.length);
    }

    private Panel follow(Target target, Network network) {
        List<Double> times = new ArrayList<>();
        for (int i = 0; i <= EULER_STEPS; i++) {
            times.add(1 - (1 - BOUNDARY) * i / EULER_STEPS);
        }
        int count = settings.trajectories();
        Tensor x = noise.gaussian(SERVING, 0, count, 1);
        List<double[]> learnt = new ArrayList<>();
        List<double[]> exact = new ArrayList<>();
        for (int n = 0; n < count; n++) {
            learnt.add(new double[times.size()]);
            learnt.get(n)[0] = x.floatAt(n);
            exact.add(DATA.trajectory(SCHEDULE, x.floatAt(n), times));
        }
        for (int i = 1; i < times.size(); i++) {
            double[] now = new double[count];
            Arrays.fill(now, times.get(i - 1));
            Tensor velocity = network.velocity(x, Tensor.of(now, count), noLabels(count));
            x = Solver.step(SCHEDULE, times.get(i - 1), times.get(i)).apply(x, velocity);
            for (int n = 0; n < count; n++) {
                learnt.get(n)[i] = x.floatAt(n);
            }
        }
        return new Panel(target, times, learnt, exact);
    }

    private static Tensor noLabels(int batch) {
        return Tensor.of(new long[batch], batch);
    }
}
