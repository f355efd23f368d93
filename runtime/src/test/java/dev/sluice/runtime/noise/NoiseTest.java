package dev.sluice.runtime.noise;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.noise.Noise.Purpose;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class NoiseTest {
    private static final Noise NOISE = new Noise(42, 1);

    /** Computed by an independent implementation of Philox and the normal quantile: other bits are another stream. */
    @Test
    void drawsTheBitsItHasAlwaysDrawn() {
        Tensor gaussian =
                new Noise(0x123456789ABCDEF0L, 3).gaussianFrom(10, Purpose.CRITIC_NOISE, (5L << 32) + 7, 2, 5);
        assertThat(gaussian)
                .isEqualTo(Tensor.of(
                        new float[] {
                            -0.1746758371591568f,
                            -1.1681774854660034f,
                            -1.0752660036087036f,
                            -0.6735371947288513f,
                            2.1837332248687744f,
                            0.22888129949569702f,
                            0.3405531048774719f,
                            1.0705265998840332f,
                            0.6056457757949829f,
                            0.2620896100997925f
                        },
                        2,
                        5));
        assertThat(NOISE.uniform(Purpose.SCORE_TIME, 9, 3))
                .containsExactly(0.33336242043878883, 0.6287207958521321, 0.1004896640079096);
        assertThat(new Noise(-5, 0).integers(Purpose.ROLLOUT_LABEL, 1, 8, 10)).containsExactly(8, 9, 6, 6, 9, 4, 2, 5);
    }

    @Test
    void gaussianHasTheMomentsOfANormal() {
        int n = 400_000;
        Tensor z = NOISE.gaussian(Purpose.CRITIC_NOISE, 0, n / 8, 8);
        double[] moments = new double[5];
        int central = 0;
        for (int i = 0; i < n; i++) {
            double value = z.floatAt(i);
            for (int k = 1; k <= 4; k++) {
                moments[k] += Math.pow(value, k) / n;
            }
            central += Math.abs(value) < 0.6744897501960817 ? 1 : 0;
        }
        // Four standard errors each: of z^k it is √((E z^2k − (E z^k)²) / n).
        double error = 4 / Math.sqrt(n);
        assertThat(moments[1]).isCloseTo(0, within(error));
        assertThat(moments[2]).isCloseTo(1, within(error * Math.sqrt(2)));
        assertThat(moments[3]).isCloseTo(0, within(error * Math.sqrt(15)));
        assertThat(moments[4]).isCloseTo(3, within(error * Math.sqrt(96)));
        assertThat((double) central / n).isCloseTo(0.5, within(error * 0.5));
    }

    @Test
    void uniformAndIntegersCoverTheirRangeEvenly() {
        int n = 100_000;
        int[] counts = new int[10];
        for (long v : NOISE.integers(Purpose.DATA_INDEX, 5, n, 10)) {
            counts[(int) v]++;
        }
        // Four standard deviations of a binomial count.
        for (int count : counts) {
            assertThat((double) count).isCloseTo(n / 10.0, within(4 * 95.0));
        }
        double mean = 0;
        for (double u : NOISE.uniform(Purpose.CRITIC_TIME, 5, n)) {
            assertThat(u).isGreaterThan(0).isLessThan(1);
            mean += u / n;
        }
        assertThat(mean).isCloseTo(0.5, within(4 * 0.2887 / Math.sqrt(n)));
    }

    /** Neighbours in any one of the keys, and values that a careless packing would run together. */
    @Test
    void streamsOfDifferentKeysAreIndependent() {
        int n = 20_000;
        List<Tensor> streams = new ArrayList<>();
        streams.add(draw(new Noise(1, 1), Purpose.ROLLOUT_START, 1, n));
        streams.add(draw(new Noise(2, 1), Purpose.ROLLOUT_START, 1, n));
        streams.add(draw(new Noise(1L << 32 | 1, 1), Purpose.ROLLOUT_START, 1, n));
        streams.add(draw(new Noise(1, 2), Purpose.ROLLOUT_START, 1, n));
        streams.add(draw(new Noise(1, 257), Purpose.ROLLOUT_START, 1, n));
        streams.add(draw(new Noise(1, 1), Purpose.ROLLOUT_STEP, 1, n));
        streams.add(draw(new Noise(1, 1), Purpose.ROLLOUT_START, 2, n));
        streams.add(draw(new Noise(1, 1), Purpose.ROLLOUT_START, 1L << 32 | 1, n));
        streams.add(draw(new Noise(1, 1), Purpose.ROLLOUT_START, 1L << 39 | 1, n));
        streams.add(new Noise(1, 1).gaussianFrom(1, Purpose.ROLLOUT_START, 1, n, 1));
        for (int i = 0; i < streams.size(); i++) {
            for (int j = 0; j < i; j++) {
                double correlation = 0;
                for (int k = 0; k < n; k++) {
                    correlation +=
                            (double) streams.get(i).floatAt(k) * streams.get(j).floatAt(k) / n;
                }
                // 45 pairs: five standard errors.
                assertThat(correlation).as("of %s and %s", i, j).isCloseTo(0, within(5 / Math.sqrt(n)));
            }
        }
    }

    private static Tensor draw(Noise noise, Purpose purpose, long step, int n) {
        return noise.gaussian(purpose, step, n, 1);
    }

    @Test
    void everyPurposeHasAStreamOfItsOwn() {
        List<Tensor> seen = new ArrayList<>();
        for (Purpose purpose : Purpose.values()) {
            seen.add(NOISE.gaussian(purpose, 0, 1, 4));
        }
        assertThat(seen).doesNotHaveDuplicates();
    }

    @Test
    void rowDependsOnItsIndexAlone() {
        Tensor whole = NOISE.gaussian(Purpose.ROLLOUT_START, 3, 8, 2, 3);
        assertThat(NOISE.gaussian(Purpose.ROLLOUT_START, 3, 5, 2, 3)).isEqualTo(whole.rows(0, 5));
        assertThat(NOISE.gaussianFrom(5, Purpose.ROLLOUT_START, 3, 3, 2, 3)).isEqualTo(whole.rows(5, 8));
        assertThat(NOISE.uniform(Purpose.CRITIC_TIME, 3, 5)).startsWith(NOISE.uniform(Purpose.CRITIC_TIME, 3, 2));
    }

    @Test
    void elementsOfARowAreIndependent() {
        int n = 20_000;
        Tensor z = NOISE.gaussian(Purpose.CRITIC_NOISE, 7, n, 6);
        for (int a = 0; a < 6; a++) {
            for (int b = 0; b < a; b++) {
                double correlation = 0;
                for (int i = 0; i < n; i++) {
                    correlation += (double) z.floatAt(6 * i + a) * z.floatAt(6 * i + b) / n;
                }
                assertThat(correlation).isCloseTo(0, within(5 / Math.sqrt(n)));
            }
        }
    }

    @Test
    void refusesKeysThatDoNotFitTheCounter() {
        assertThatThrownBy(() -> NOISE.uniform(Purpose.CRITIC_TIME, -1, 1)).hasMessageContaining("step -1");
        assertThatThrownBy(() -> NOISE.uniform(Purpose.CRITIC_TIME, 1L << 40, 1))
                .hasMessageContaining("step 1099511627776");
        assertThatThrownBy(() -> new Noise(1, -1)).hasMessageContaining("phase -1");
        assertThatThrownBy(() -> new Noise(1, 65_536)).hasMessageContaining("phase 65536");
    }
}
