package dev.sluice.runtime.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.protocol.Tensor;
import org.junit.jupiter.api.Test;

class PrecisionRecallTest {
    private static Tensor line(double... x) {
        return Tensor.of(x, x.length, 1);
    }

    @Test
    void ofASetToItselfAreWhole() {
        Tensor a = line(0, 1, 3, 7, 8);
        assertThat(PrecisionRecall.between(a, a, 3)).isEqualTo(new PrecisionRecall(1, 1, 1));
    }

    @Test
    void ofSetsFarApartAreNothing() {
        assertThat(PrecisionRecall.between(line(0, 1, 2, 3), line(100, 101, 102, 103), 3))
                .isEqualTo(new PrecisionRecall(0, 0, 0));
    }

    /** Two clusters, of which the generator makes one: all of it is right, and half is missing. */
    @Test
    void aLostModeCostsRecallAndNotPrecision() {
        Tensor real = line(0, 1, 2, 3, 50, 51, 52, 53);
        Tensor generated = line(0.5, 1.5, 2.5, 3.5);
        assertThat(PrecisionRecall.between(real, generated, 2)).isEqualTo(new PrecisionRecall(1, 0.5, 0.5));
        assertThat(PrecisionRecall.between(generated, real, 2)).isEqualTo(new PrecisionRecall(0.5, 1, 1));
    }

    /** With k = 1 the balls of 0, 1, 3 reach 1, 1 and 2; with k = 2 they reach 3, 2 and 3, so 5.5 is inside. */
    @Test
    void theBallsReachToTheKthNearestOther() {
        Tensor real = line(0, 1, 3);
        Tensor generated = line(2, 5.5, 5.6, -1.5);
        assertThat(PrecisionRecall.between(real, generated, 1).precision()).isEqualTo(0.25);
        assertThat(PrecisionRecall.between(real, generated, 2).precision()).isEqualTo(1);
    }

    /** One generated sample far away has a ball over everything: recall is fooled, coverage is not. */
    @Test
    void coverageDoesNotRiseWithStraySamples() {
        Tensor real = line(0, 1, 2, 3, 50, 51, 52, 53);
        PrecisionRecall stray = PrecisionRecall.between(real, line(0.5, 1.5, 2.5, 3.5, 1000), 2);
        assertThat(stray).isEqualTo(new PrecisionRecall(0.8, 1, 0.5));
    }

    @Test
    void distancesAreEuclidean() {
        Tensor real = Tensor.of(new double[] {0, 0, 3, 4}, 2, 2);
        Tensor inside = Tensor.of(new double[] {-5, 0, 8, 4}, 2, 2);
        Tensor outside = Tensor.of(new double[] {-5.01, 0, 3, 9.01}, 2, 2);
        assertThat(PrecisionRecall.between(real, inside, 1).precision()).isEqualTo(1);
        assertThat(PrecisionRecall.between(real, outside, 1).precision()).isZero();
    }

    @Test
    void whatCannotBeComparedIsRefused() {
        assertThatThrownBy(() -> PrecisionRecall.between(line(0, 1, 2), line(0, 1, 2, 3), 3))
                .hasMessageContaining("the 3 nearest neighbours of 3 and 4 samples");
        assertThatThrownBy(() -> PrecisionRecall.between(line(0, 1), Tensor.of(new float[4], 2, 2), 1))
                .hasMessageContaining("cannot be compared");
        PrecisionRecall broken = PrecisionRecall.between(line(0, Double.NaN), line(0, 1), 1);
        assertThat(broken.precision()).isNaN();
        assertThat(broken.recall()).isNaN();
        assertThat(broken.coverage()).isNaN();
    }
}
