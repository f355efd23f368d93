package dev.sluice.runtime.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class AxisTest {
    private static double[] even(double low, double high) {
        return IntStream.rangeClosed(0, 1000)
                .mapToDouble(i -> low + (high - low) * i / 1000)
                .toArray();
    }

    @Test
    void allOfOrdinaryDataIsShown() {
        Axis axis = Axis.around(List.of(even(-1, 1), even(-1.5, 0)));

        assertThat(axis.low()).isCloseTo(-1.625, within(1e-9));
        assertThat(axis.high()).isCloseTo(1.125, within(1e-9));
    }

    @Test
    void oneOutlierDoesNotHideTheRest() {
        double[] values = even(-1, 1);
        values[3] = 1e9;
        values[5] = Double.NEGATIVE_INFINITY;
        values[6] = Double.NaN;

        Axis axis = Axis.around(List.of(values));

        assertThat(axis.low()).isBetween(-1.2, -1.0);
        assertThat(axis.high()).isBetween(1.0, 2.2);
    }

    @Test
    void anExplodedPanelWidensTheFirstOnesRangeByHalfAtMost() {
        Axis axis = Axis.around(List.of(even(-1, 1), even(-1e6, 1e6)));

        assertThat(axis.span()).isCloseTo(4 * 1.1, within(1e-9));
    }

    @Test
    void aRangeOfNothingOrOnePointIsStillARange() {
        assertThat(Axis.around(List.of(new double[] {Double.NaN}))).isEqualTo(new Axis(-1, 1));
        assertThat(Axis.around(List.of(new double[] {3, 3}))).isEqualTo(new Axis(1.5, 4.5));
        assertThat(Axis.around(List.of(new double[] {0, 0}, even(-1, 1))).span())
                .isCloseTo(2.2, within(1e-9));
    }

    @Test
    void ticksAreRoundAndLabelledAsShortAsCanBe() {
        Axis wide = new Axis(-1.9, 2.1);
        Axis narrow = new Axis(0, 0.27);
        Axis huge = new Axis(-3e38, 3e38);

        assertThat(wide.ticks().stream().map(wide::label)).containsExactly("-1", "0", "1", "2");
        assertThat(narrow.ticks().stream().map(narrow::label))
                .containsExactly("0.00", "0.05", "0.10", "0.15", "0.20", "0.25");
        assertThat(huge.ticks().stream().map(huge::label)).contains("-1.0e+38", "0", "2.0e+38");
    }
}
