package dev.sluice.runtime.figure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.Recipe.Schedule;
import dev.sluice.runtime.schedule.NoiseSchedule;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PointMassesTest {
    private static final NoiseSchedule FLOW = NoiseSchedule.of(Schedule.RECTIFIED_FLOW);

    /** Of the one point m, x_t = (1 − t)m + tε, so the velocity is (x_t − m)/t. */
    @Test
    void ofOnePointTheVelocityPointsAwayFromIt() {
        PointMasses one = new PointMasses(List.of(0.4));

        assertThat(one.velocity(FLOW, 1.3, 0.6)).isCloseTo((1.3 - 0.4) / 0.6, within(1e-12));
    }

    /** Of −1 and 1, E[x_0 | x_t] = tanh(α x_t / σ²). */
    @Test
    void ofTwoPointsThePosteriorMeanIsATanh() {
        PointMasses two = new PointMasses(List.of(-1.0, 1.0));
        double data = Math.tanh(0.3 * 0.5 / 0.49);

        assertThat(two.velocity(FLOW, 0.5, 0.7)).isCloseTo((0.5 - 0.3 * data) / 0.7 - data, within(1e-12));
    }

    @Test
    void farFromEverythingItIsStillANumber() {
        assertThat(new PointMasses(List.of(-1.0, 1.0)).velocity(FLOW, 1e6, 1e-3))
                .isFinite();
    }

    @Test
    void trajectoriesEndAtThePoints() {
        List<Double> times = new ArrayList<>();
        for (int i = 0; i <= 1000; i++) {
            times.add(1 - i / 1000.0);
        }
        PointMasses points = new PointMasses(List.of(-1.0, 0.0, 1.0, 2.0));
        for (double start : new double[] {-2, -0.7, 0.1, 0.8, 2.5}) {
            double end = points.trajectory(FLOW, start, times)[1000];
            assertThat(points.at()).anySatisfy(point -> assertThat(end).isCloseTo(point, within(1e-3)));
        }
    }
}
