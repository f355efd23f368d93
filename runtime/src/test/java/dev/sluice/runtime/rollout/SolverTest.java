package dev.sluice.runtime.rollout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.noise.Noise;
import dev.sluice.runtime.objective.Linear;
import dev.sluice.runtime.objective.Velocity;
import dev.sluice.runtime.schedule.NoiseSchedule;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The solver against closed forms. */
class SolverTest {
    private static final Offset<Double> FLOAT = within(2e-6);
    private static final List<Double> TIMES = List.of(1.0, 0.9375, 0.75, 0.5, 0.1, 0.001, 0.0);
    private static final Noise NOISE = new Noise(3, 0);

    private static Tensor gaussian(int step) {
        return NOISE.gaussian(Noise.Purpose.ROLLOUT_START, step, 4, 3);
    }

    private static void assertClose(Tensor actual, Tensor expected) {
        assertThat(actual.shape()).isEqualTo(expected.shape());
        for (int i = 0; i < actual.size(); i++) {
            assertThat((double) actual.floatAt(i)).isCloseTo(expected.floatAt(i), FLOAT);
        }
    }

    @Test
    void onRectifiedFlowItIsEulersStep() {
        NoiseSchedule schedule = NoiseSchedule.of(Recipe.Schedule.RECTIFIED_FLOW);
        Solver step = Solver.step(schedule, 0.9, 0.75);

        assertThat(step.ofSample()).isCloseTo(1, within(1e-15));
        assertThat(step.ofVelocity()).isCloseTo(-0.15, within(1e-15));
        assertClose(
                step.apply(Tensor.of(new float[] {2, -1}, 1, 2), Tensor.of(new float[] {4, 10}, 1, 2)),
                Tensor.of(new float[] {2 - 0.15f * 4, -1 - 0.15f * 10}, 1, 2));
    }

    @ParameterizedTest
    @EnumSource
    void onTheVelocityOfAPointMassEveryStepLandsOnItsLine(Recipe.Schedule kind) {
        NoiseSchedule schedule = NoiseSchedule.of(kind);
        Tensor x0 = gaussian(0);
        Tensor epsilon = gaussian(1);
        Tensor velocity = Linear.combine(1, epsilon, -1, x0);
        for (double t : TIMES) {
            Tensor xT = Linear.combine(schedule.alpha(t), x0, schedule.sigma(t), epsilon);
            for (double to : TIMES) {
                assertClose(
                        Solver.step(schedule, t, to).apply(xT, velocity),
                        Linear.combine(schedule.alpha(to), x0, schedule.sigma(to), epsilon));
            }
            assertClose(Solver.step(schedule, t, 0).apply(xT, velocity), x0);
        }
    }

    @ParameterizedTest
    @EnumSource
    void forAnyVelocityItMixesTheDataAndTheNoiseThatTheVelocityNames(Recipe.Schedule kind) {
        NoiseSchedule schedule = NoiseSchedule.of(kind);
        Tensor x = gaussian(0);
        Tensor velocity = gaussian(1);
        for (double t : TIMES) {
            Tensor times = Tensor.of(new double[] {t, t, t, t}, 4);
            Tensor x0 = Velocity.toData(schedule, x, times, velocity);
            Tensor epsilon = Velocity.toNoise(schedule, x, times, velocity);
            for (double to : TIMES) {
                assertClose(
                        Solver.step(schedule, t, to).apply(x, velocity),
                        Linear.combine(schedule.alpha(to), x0, schedule.sigma(to), epsilon));
            }
            assertClose(Solver.step(schedule, t, 0).apply(x, velocity), x0);
        }
    }

    /** Data N(0, c²): the ODE's solution is x_t = x_1·√((α²c² + σ²)/σ_1²), so x_0 = c·x_1. */
    @ParameterizedTest
    @EnumSource
    void onGaussianDataItConvergesToTheFlowAtFirstOrder(Recipe.Schedule kind) {
        double coarse = errorOnGaussianData(NoiseSchedule.of(kind), 100);
        double fine = errorOnGaussianData(NoiseSchedule.of(kind), 200);

        assertThat(Math.abs(fine)).isLessThan(0.01);
        assertThat(coarse / fine).isCloseTo(2, within(0.1));
    }

    private static double errorOnGaussianData(NoiseSchedule schedule, int steps) {
        double c = 0.3;
        double x = 1;
        for (int i = steps; i > 0; i--) {
            double t = (double) i / steps;
            double alpha = schedule.alpha(t);
            double sigma = schedule.sigma(t);
            double velocity = x * (sigma - alpha * c * c) / (alpha * alpha * c * c + sigma * sigma);
            Solver step = Solver.step(schedule, t, (double) (i - 1) / steps);
            x = step.ofSample() * x + step.ofVelocity() * velocity;
        }
        return x - c;
    }
}
