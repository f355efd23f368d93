package dev.sluice.runtime.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.data.Mixture;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ModesTest {
    private static final Tensor TWO = Tensor.of(new double[] {0, 10}, 2, 1);

    private static Tensor line(float... values) {
        return Tensor.of(values, values.length, 1);
    }

    @Test
    void aModeCountsFromItsMinimalShareOn() {
        float[] values = new float[1000];
        Arrays.fill(values, 0, 7, 10f);
        assertThat(Modes.reached(line(values), TWO, 0.5, 0.008)).isEqualTo(1);

        values[7] = 10.5f;
        assertThat(Modes.reached(line(values), TWO, 0.5, 0.008)).isEqualTo(2);

        values[7] = 10.51f;
        assertThat(Modes.reached(line(values), TWO, 0.5, 0.008)).isEqualTo(1);
    }

    @Test
    void theDataItselfReachesEveryMode() {
        Mixture grid = Mixture.grid(1);
        Mixture points = Mixture.line(0, 1);
        int[] indices = IntStream.range(0, 2000).toArray();

        assertThat(Modes.reached(grid.batch(indices).x(), grid)).isEqualTo(25);
        assertThat(Modes.reached(points.batch(indices).x(), points)).isEqualTo(4);
    }

    @Test
    void aCollapsedGeneratorReachesOne() {
        assertThat(Modes.reached(Tensor.of(new float[2000], 1000, 2), Mixture.grid(1)))
                .isEqualTo(1);
    }

    @Test
    void samplesBetweenTheModesReachNone() {
        float[] between = new float[2000];
        Arrays.fill(between, 0.4f);

        assertThat(Modes.reached(Tensor.of(between, 1000, 2), Mixture.grid(1))).isZero();
    }

    @Test
    void explodedSamplesReachNothingButCount() {
        assertThat(Modes.reached(line(0, 0, Float.NaN, Float.NEGATIVE_INFINITY), TWO, 1, 0.5))
                .isEqualTo(1);
        assertThat(Modes.reached(line(0, 0, Float.NaN, Float.NEGATIVE_INFINITY), TWO, 1, 0.51))
                .isZero();
    }

    @Test
    void senselessArgumentsAreRefused() {
        assertThatThrownBy(() -> Modes.reached(line(0), TWO, -1, 0.5)).hasMessageContaining("radius = -1.0");
        assertThatThrownBy(() -> Modes.reached(line(0), TWO, 1, 0)).hasMessageContaining("must be in (0, 1]");
        assertThatThrownBy(() -> Modes.reached(line(0), Mixture.grid(1)))
                .hasMessageContaining("points of 1 dimensions cannot be compared with points of 2");
    }
}
