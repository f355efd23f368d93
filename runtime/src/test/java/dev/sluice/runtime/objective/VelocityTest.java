package dev.sluice.runtime.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.Recipe.Schedule;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.noise.Noise;
import dev.sluice.runtime.noise.Noise.Purpose;
import dev.sluice.runtime.schedule.NoiseSchedule;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Eq 5 and its relatives: on single draws, and on a Gaussian N(m, τ²) whose score is known. */
class VelocityTest {
    private static final double MEAN = 0.7;
    private static final double SPREAD = 0.4;
    private static final int SAMPLES = 64;
    private static final Noise NOISE = new Noise(5, 0);

    private final Tensor x0 = NOISE.gaussian(Purpose.ROLLOUT_START, 0, SAMPLES, 3);
    private final Tensor epsilon = NOISE.gaussian(Purpose.CRITIC_NOISE, 0, SAMPLES, 3);
    private final Tensor t = times();

    private static Tensor times() {
        double[] times = new double[SAMPLES];
        for (int n = 0; n < SAMPLES; n++) {
            times[n] = 0.05 + 0.9 * n / SAMPLES;
        }
        return Tensor.of(times, SAMPLES);
    }

    private Tensor xT(NoiseSchedule schedule) {
        return Linear.combine(Linear.at(t, schedule::alpha), x0, Linear.at(t, schedule::sigma), epsilon);
    }

    @ParameterizedTest
    @EnumSource(Schedule.class)
    void aDrawsOwnVelocityGivesItsDataAndItsNoise(Schedule kind) {
        NoiseSchedule schedule = NoiseSchedule.of(kind);
        Tensor velocity = Linear.combine(1, epsilon, -1, x0);

        assertClose(Velocity.toData(schedule, xT(schedule), t, velocity), x0);
        assertClose(Velocity.toNoise(schedule, xT(schedule), t, velocity), epsilon);
    }

    @ParameterizedTest
    @EnumSource(Schedule.class)
    void aGaussiansScoreAndVelocityGiveEachOther(Schedule kind) {
        NoiseSchedule schedule = NoiseSchedule.of(kind);
        Tensor xT = xT(schedule);
        float[] score = new float[xT.size()];
        float[] velocity = new float[xT.size()];
        for (int i = 0; i < score.length; i++) {
            double alpha = schedule.alpha(t.doubleAt(i / 3));
            double sigma = schedule.sigma(t.doubleAt(i / 3));
            double variance = alpha * alpha * SPREAD * SPREAD + sigma * sigma;
            double away = xT.floatAt(i) - alpha * MEAN;
            score[i] = (float) (-away / variance);
            velocity[i] = (float) (sigma * away / variance - (MEAN + alpha * SPREAD * SPREAD * away / variance));
        }
        Tensor exactScore = Tensor.of(score, SAMPLES, 3);
        Tensor exactVelocity = Tensor.of(velocity, SAMPLES, 3);

        assertClose(Velocity.fromScore(schedule, xT, t, exactScore), exactVelocity);
        assertClose(Velocity.toScore(schedule, xT, t, exactVelocity), exactScore);
    }

    private static void assertClose(Tensor actual, Tensor expected) {
        assertThat(actual.shape()).isEqualTo(expected.shape());
        for (int i = 0; i < expected.size(); i++) {
            assertThat(actual.floatAt(i))
                    .as("element %d", i)
                    .isCloseTo(expected.floatAt(i), within(2e-4f * (1 + Math.abs(expected.floatAt(i)))));
        }
    }
}
