package dev.sluice.runtime.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.noise.Noise;
import java.util.Arrays;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

class WassersteinTest {
    private static Tensor gaussian(long seed, int n, int d) {
        return new Noise(seed, 0).gaussian(Noise.Purpose.SERVING, 0, n, d);
    }

    /** The cheapest of all assignments, tried one by one. */
    private static double cheapest(Tensor a, Tensor b, int row, boolean[] taken) {
        int n = a.dim(0);
        if (row == n) {
            return 0;
        }
        double best = Double.POSITIVE_INFINITY;
        for (int j = 0; j < n; j++) {
            if (!taken[j]) {
                taken[j] = true;
                double cost = 0;
                for (int k = 0; k < a.dim(1); k++) {
                    cost += Math.pow((double) a.floatAt(row * a.dim(1) + k) - b.floatAt(j * a.dim(1) + k), 2);
                }
                best = Math.min(best, cost + cheapest(a, b, row + 1, taken));
                taken[j] = false;
            }
        }
        return best;
    }

    @RepeatedTest(40)
    void isTheCheapestAssignment(RepetitionInfo repetition) {
        int seed = repetition.getCurrentRepetition();
        int n = 1 + seed % 7;
        Tensor a = gaussian(2L * seed, n, 1 + seed % 3);
        Tensor b = gaussian(2L * seed + 1, n, 1 + seed % 3);
        assertThat(Wasserstein.between(a, b)).isCloseTo(Math.sqrt(cheapest(a, b, 0, new boolean[n]) / n), within(1e-9));
    }

    @Test
    void ofAShiftedSetIsTheShift() {
        Tensor a = gaussian(3, 300, 2);
        float[] shifted = a.toFloats();
        for (int i = 0; i < shifted.length; i += 2) {
            shifted[i] += 3;
            shifted[i + 1] -= 4;
        }
        // In another order, which must not matter.
        float[] turned = new float[shifted.length];
        for (int i = 0; i < 300; i++) {
            System.arraycopy(shifted, 2 * i, turned, 2 * (299 - i), 2);
        }
        assertThat(Wasserstein.between(a, Tensor.of(turned, 300, 2))).isCloseTo(5, within(1e-5));
    }

    @Test
    void onALineIsThatOfTheSortedPoints() {
        float[] a = gaussian(5, 500, 1).toFloats();
        float[] b = gaussian(6, 500, 1).toFloats();
        double distance = Wasserstein.between(Tensor.of(a, 500, 1), Tensor.of(b, 500, 1));
        Arrays.sort(a);
        Arrays.sort(b);
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += Math.pow((double) a[i] - b[i], 2);
        }
        assertThat(distance).isCloseTo(Math.sqrt(sum / 500), within(1e-9));
    }

    @Test
    void equalPointsCostNothing() {
        Tensor a = Tensor.of(new float[2 * 50], 50, 2);
        assertThat(Wasserstein.between(a, a)).isZero();
    }

    @Test
    void whatCannotBeAssignedIsRefused() {
        assertThatThrownBy(() -> Wasserstein.between(gaussian(1, 3, 2), gaussian(1, 4, 2)))
                .hasMessageContaining("between equally many points, at most 2048, not 3 and 4");
        assertThatThrownBy(() -> Wasserstein.between(gaussian(1, 2049, 1), gaussian(2, 2049, 1)))
                .hasMessageContaining("take fewer");
        assertThat(Wasserstein.between(Tensor.of(new float[] {Float.NaN}, 1, 1), gaussian(1, 1, 1)))
                .isNaN();
    }
}
