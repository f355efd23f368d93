package dev.sluice.runtime.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.Tensor;
import org.junit.jupiter.api.Test;

class DiversityTest {
    private static final long[] ONE_CLASS = {-1, -1, -1};

    @Test
    void cosineIsTheMeanOverThePairsOfAClassAndThenOverTheClasses() {
        // Class 0: cosines 1, 0 and 0, whatever the lengths. Class 4: −1.
        Tensor features = Tensor.of(new double[] {1, 0, 5, 0, 0, 2, 3, 3, -1, -1}, 5, 2);
        assertThat(Diversity.cosine(features, new long[] {0, 0, 0, 4, 4})).isCloseTo((1 / 3.0 - 1) / 2, within(1e-12));
        assertThat(Diversity.cosine(features.rows(0, 3), ONE_CLASS)).isCloseTo(1 / 3.0, within(1e-12));
    }

    @Test
    void aSampleWithoutFeaturesIsLikeNoOther() {
        assertThat(Diversity.cosine(Tensor.of(new double[] {0, 0, 1, 1}, 2, 2), new long[2]))
                .isZero();
    }

    @Test
    void pixelIsTheRootMeanSquareOfTheDifference() {
        // Pairs (0,1): sqrt((9 + 16)/2); (0,2): 0; (1,2): as the first.
        Tensor samples = Tensor.of(new double[] {1, 1, 4, 5, 1, 1}, 3, 2);
        assertThat(Diversity.pixel(samples, ONE_CLASS)).isCloseTo(2 * Math.sqrt(12.5) / 3, within(1e-12));
    }

    /** A chequerboard and its negative differ by 2 in every pixel and by nothing in every square of four. */
    @Test
    void multiScaleSeesFineDifferencesOnlyAtTheFinestScale() {
        float[] values = new float[2 * 16];
        float[] blocks = new float[2 * 16];
        for (int y = 0; y < 4; y++) {
            for (int x = 0; x < 4; x++) {
                values[4 * y + x] = (x + y) % 2 == 0 ? 1 : -1;
                values[16 + 4 * y + x] = -values[4 * y + x];
                blocks[4 * y + x] = (x / 2 + y / 2) % 2 == 0 ? 1 : -1;
                blocks[16 + 4 * y + x] = -blocks[4 * y + x];
            }
        }
        long[] labels = {3, 3};
        assertThat(Diversity.multiScale(Tensor.of(values, 2, 1, 4, 4), labels)).isCloseTo(2 / 3.0, within(1e-12));
        assertThat(Diversity.multiScale(Tensor.of(blocks, 2, 1, 4, 4), labels)).isCloseTo(4 / 3.0, within(1e-12));
    }

    @Test
    void multiScaleAveragesEachChannelApart() {
        float[] values = new float[2 * 2 * 16];
        java.util.Arrays.fill(values, 0, 16, 1);
        // The first image is 1 and 0 in its channels, the second 0 and 0: the same at every scale.
        assertThat(Diversity.multiScale(Tensor.of(values, 2, 2, 4, 4), new long[2]))
                .isCloseTo(Math.sqrt(0.5), within(1e-12));
    }

    @Test
    void recoveredIsNothingAtTheBaselineAndWholeAtTheTeacher() {
        assertThat(Diversity.recovered(0.6, 0.8, 0.8)).isZero();
        assertThat(Diversity.recovered(0.6, 0.8, 0.6)).isEqualTo(1);
        assertThat(Diversity.recovered(0.6, 0.8, 0.75)).isCloseTo(0.25, within(1e-12));
        assertThat(Diversity.recovered(0.4, 0.2, 0.15)).isCloseTo(-0.25, within(1e-12));
    }

    @Test
    void whatHasNoPairsIsRefused() {
        Tensor samples = Tensor.of(new float[6], 3, 2);
        assertThatThrownBy(() -> Diversity.pixel(samples, new long[] {0, 0, 7}))
                .hasMessage("class 7 has 1 sample; how different two are needs two: draw more samples");
        assertThatThrownBy(() -> Diversity.cosine(samples, new long[2])).hasMessage("2 labels for 3 samples");
        assertThatThrownBy(() -> Diversity.multiScale(Tensor.of(new float[36], 1, 1, 6, 6), new long[1]))
                .hasMessageContaining("class 0 has 1 sample");
        assertThatThrownBy(() -> Diversity.multiScale(Tensor.of(new float[72], 2, 1, 6, 6), new long[2]))
                .hasMessageContaining("sides that 4 divides");
        assertThat(Diversity.pixel(Tensor.of(new float[] {1, Float.NaN}, 2, 1), new long[2]))
                .isNaN();
    }
}
