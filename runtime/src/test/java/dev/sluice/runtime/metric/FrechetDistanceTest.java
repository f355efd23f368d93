package dev.sluice.runtime.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.Tensor;
import org.junit.jupiter.api.Test;

class FrechetDistanceTest {
    private static final double[] ORIGIN = {0, 0};

    /**
     * Four points whose mean is {@code mean} and whose unbiased covariance is diag(a², b²) turned by {@code angle}.
     */
    private static Tensor points(double[] mean, double a, double b, double angle) {
        double r = Math.sqrt(1.5);
        double[][] unit = {{r, 0}, {-r, 0}, {0, r}, {0, -r}};
        double[] values = new double[8];
        for (int i = 0; i < 4; i++) {
            double x = a * unit[i][0];
            double y = b * unit[i][1];
            values[2 * i] = mean[0] + Math.cos(angle) * x - Math.sin(angle) * y;
            values[2 * i + 1] = mean[1] + Math.sin(angle) * x + Math.cos(angle) * y;
        }
        return Tensor.of(values, 4, 2);
    }

    @Test
    void ofAxisAlignedGaussiansIsTheSumOverTheAxes() {
        Tensor a = points(new double[] {1, 2}, 3, 0.5, 0);
        Tensor b = points(new double[] {-1, 2.5}, 1, 2, 0);

        assertThat(FrechetDistance.between(a, b)).isCloseTo(4 + 0.25 + 4 + 2.25, within(1e-12));
        assertThat(FrechetDistance.between(b, a)).isCloseTo(10.5, within(1e-12));
    }

    /**
     * Covariances that do not commute. For 2×2 matrices tr(M^½) = (tr M + 2 (det M)^½)^½, with M = Σ_a Σ_b, whose trace
     * is here written out by hand.
     */
    @Test
    void ofTurnedGaussians() {
        double angle = 0.7;
        double traceOfProduct =
                Math.pow(Math.cos(angle), 2) * (9 * 4 + 1 * 0.25) + Math.pow(Math.sin(angle), 2) * (9 * 0.25 + 1 * 4);
        double root = Math.sqrt(traceOfProduct + 2 * 3 * 1 * 2 * 0.5);
        Tensor a = points(ORIGIN, 3, 1, 0.2);
        Tensor b = points(ORIGIN, 2, 0.5, 0.2 + angle);

        assertThat(FrechetDistance.between(a, b)).isCloseTo(9 + 1 + 4 + 0.25 - 2 * root, within(1e-12));
    }

    @Test
    void ofASetToItselfIsNothing() {
        Tensor a = points(new double[] {5, -3}, 3, 0.5, 1.1);
        assertThat(FrechetDistance.between(a, a)).isCloseTo(0, within(1e-12));
    }

    /** One feature that never varies makes the covariances singular. */
    @Test
    void ofFlatFeatures() {
        assertThat(FrechetDistance.between(points(ORIGIN, 2, 0, 0.4), points(ORIGIN, 0, 0, 0)))
                .isCloseTo(4, within(1e-12));
    }

    @Test
    void whatCannotBeComparedIsRefused() {
        Tensor two = Tensor.of(new float[4], 2, 2);
        assertThatThrownBy(() -> FrechetDistance.between(two, Tensor.of(new float[6], 2, 3)))
                .hasMessage("points of 2 dimensions cannot be compared with points of 3");
        assertThatThrownBy(() -> FrechetDistance.between(two, Tensor.of(new float[2], 1, 2)))
                .hasMessage("a covariance needs two samples of each kind, not 2 and 1");
        assertThat(FrechetDistance.between(two, Tensor.of(new float[] {1, Float.NaN, 0, 0}, 2, 2)))
                .isNaN();
    }
}
