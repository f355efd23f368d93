package dev.sluice.actors.files;

import java.time.Duration;

/**
 * Limits of one process's transfers.
 *
 * @param cacheBytes that files fetched or sent may keep in the cache; files in use stay, also above it
 * @param atOnce transfers at a time; the next one waits for one of them to end
 * @param quiet after which a transfer that does not move has failed
 * @param answerWithin of a question to a file server, and for the first one to be found
 */
public record TransferSettings(long cacheBytes, int atOnce, Duration quiet, Duration answerWithin) {
    /** What suits networks of some hundred megabytes. */
    public static final TransferSettings DEFAULTS =
            new TransferSettings(20L << 30, 4, Duration.ofSeconds(30), Duration.ofSeconds(20));

    /** The same with another size of the cache. */
    public TransferSettings withCacheBytes(long other) {
        return new TransferSettings(other, atOnce, quiet, answerWithin);
    }

    public TransferSettings {
        require(cacheBytes >= 0, "cacheBytes", cacheBytes, "at least 0");
        require(atOnce >= 1 && atOnce <= 6, "atOnce", atOnce, "between 1 and 6: more would overflow a connection");
        require(isPositive(quiet), "quiet", quiet, "longer than nothing");
        require(isPositive(answerWithin), "answerWithin", answerWithin, "longer than nothing");
    }

    private static boolean isPositive(Duration time) {
        return !time.isNegative() && !time.isZero();
    }

    private static void require(boolean holds, String name, Object value, String mend) {
        if (!holds) {
            throw new IllegalArgumentException(name + " = " + value + " must be " + mend);
        }
    }
}
