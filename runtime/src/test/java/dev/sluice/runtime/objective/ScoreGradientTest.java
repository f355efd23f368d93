package dev.sluice.runtime.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.Recipe.Normaliser;
import dev.sluice.protocol.Recipe.Schedule;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.noise.Noise;
import dev.sluice.runtime.noise.Noise.Purpose;
import dev.sluice.runtime.schedule.NoiseSchedule;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Eq 10 where everything is known: the data are N(0, τ²), the generator's are N(m, τ²), both one-dimensional, and both
 * velocities exact.
 */
class ScoreGradientTest {
    private static final double SPREAD = 0.6;
    private static final double S = 0.4;
    private static final double T = 0.7;
    private static final int BATCH = 512;
    private static final Noise NOISE = new Noise(17, 0);

    private static Stream<Arguments> everyKind() {
        return Arrays.stream(Schedule.values())
                .flatMap(schedule -> Arrays.stream(Normaliser.values()).map(n -> Arguments.of(schedule, n)));
    }

    /** Of x_t, for data N({@code mean}, τ²): E[ε − x_0 | x_t]. */
    private static double velocity(NoiseSchedule schedule, double mean, double xT) {
        double alpha = schedule.alpha(T);
        double sigma = schedule.sigma(T);
        double away = (xT - alpha * mean) / variance(schedule);
        return sigma * away - (mean + alpha * SPREAD * SPREAD * away);
    }

    private static double variance(NoiseSchedule schedule) {
        return Math.pow(schedule.alpha(T) * SPREAD, 2) + Math.pow(schedule.sigma(T), 2);
    }

    /** KL at T between the generator's N(α m + α_{t|s} shift, V) and the data's N(0, V), shift a move of x_s. */
    private static double divergence(NoiseSchedule schedule, double mean, double shift) {
        double difference = schedule.alpha(T) * mean + schedule.kernel(S, T).alpha() * shift;
        return difference * difference / (2 * variance(schedule));
    }

    /** The generator's samples at s, re-noised to T. */
    private static NoisySamples samples(NoiseSchedule schedule, double mean) {
        Tensor x0 = Linear.combine(SPREAD, NOISE.gaussian(Purpose.ROLLOUT_START, 0, BATCH, 1), 1, constant(mean));
        Tensor xS = Linear.combine(
                schedule.alpha(S), x0, schedule.sigma(S), NOISE.gaussian(Purpose.ROLLOUT_STEP, 0, BATCH, 1));
        double[] times = new double[BATCH];
        Arrays.fill(times, T);
        Tensor t = Tensor.of(times, BATCH);
        Tensor xT = Renoise.to(schedule, S, t, xS, NOISE.gaussian(Purpose.SCORE_NOISE, 0, BATCH, 1));
        return new NoisySamples(xS, x0, xT, t, Tensor.of(new long[BATCH], BATCH));
    }

    private static Tensor constant(double value) {
        float[] values = new float[BATCH];
        Arrays.fill(values, (float) value);
        return Tensor.of(values, BATCH, 1);
    }

    private static Tensor velocities(NoiseSchedule schedule, double mean, NoisySamples noisy) {
        float[] values = new float[BATCH];
        for (int n = 0; n < BATCH; n++) {
            values[n] = (float) velocity(schedule, mean, noisy.xT().floatAt(n));
        }
        return Tensor.of(values, BATCH, 1);
    }

    /** Gradient of the mean loss with respect to a common shift of every x_s. */
    private static double onShift(Normaliser normaliser, NoiseSchedule schedule, double mean) {
        NoisySamples noisy = samples(schedule, mean);
        Tensor gradient = ScoreGradient.of(
                normaliser, schedule, S, noisy, velocities(schedule, 0, noisy), velocities(schedule, mean, noisy));
        double sum = 0;
        for (int n = 0; n < BATCH; n++) {
            sum += gradient.floatAt(n);
        }
        return sum;
    }

