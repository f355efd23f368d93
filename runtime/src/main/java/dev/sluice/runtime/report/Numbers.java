package dev.sluice.runtime.report;

import dev.sluice.runtime.evaluation.Measure;
import java.util.Arrays;
import java.util.Locale;

/** Measured values as text. */
final class Numbers {
    private Numbers() {}

    /** The mean and, over several seeds, the range; a dash for none. */
    static String text(Measure measure, double[] values) {
        if (values.length == 0) {
            return "–";
        }
        String mean = text(measure, Arrays.stream(values).average().orElseThrow());
        if (values.length == 1) {
            return mean;
        }
        return mean + " [" + text(measure, Arrays.stream(values).min().orElseThrow()) + ", "
                + text(measure, Arrays.stream(values).max().orElseThrow()) + "]";
    }

    static String text(Measure measure, double value) {
        String text = String.format(Locale.ROOT, "%." + measure.decimals() + "f", value);
        // What rounds to nothing has no sign.
        return text.matches("-0(\\.0*)?") ? text.substring(1) : text;
    }
}
