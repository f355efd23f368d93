package dev.sluice.runtime.noise;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NormalQuantileTest {
    @ParameterizedTest
    @CsvSource({
        "1e-300, -37.0470962993612",
        "1e-10, -6.361340902404056",
        "0.001, -3.090232306167813",
        "0.025, -1.9599639845400545",
        "0.3, -0.5244005127080409",
        "0.975, 1.959963984540054"
    })
    void givesKnownQuantiles(double p, double z) {
        assertThat(NormalQuantile.of(p)).isCloseTo(z, within(4e-15 * Math.abs(z)));
    }

    /** All three of its rational functions, in relative error of the tail's probability. */
    @Test
    void isTheInverseOfTheDistributionFunction() {
        for (double z = -12; z <= 0; z += 0.01) {
            double p = below(z);
            assertThat(below(NormalQuantile.of(p))).as("at z = %s", z).isCloseTo(p, withinPercentage(1e-10));
        }
    }

    @Test
    void isOddAboutAHalfAndRises() {
        double before = Double.NEGATIVE_INFINITY;
        for (int i = 1; i < 4096; i++) {
            double p = i / 4096.0;
            double z = NormalQuantile.of(p);
            assertThat(z).isGreaterThan(before);
            assertThat(NormalQuantile.of(1 - p)).isEqualTo(-z);
            before = z;
        }
        assertThat(NormalQuantile.of(0.5)).isZero();
    }

    /** Φ(z) for z ≤ 0: its Taylor series near the middle, Laplace's continued fraction in the tail. */
    private static double below(double z) {
        double x = -z;
        double density = Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
        if (x > 2.5) {
            double fraction = x;
            for (int k = 400; k >= 1; k--) {
                fraction = x + k / fraction;
            }
            return density / fraction;
        }
        double sum = 0;
        double term = x;
        for (int k = 1; k < 200; k++) {
            sum += term;
            term *= x * x / (2 * k + 1);
        }
        return 0.5 - density * sum;
    }
}
