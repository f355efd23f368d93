package dev.sluice.runtime.rollout;

import dev.sluice.protocol.PhasePlan.Phase;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.Network;
import dev.sluice.runtime.network.TrainableNetwork;
import dev.sluice.runtime.objective.Linear;
import dev.sluice.runtime.objective.Velocity;
import dev.sluice.runtime.schedule.NoiseSchedule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Walks samples from noise to the boundary of a phase: through the frozen experts step by step, then through the phase's
 * own generator along the steps that the policy chooses (Fig 1 of the paper).
 *
 * <p>The walk keeps host tensors between network calls, so a gradient through several steps is the chain rule written
 * out: where x' = a·x + b·v(x), the gradient on x is a·g + ∂v/∂xᵀ·(b·g).
 */
public final class Rollout {
    private Rollout() {}

    /**
     * Times at which the generator is evaluated, and where each evaluation's solver step ends.
     *
     * @param from decreasing
     * @param to of the same length; the last is the phase's boundary
     * @param firstWithGradient index of the first evaluation that carries the gradient
     */
    public record Path(List<Double> from, List<Double> to, int firstWithGradient) {
        public Path {
            from = List.copyOf(from);
            to = List.copyOf(to);
        }

        /**
         * The path of one batch through {@code phase}.
         *
         * @param choice uniform in (0, 1): which step SGTS truncates at
         */
        public static Path of(Recipe.Rollout policy, Phase phase, double choice) {
            List<Double> times = phase.timesteps();
            int steps = phase.steps();
            return switch (policy) {
                case ONE_STEP -> {
                    if (steps != 1) {
                        throw new IllegalArgumentException("rollout one-step needs phases of one step; phase "
                                + phase.number() + " has " + steps + ": use sgts or full, or add boundaries");
                    }
                    yield new Path(times.subList(0, 1), times.subList(1, 2), 0);
                }
                case SGTS -> {
                    int j = (int) (choice * steps);
                    List<Double> to = new ArrayList<>(times.subList(1, j + 1));
                    to.add(phase.boundary());
                    yield new Path(times.subList(0, j + 1), to, j);
                }
                case FULL -> new Path(times.subList(0, steps), times.subList(1, steps + 1), 0);
            };
        }
    }

    /**
     * Walks a frozen expert through its whole phase.
     *
     * @param x at the phase's start, float32 [B, …]
     * @return x at its boundary
     */
    public static Tensor through(NoiseSchedule schedule, Network expert, Phase phase, Tensor x, Tensor labels) {
        return sample(schedule, expert, Path.of(Recipe.Rollout.FULL, phase, 0), x, labels);
    }

    /** Walks a network along {@code path} without a graph. */
    public static Tensor sample(NoiseSchedule schedule, Network network, Path path, Tensor x, Tensor labels) {
        for (int i = 0; i < path.from().size(); i++) {
            Tensor velocity = network.velocity(x, times(path.from().get(i), x.dim(0)), labels);
            x = Solver.step(schedule, path.from().get(i), path.to().get(i)).apply(x, velocity);
        }
        return x;
    }

    /** Walks the generator along {@code path}, keeping the graphs of the evaluations that carry the gradient. */
    public static Walked walk(NoiseSchedule schedule, TrainableNetwork generator, Path path, Tensor x, Tensor labels) {
        Walked walked = new Walked();
        try {
            for (int i = 0; i < path.from().size(); i++) {
                Tensor t = times(path.from().get(i), x.dim(0));
                Solver step =
                        Solver.step(schedule, path.from().get(i), path.to().get(i));
                Tensor velocity;
                if (i < path.firstWithGradient()) {
                    velocity = generator.velocity(x, t, labels);
                } else {
                    TrainableNetwork.Pass pass = generator.forward(x, t, labels);
                    walked.passes.add(pass);
                    walked.steps.add(step);
                    velocity = pass.velocity();
                }
                walked.x0 = Velocity.toData(schedule, x, t, velocity);
                x = step.apply(x, velocity);
            }
            walked.xS = x;
            return walked;
        } catch (RuntimeException e) {
            walked.close();
            throw e;
        }
    }

    /** A batch at its boundary with the graphs behind it. Belongs to the generator's thread; close it. */
    public static final class Walked implements AutoCloseable {
        private final List<TrainableNetwork.Pass> passes = new ArrayList<>();
        private final List<Solver> steps = new ArrayList<>();
        private Tensor xS;
        private Tensor x0;

        private Walked() {}

        /** The samples at the boundary, float32 [B, …]. */
        public Tensor xS() {
            return xS;
        }

        /** The data that the last evaluation predicted, float32 [B, …]. */
        public Tensor x0() {
            return x0;
        }

        /** Adds the gradient of ⟨{@code gradient}, x_s⟩ to the generator's, and frees the graphs. */
        public void backward(Tensor gradient) {
            Tensor onX = gradient;
            for (int i = passes.size() - 1; i >= 0; i--) {
                Solver step = steps.get(i);
                Tensor throughNetwork = passes.get(i).backward(Linear.scale(step.ofVelocity(), onX));
                onX = Linear.combine(step.ofSample(), onX, 1, throughNetwork);
            }
            passes.clear();
        }

        @Override
        public void close() {
            passes.forEach(TrainableNetwork.Pass::close);
            passes.clear();
        }
    }

    private static Tensor times(double t, int batch) {
        double[] values = new double[batch];
        Arrays.fill(values, t);
        return Tensor.of(values, batch);
    }
}