    @ParameterizedTest
    @MethodSource("everyKind")
    void aStepAgainstItBringsTheGeneratorNearerToTheData(Schedule kind, Normaliser normaliser) {
        NoiseSchedule schedule = NoiseSchedule.of(kind);
        for (double mean : new double[] {1.5, -0.3}) {
            double gradient = onShift(normaliser, schedule, mean);
            double step = 0.01 / Math.abs(gradient);

            double here = divergence(schedule, mean, 0);
            assertThat(divergence(schedule, mean, -step * gradient)).isLessThan(here);
            assertThat(divergence(schedule, mean, step * gradient)).isGreaterThan(here);
        }
    }

    /** With its weight, Eq 10 is the gradient of the divergence itself, the chain rule's α_{t|s} included. */
    @ParameterizedTest
    @EnumSource(Schedule.class)
    void withTheKlWeightItIsTheDivergencesGradient(Schedule kind) {
        NoiseSchedule schedule = NoiseSchedule.of(kind);
        double h = 1e-4;
        double exact = (divergence(schedule, 0.8, h) - divergence(schedule, 0.8, -h)) / (2 * h);

        assertThat(onShift(Normaliser.KL, schedule, 0.8)).isCloseTo(exact, within(1e-5));
    }

    @ParameterizedTest
    @MethodSource("everyKind")
    void isZeroWhereTheGeneratorHasTheData(Schedule kind, Normaliser normaliser) {
        assertThat(onShift(normaliser, NoiseSchedule.of(kind), 0)).isZero();
    }

    /** Two samples by hand: what separates the teacher's x_0 from the generator's, a sample's own or the batch's mean. */
    @Test
    void normalisersDivideByTheDistanceToTheTeachersData() {
        NoiseSchedule schedule = NoiseSchedule.of(Schedule.RECTIFIED_FLOW);
        Tensor t = Tensor.of(new double[] {0.5, 0.5}, 2);
        Tensor xT = Tensor.of(new float[2], 2, 1);
        // At x_t = 0, t = 1/2: x_0 = −v/2. The teacher says 1 and 1; the fake says 2 and 0.
        Tensor teacher = Tensor.of(new float[] {-2, -2}, 2, 1);
        Tensor fake = Tensor.of(new float[] {-4, 0}, 2, 1);
        // Distances of the generator's own x_0 to the teacher's: 4 and 2.
        NoisySamples noisy =
                new NoisySamples(xT, Tensor.of(new float[] {5, 3}, 2, 1), xT, t, Tensor.of(new long[2], 2));

        assertThat(ScoreGradient.of(Normaliser.PER_SAMPLE, schedule, 0, noisy, teacher, fake))
                .isEqualTo(Tensor.of(new float[] {1 / (4f * 2), -1 / (2f * 2)}, 2, 1));
        assertThat(ScoreGradient.of(Normaliser.BATCH, schedule, 0, noisy, teacher, fake))
                .isEqualTo(Tensor.of(new float[] {(float) (1 / (3.0 * 2)), (float) (-1 / (3.0 * 2))}, 2, 1));
    }

    @Test
    void aGeneratorThatAgreesWithTheTeacherIsNotDividedByZero() {
        NoiseSchedule schedule = NoiseSchedule.of(Schedule.RECTIFIED_FLOW);
        Tensor t = Tensor.of(new double[] {0.5}, 1);
        Tensor xT = Tensor.of(new float[1], 1, 1);
        NoisySamples noisy = new NoisySamples(xT, Tensor.of(new float[] {1}, 1, 1), xT, t, Tensor.of(new long[1], 1));

        Tensor gradient = ScoreGradient.of(
                Normaliser.PER_SAMPLE,
                schedule,
                0,
                noisy,
                Tensor.of(new float[] {-2}, 1, 1),
                Tensor.of(new float[] {-2.002f}, 1, 1));

        assertThat(gradient.isFinite()).isTrue();
        assertThat(gradient.floatAt(0)).isCloseTo(0.001f / 1e-4f, within(0.01f));
    }
}
