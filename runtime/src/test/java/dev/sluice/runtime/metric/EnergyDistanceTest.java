package dev.sluice.runtime.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.Tensor;
import java.util.Random;
import org.junit.jupiter.api.Test;

class EnergyDistanceTest {
    private static Tensor gaussian(long seed, int n, double mean) {
        Random random = new Random(seed);
        double[] values = new double[n];
        for (int i = 0; i < n; i++) {
            values[i] = mean + random.nextGaussian();
        }
        return Tensor.of(values, n, 1);
    }

    /** E|Z| for Z ~ N(mean, 2): the mean of a folded normal distribution. */
    private static double meanDistance(double mean) {
        return 2 / Math.sqrt(Math.PI) * Math.exp(-mean * mean / 4) + mean * (1 - 2 * normal(-mean / Math.sqrt(2)));
    }

    /** Φ, integrated by Simpson's rule. */
    private static double normal(double x) {
        int n = 2000;
        double low = -10;
        double h = (x - low) / n;
        double sum = 0;
        for (int i = 0; i <= n; i++) {
            double z = low + i * h;
            sum += (i == 0 || i == n ? 1 : i % 2 == 1 ? 4 : 2) * Math.exp(-z * z / 2);
        }
        return sum * h / 3 / Math.sqrt(2 * Math.PI);
    }

    @Test
    void twoPointMassesAreTwiceTheirDistanceApart() {
        Tensor a = Tensor.of(new float[] {1, 1, 1, 1, 1, 1}, 3, 2);
        Tensor b = Tensor.of(new double[] {4, 5, 4, 5}, 2, 2);

        assertThat(EnergyDistance.between(a, b)).isCloseTo(10, within(1e-12));
    }

    @Test
    void fourPointsByHand() {
        Tensor a = Tensor.of(new double[] {0, 2}, 2, 1);
        Tensor b = Tensor.of(new double[] {1, 5}, 2, 1);

        // 2·mean(1, 5, 1, 3) − 2 − 4: a point's distance to itself does not count.
        assertThat(EnergyDistance.between(a, b)).isCloseTo(-1, within(1e-12));
    }

    @Test
    void shiftedGaussiansAgreeWithTheClosedForm() {
        for (double shift : new double[] {0.5, 2}) {
            double exact = 2 * meanDistance(shift) - 2 * meanDistance(0);

            double measured = EnergyDistance.between(gaussian(1, 4000, 0), gaussian(2, 4000, shift));

            assertThat(measured).as("shift %s", shift).isCloseTo(exact, within(0.06 * shift));
        }
    }

    @Test
    void equalDistributionsGiveZeroOnAverageWhateverTheSampleSize() {
        double sum = 0;
        for (int i = 0; i < 400; i++) {
            sum += EnergyDistance.between(gaussian(2 * i, 20, 0), gaussian(2 * i + 1, 20, 0));
        }

        // The estimate that counts a point's distance to itself would be 2 · 1.128 / 20 = 0.11.
        assertThat(sum / 400).isCloseTo(0, within(0.015));
    }

    @Test
    void imagesAreComparedAsVectors() {
        Tensor a = Tensor.of(new float[8], 2, 1, 2, 2);
        Tensor b = Tensor.of(new float[] {1, 1, 1, 1, 1, 1, 1, 1}, 2, 1, 2, 2);

        assertThat(EnergyDistance.between(a, b)).isCloseTo(4, within(1e-12));
    }

    @Test
    void samplesThatExplodedHaveNoDistance() {
        Tensor good = Tensor.of(new float[] {0, 1}, 2, 1);

        assertThat(EnergyDistance.between(Tensor.of(new float[] {0, Float.NaN}, 2, 1), good))
                .isNaN();
        assertThat(EnergyDistance.between(good, Tensor.of(new float[] {0, Float.POSITIVE_INFINITY}, 2, 1)))
                .isNaN();
    }

    @Test
    void whatCannotBeComparedIsRefused() {
        Tensor line = Tensor.of(new float[] {0, 1}, 2, 1);

        assertThatThrownBy(() -> EnergyDistance.between(line, Tensor.of(new float[4], 2, 2)))
                .hasMessageContaining("points of 1 dimensions cannot be compared with points of 2");
        assertThatThrownBy(() -> EnergyDistance.between(line, Tensor.of(new float[1], 1, 1)))
                .hasMessageContaining("needs two samples of each kind, not 2 and 1");
        assertThatThrownBy(() -> EnergyDistance.between(line, Tensor.of(new long[2], 2, 1)))
                .hasMessageContaining("the second samples must be floating-point");
        assertThatThrownBy(() -> EnergyDistance.between(Tensor.of(new float[0], 0, 1), line))
                .hasMessageContaining("the first samples must be floating-point [n, …] with n ≥ 1");
    }
}
