package dev.sluice.runtime.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import dev.sluice.protocol.Recipe.Schedule;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class NoiseScheduleTest {
    @ParameterizedTest
    @EnumSource(Schedule.class)
    void goesFromDataToNoise(Schedule kind) {
        NoiseSchedule schedule = NoiseSchedule.of(kind);
        assertThat(schedule.alpha(0)).isEqualTo(1);
        assertThat(schedule.sigma(0)).isEqualTo(0);
        assertThat(schedule.alpha(1)).isEqualTo(0);
        assertThat(schedule.sigma(1)).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource(Schedule.class)
    void signalToNoiseRatioFallsStrictly(Schedule kind) {
        NoiseSchedule schedule = NoiseSchedule.of(kind);
        double before = Double.POSITIVE_INFINITY;
        for (int i = 1; i <= 10_000; i++) {
            double t = i / 10_000.0;
            double ratio = Math.pow(schedule.alpha(t) / schedule.sigma(t), 2);
            assertThat(ratio).as("SNR at %s", t).isLessThan(before);
            before = ratio;
        }
    }

    @Test
    void schedulesAreTheNamedOnes() {
        NoiseSchedule flow = NoiseSchedule.of(Schedule.RECTIFIED_FLOW);
        NoiseSchedule preserving = NoiseSchedule.of(Schedule.VARIANCE_PRESERVING);
        for (double t = 0; t <= 1; t += 0.05) {
            assertThat(flow.alpha(t) + flow.sigma(t)).isCloseTo(1, within(1e-15));
            assertThat(Math.hypot(preserving.alpha(t), preserving.sigma(t))).isCloseTo(1, within(1e-15));
        }
    }

    /** Going from s to u and on to t is going from s to t: means multiply, variances carry over and add. */
    @ParameterizedTest
    @EnumSource(Schedule.class)
    void kernelsCompose(Schedule kind) {
        NoiseSchedule schedule = NoiseSchedule.of(kind);
        double[] times = {0, 0.1, 0.5, 0.75, 0.9375, 1};
        for (int i = 0; i < times.length; i++) {
            for (int j = i + 1; j < times.length; j++) {
                for (int k = j + 1; k < times.length; k++) {
                    var first = schedule.kernel(times[i], times[j]);
                    var second = schedule.kernel(times[j], times[k]);
                    var both = schedule.kernel(times[i], times[k]);
                    assertThat(first.alpha() * second.alpha()).isCloseTo(both.alpha(), within(1e-14));
                    assertThat(Math.hypot(second.alpha() * first.sigma(), second.sigma()))
                            .isCloseTo(both.sigma(), within(1e-14));
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Schedule.class)
    void kernelFromTheDataIsTheProcessItself(Schedule kind) {
        NoiseSchedule schedule = NoiseSchedule.of(kind);
        for (double t : new double[] {1e-9, 0.3, 0.9, 1}) {
            var kernel = schedule.kernel(0, t);
            assertThat(kernel.alpha()).isEqualTo(schedule.alpha(t));
            assertThat(kernel.sigma()).isCloseTo(schedule.sigma(t), within(1e-16));
        }
    }

    /** σ_{t|s} = √((t−s)(t+s−2ts)) / (1−s), and √(sin(a−b)·sin(a+b)) / cos b with a = πt/2, b = πs/2. */
    @Test
    void kernelKeepsItsDigitsJustAboveTheBoundary() {
        for (double s : new double[] {0.25, 0.5, 0.833, 0.9375}) {
            for (double gap : new double[] {1e-2, 1e-5, 1e-8}) {
                double t = s + gap;
                double flow = Math.sqrt((t - s) * (t + s - 2 * t * s)) / (1 - s);
                assertThat(NoiseSchedule.of(Schedule.RECTIFIED_FLOW)
                                .kernel(s, t)
                                .sigma())
                        .isCloseTo(flow, withinPercentage(1e-5));
                double a = Math.PI / 2 * t;
                double b = Math.PI / 2 * s;
                double preserving = Math.sqrt(Math.sin(a - b) * Math.sin(a + b)) / Math.cos(b);
                assertThat(NoiseSchedule.of(Schedule.VARIANCE_PRESERVING)
                                .kernel(s, t)
                                .sigma())
                        .isCloseTo(preserving, withinPercentage(1e-5));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Schedule.class)
    void kernelOfTheSmallestStepHasNoise(Schedule kind) {
        for (double s = 0.001; s < 0.99; s += 0.001) {
            assertThat(NoiseSchedule.of(kind).kernel(s, Math.nextUp(s)).sigma())
                    .as("just above %s", s)
                    .isPositive();
        }
    }

    @ParameterizedTest
    @EnumSource(Schedule.class)
    void refusesToGoDownOrOut(Schedule kind) {
        NoiseSchedule schedule = NoiseSchedule.of(kind);
        double[][] bad = {{0.5, 0.5}, {0.5, 0.4}, {-0.1, 0.5}, {0.5, 1.1}, {0.5, Double.NaN}, {Double.NaN, 0.5}};
        for (double[] pair : bad) {
            assertThatThrownBy(() -> schedule.kernel(pair[0], pair[1]))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("a kernel needs 0 <= s < t <= 1, not s = " + pair[0] + ", t = " + pair[1]);
        }
    }
}
