package dev.sluice.runtime.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.Tensor;
import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MixtureTest {
    private static int[] first(int n) {
        return IntStream.range(0, n).toArray();
    }

    @Test
    void aSampleDependsOnSeedAndIndexAlone() {
        Mixture grid = Mixture.grid(7);
        Tensor together = grid.batch(first(100)).x();

        assertThat(Mixture.grid(7).batch(new int[] {42, 99}).x().rows(0, 1)).isEqualTo(together.rows(42, 43));
        assertThat(Mixture.grid(8).batch(first(100)).x()).isNotEqualTo(together);
        // The next seed is not this one moved on by an index.
        assertThat(Mixture.grid(8).batch(new int[] {41}).x()).isNotEqualTo(together.rows(42, 43));
        assertThat(grid.batch(new int[] {Integer.MAX_VALUE - 1}).x().isFinite()).isTrue();
        assertThatThrownBy(() -> grid.batch(new int[] {-1})).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void withoutSigmaTheLineHasFourPointsEquallyOften() {
        Mixture line = Mixture.line(0, 3);
        Map<Float, Integer> counts = new TreeMap<>();
        for (float v : line.batch(first(4000)).x().toFloats()) {
            counts.merge(v, 1, Integer::sum);
        }

        assertThat(counts.keySet()).containsExactly(-1f, 0f, 1f, 2f);
        // 5 standard deviations of a binomial count about 1000.
        assertThat(counts.values()).allSatisfy(n -> assertThat(n).isBetween(863, 1137));
        assertThat(line.sampleShape()).containsExactly(1);
        assertThat(line.classNames()).isEmpty();
        assertThat(line.batch(first(2)).labels().toLongs()).containsExactly(0, 0);
    }

    @Test
    void theGridHasItsCentresAndItsWidth() {
        Mixture grid = Mixture.grid(1);
        Tensor centres = grid.centres();
        Tensor x = grid.batch(first(20_000)).x();
        double[] sumOfSquares = new double[2];
        for (int i = 0; i < x.dim(0); i++) {
            for (int d = 0; d < 2; d++) {
                double v = x.floatAt(2 * i + d);
                double off = v - 0.8 * Math.rint(v / 0.8);
                sumOfSquares[d] += off * off / x.dim(0);
            }
        }

        assertThat(centres.shape()).containsExactly(25, 2);
        assertThat(new double[] {centres.doubleAt(0), centres.doubleAt(1)}).containsExactly(-1.6, -1.6);
        assertThat(new double[] {centres.doubleAt(48), centres.doubleAt(49)}).containsExactly(1.6, 1.6);
        assertThat(Math.sqrt(sumOfSquares[0])).isCloseTo(0.06, within(0.0015));
        assertThat(Math.sqrt(sumOfSquares[1])).isCloseTo(0.06, within(0.0015));
        assertThat(grid.modeRadius()).isCloseTo(0.18, within(1e-12));
        assertThat(Mixture.line(0, 1).modeRadius()).isCloseTo(0.1, within(1e-12));
    }

    @Test
    void aSigmaThatIsNoneIsRefused() {
        assertThatThrownBy(() -> Mixture.line(-0.1, 1)).hasMessageContaining("sigma = -0.1 must be 0 or more");
        assertThatThrownBy(() -> Mixture.line(Double.NaN, 1)).hasMessageContaining("sigma = NaN");
    }

    @Test
    void mixturesAreOpenedByName() throws IOException {
        assertThat(Datasets.open("mixture-1d").sampleShape()).containsExactly(1);
        assertThat(Datasets.open("mixture-2d").sampleShape()).containsExactly(2);
    }

    @Test
    void anUnknownNameListsTheKnown() {
        assertThatThrownBy(() -> Datasets.open("cifar:/data"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("unknown dataset 'cifar:/data'; known are fashion-mnist[:FOLDER]");
        assertThatThrownBy(() -> Datasets.open("mixture-2d:/data"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("is synthetic: leave away ':/data'");
        assertThatThrownBy(() -> Datasets.open("png"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("names no folder; write it as png:FOLDER");
        assertThatThrownBy(() -> Datasets.open("png:\0"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("names no valid folder");
    }
}
