package dev.sluice.runtime.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.Recipe.Schedule;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.noise.Noise;
import dev.sluice.runtime.noise.Noise.Purpose;
import dev.sluice.runtime.schedule.NoiseSchedule;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Eq 2. */
class RenoiseTest {
    private static final int SAMPLES = 200_000;
    private static final Noise NOISE = new Noise(3, 0);

    private static Tensor at(double t) {
        double[] times = new double[SAMPLES];
        Arrays.fill(times, t);
        return Tensor.of(times, SAMPLES);
    }

    /** From the data to s and on to t is as good as from the data to t: mean α_t x_0, variance σ_t². */
    @ParameterizedTest
    @EnumSource(Schedule.class)
    void twoStepsHaveTheMarginalOfOne(Schedule kind) {
        NoiseSchedule schedule = NoiseSchedule.of(kind);
        float[] two = new float[SAMPLES];
        Arrays.fill(two, 2);
        Tensor x0 = Tensor.of(two, SAMPLES, 1);
        Tensor xS = Renoise.to(schedule, 0, at(0.4), x0, NOISE.gaussian(Purpose.ROLLOUT_START, 0, SAMPLES, 1));
        Tensor xT = Renoise.to(schedule, 0.4, at(0.7), xS, NOISE.gaussian(Purpose.CRITIC_NOISE, 0, SAMPLES, 1));

        double mean = 0;
        double square = 0;
        for (int n = 0; n < SAMPLES; n++) {
            mean += xT.floatAt(n) / SAMPLES;
            square += xT.floatAt(n) * (double) xT.floatAt(n) / SAMPLES;
        }
        double sigma = schedule.sigma(0.7);
        assertThat(mean).isCloseTo(2 * schedule.alpha(0.7), within(5 * sigma / Math.sqrt(SAMPLES)));
        assertThat(square - mean * mean).isCloseTo(sigma * sigma, within(5 * sigma * sigma * Math.sqrt(2.0 / SAMPLES)));
    }

    @ParameterizedTest
    @EnumSource(Schedule.class)
    void theNoiseBetweenIsTheOneThatWasAdded(Schedule kind) {
        NoiseSchedule schedule = NoiseSchedule.of(kind);
        Tensor t = Tensor.of(new double[] {0.55, 0.75, 0.98}, 3);
        Tensor xS = NOISE.gaussian(Purpose.ROLLOUT_START, 1, 3, 4);
        Tensor epsilon = NOISE.gaussian(Purpose.CRITIC_NOISE, 1, 3, 4);

        Tensor back = Renoise.noiseBetween(schedule, 0.5, t, xS, Renoise.to(schedule, 0.5, t, xS, epsilon));

        for (int i = 0; i < back.size(); i++) {
            assertThat(back.floatAt(i)).isCloseTo(epsilon.floatAt(i), within(1e-5f));
        }
    }

    @Test
    void shapesThatDifferAreRefused() {
        NoiseSchedule schedule = NoiseSchedule.of(Schedule.RECTIFIED_FLOW);
        Tensor t = Tensor.of(new double[] {0.7}, 1);

        assertThatThrownBy(() ->
                        Renoise.to(schedule, 0.5, t, Tensor.of(new float[2], 1, 2), Tensor.of(new float[3], 1, 3)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("shapes differ");
    }
}
