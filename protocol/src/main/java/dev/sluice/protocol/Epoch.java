package dev.sluice.protocol;

/**
 * The number of a run's start: whoever acts for it carries the number, and of two the higher is right. A run has a few
 * hundred at most, so a number outside of the range here was not handed out: it is damage, and comparing with it would
 * turn right and wrong around.
 */
public final class Epoch {
    /** Of a run's first start. */
    public static final int FIRST = 1;

    /** No start has a higher one. */
    public static final int LAST = 999_999_999;

    private Epoch() {}

    public static boolean isOne(long number) {
        return number >= FIRST && number <= LAST;
    }
}
