package dev.sluice.runtime.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class TimestepShiftTest {
    /** Wan samples at 1000, 938, 833, 625 with shift 5, Qwen-Image at 1000, 900, 750, 500 with shift 3. */
    @Test
    void givesThePapersTimesteps() {
        double[] even = {1, 0.75, 0.5, 0.25};
        int[] wan = {1000, 938, 833, 625};
        int[] qwen = {1000, 900, 750, 500};
        for (int i = 0; i < even.length; i++) {
            assertThat(Math.round(1000 * TimestepShift.shift(5, even[i]))).isEqualTo(wan[i]);
            assertThat(Math.round(1000 * TimestepShift.shift(3, even[i]))).isEqualTo(qwen[i]);
        }
    }

    @Test
    void unshiftUndoesIt() {
        for (double kappa : new double[] {0.2, 1, 3, 5, 100}) {
            double before = -1;
            for (int i = 0; i <= 1000; i++) {
                double t = i / 1000.0;
                double shifted = TimestepShift.shift(kappa, t);
                assertThat(TimestepShift.unshift(kappa, shifted)).isCloseTo(t, within(1e-13));
                assertThat(shifted).isGreaterThan(before);
                before = shifted;
            }
            assertThat(TimestepShift.shift(kappa, 0)).isZero();
            assertThat(TimestepShift.shift(kappa, 1)).isEqualTo(1);
        }
        assertThat(TimestepShift.shift(1, 0.37)).isEqualTo(0.37);
    }
}
