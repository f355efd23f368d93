package dev.sluice.runtime.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.Recipe.Schedule;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.noise.Noise;
import dev.sluice.runtime.noise.Noise.Purpose;
import dev.sluice.runtime.schedule.NoiseSchedule;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Eq 11 and 12 on data of which everything is known: x_0 is −1 or 1 with equal odds, so that E[x_0 | x_t] =
 * tanh(α x_t / σ²).
 */
class SubintervalTargetTest {
    private static final int SAMPLES = 400_000;
    private static final Noise NOISE = new Noise(11, 0);
    /** A difference of conditional means shows in its product with one of these. */
    private static final List<DoubleUnaryOperator> TESTS =
            List.of(x -> 1, x -> x, x -> Math.tanh(3 * x), x -> Math.exp(-x * x), x -> Math.cos(2 * x));

    private static Stream<Arguments> cuts() {
        return Arrays.stream(Schedule.values())
                .flatMap(schedule -> Stream.of(
                        Arguments.of(schedule, 0.25, 0.27),
                        Arguments.of(schedule, 0.25, 0.5),
                        Arguments.of(schedule, 0.5, 0.52),
                        Arguments.of(schedule, 0.5, 0.75),
                        Arguments.of(schedule, 0.8, 0.82),
                        Arguments.of(schedule, 0.8, 0.95)));
    }

    /** One draw of the process: x_0, x_s and x_t with the noise between the last two. */
    private record Draw(NoiseSchedule schedule, double s, Tensor t, Tensor x0, Tensor xS, Tensor epsilon, Tensor xT) {
        static Draw of(Schedule kind, double s, double t, int samples) {
            NoiseSchedule schedule = NoiseSchedule.of(kind);
            float[] data = new float[samples];
            double[] times = new double[samples];
            long[] sides = NOISE.integers(Purpose.ROLLOUT_LABEL, 0, samples, 2);
            for (int n = 0; n < samples; n++) {
                data[n] = 2 * sides[n] - 1;
                times[n] = t;
            }
            Tensor x0 = Tensor.of(data, samples, 1);
            Tensor first = NOISE.gaussian(Purpose.ROLLOUT_START, 0, samples, 1);
            Tensor epsilon = NOISE.gaussian(Purpose.CRITIC_NOISE, 0, samples, 1);
            Tensor xS = Linear.combine(schedule.alpha(s), x0, schedule.sigma(s), first);
            Tensor time = Tensor.of(times, samples);
            return new Draw(schedule, s, time, x0, xS, epsilon, Renoise.to(schedule, s, time, xS, epsilon));
        }

        /** E[ε − x_0 | x_t], where ε belongs to the whole process. */
        double velocity(double xT) {
            double alpha = schedule.alpha(t.doubleAt(0));
            double sigma = schedule.sigma(t.doubleAt(0));
            double data = Math.tanh(alpha * xT / (sigma * sigma));
            return (xT - alpha * data) / sigma - data;
        }

        /** The largest of the test functions' products with target − velocity, in standard errors. */
        double worstDeviation(Tensor target) {
            return TESTS.stream()
                    .mapToDouble(test -> deviation(target, test))
                    .max()
                    .orElseThrow();
        }

        private double deviation(Tensor target, DoubleUnaryOperator test) {
            double sum = 0;
            double squares = 0;
            for (int n = 0; n < target.size(); n++) {
                double x = xT.floatAt(n);
                double product = (target.floatAt(n) - velocity(x)) * test.applyAsDouble(x);
                sum += product;
                squares += product * product;
            }
            double mean = sum / target.size();
            double variance = squares / target.size() - mean * mean;
            return Math.abs(mean) / Math.sqrt(variance / target.size());
        }
    }

    @ParameterizedTest
    @MethodSource("cuts")
    void conditionalMeanIsTheVelocityOfTheWholeProcess(Schedule kind, double s, double t) {
        Draw draw = Draw.of(kind, s, t, SAMPLES);

        Tensor target = SubintervalTarget.velocity(draw.schedule(), s, draw.t(), draw.xS(), draw.epsilon());

        assertThat(draw.worstDeviation(target)).isLessThan(5);
    }

    /** What a fake score would learn if it took x_s for data: the same check refuses it by far. */
    @ParameterizedTest
    @MethodSource("cuts")
    void theWrongTargetIsRefusedByTheSameCheck(Schedule kind, double s, double t) {
        Draw draw = Draw.of(kind, s, t, SAMPLES);

        Tensor wrong = Linear.combine(1, draw.epsilon(), -1, draw.xS());

        assertThat(draw.worstDeviation(wrong)).isGreaterThan(20);
    }

    @ParameterizedTest
    @MethodSource("cuts")
    void bothTargetsSayTheSameOfEverySample(Schedule kind, double s, double t) {
        Draw draw = Draw.of(kind, s, t, 1000);

        Tensor velocity = SubintervalTarget.velocity(draw.schedule(), s, draw.t(), draw.xS(), draw.epsilon());
        Tensor data = SubintervalTarget.data(draw.schedule(), s, draw.t(), draw.xS(), draw.epsilon());

        Tensor converted = Velocity.toData(draw.schedule(), draw.xT(), draw.t(), velocity);
        for (int n = 0; n < data.size(); n++) {
            assertThat(converted.floatAt(n))
                    .isCloseTo(data.floatAt(n), within(1e-5f * (1 + Math.abs(velocity.floatAt(n)))));
        }
    }

    @ParameterizedTest
    @EnumSource(Schedule.class)
    void atTheDataItIsTheOrdinaryTarget(Schedule kind) {
        Draw draw = Draw.of(kind, 0, 0.6, 1000);

        assertThat(SubintervalTarget.velocity(draw.schedule(), 0, draw.t(), draw.xS(), draw.epsilon()))
                .isEqualTo(Linear.combine(1, draw.epsilon(), -1, draw.x0()));
        assertThat(SubintervalTarget.data(draw.schedule(), 0, draw.t(), draw.xS(), draw.epsilon()))
                .isEqualTo(draw.x0());
    }

    /** As 1/√(t − s): a quarter of the distance doubles it. */
    @Test
    void theNoisesCoefficientGrowsWithoutBoundTowardsTheBoundary() {
        NoiseSchedule schedule = NoiseSchedule.of(Schedule.RECTIFIED_FLOW);
        double near = SubintervalTarget.noiseCoefficient(schedule, 0.5, 0.5 + 4e-8);
        double nearer = SubintervalTarget.noiseCoefficient(schedule, 0.5, 0.5 + 1e-8);

        assertThat(nearer / near).isCloseTo(2, within(1e-4));
        assertThat(near).isGreaterThan(1000);
    }

    /** (0.25·0.75 + 0.25·0.25) / (0.25·√(0.5625 − 0.0625)) by hand for s = 1/2, t = 3/4. */
    @Test
    void theNoisesCoefficientOfOneCutByHand() {
        NoiseSchedule schedule = NoiseSchedule.of(Schedule.RECTIFIED_FLOW);

        assertThat(SubintervalTarget.noiseCoefficient(schedule, 0.5, 0.75))
                .isCloseTo(0.25 / (0.25 * Math.sqrt(0.5)), within(1e-12));
    }
}
