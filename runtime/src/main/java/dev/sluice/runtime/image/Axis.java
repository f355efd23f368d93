package dev.sluice.runtime.image;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** A range of values that a plot shows, with its ticks. */
record Axis(double low, double high) {
    private static final double TAIL = 0.01;
    /** How far, in spans between the tails' quantiles, the axis follows the tails. */
    private static final double TAIL_REACH = 0.5;

    private static final double PADDING = 0.05;
    private static final int MOST_TICKS = 7;

    double span() {
        return high - low;
    }

    /** Same centre, another span. */
    Axis withSpan(double span) {
        double centre = low + span() / 2;
        return new Axis(centre - span / 2, centre + span / 2);
    }

    /** Where a value lies: 0 at the low end, 1 at the high end. */
    double position(double value) {
        return (value - low) / span();
    }

    boolean contains(double value) {
        return value >= low && value <= high;
    }

    /**
     * One range for several panels. Within a panel, single outliers do not stretch it. Between panels, the first is the
     * measure, by convention the data or the teacher: the others widen the range by at most half its span to either side, so
     * that a generator that has exploded does not shrink what it should look like to a dot.
     *
     * @param panels values of each; those that are not finite are passed over
     */
    static Axis around(List<double[]> panels) {
        List<Axis> ranges = panels.stream()
                .map(Axis::typical)
                .filter(r -> Double.isFinite(r.low))
                .toList();
        if (ranges.isEmpty()) {
            return new Axis(-1, 1);
        }
        Axis first = ranges.get(0);
        double reach = first.span() > 0 ? first.span() / 2 : Double.POSITIVE_INFINITY;
        double low = first.low;
        double high = first.high;
        for (Axis range : ranges) {
            low = Math.min(low, Math.max(range.low, first.low - reach));
            high = Math.max(high, Math.min(range.high, first.high + reach));
        }
        double padding = high > low ? PADDING * (high - low) : Math.max(1, Math.abs(low) / 2);
        return new Axis(low - padding, high + padding);
    }

    /** From quantile to quantile and a little into the tails, never past the data; NaN ends without any. */
    private static Axis typical(double[] values) {
        double[] sorted =
                Arrays.stream(values).filter(Double::isFinite).sorted().toArray();
        if (sorted.length == 0) {
            return new Axis(Double.NaN, Double.NaN);
        }
        int last = sorted.length - 1;
        double low = sorted[(int) Math.floor(TAIL * last)];
        double high = sorted[(int) Math.ceil((1 - TAIL) * last)];
        double reach = TAIL_REACH * (high - low);
        return new Axis(Math.max(sorted[0], low - reach), Math.min(sorted[last], high + reach));
    }

    /** Round values within the range, 1, 2 or 5 times a power of ten apart. */
    List<Double> ticks() {
        double step = step();
        List<Double> ticks = new ArrayList<>();
        for (double k = Math.ceil(low / step); k * step <= high && ticks.size() <= MOST_TICKS; k++) {
            // Adding zero turns −0 into 0.
            ticks.add(k * step + 0.0);
        }
        return ticks;
    }

    /** A tick in as many decimals as tell it from its neighbours. */
    String label(double tick) {
        int decimals = (int) Math.max(0, -Math.floor(Math.log10(step()) + 1e-9));
        boolean plain = Math.abs(tick) < 1e5 && decimals <= 4;
        return plain
                ? String.format(Locale.ROOT, "%." + decimals + "f", tick)
                : String.format(Locale.ROOT, "%.1e", tick);
    }

    private double step() {
        double power = Math.pow(10, Math.floor(Math.log10(span() / MOST_TICKS)));
        for (double factor : new double[] {1, 2, 5}) {
            if (span() / (power * factor) <= MOST_TICKS) {
                return power * factor;
            }
        }
        return power * 10;
    }
}
