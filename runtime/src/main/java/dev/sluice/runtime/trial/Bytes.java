package dev.sluice.runtime.trial;

import java.util.Locale;

/** Amounts of memory for people. */
final class Bytes {
    private static final double GIB = 1L << 30;
    private static final double MIB = 1L << 20;

    private Bytes() {}

    /** {@code 34 GiB}, {@code 1.5 GiB}, {@code 120 MiB}. */
    static String text(double bytes) {
        return bytes >= 10 * GIB
                ? String.format(Locale.ROOT, "%.0f GiB", bytes / GIB)
                : bytes >= GIB
                        ? String.format(Locale.ROOT, "%.1f GiB", bytes / GIB)
                        : String.format(Locale.ROOT, "%.0f MiB", Math.ceil(bytes / MIB));
    }
}
