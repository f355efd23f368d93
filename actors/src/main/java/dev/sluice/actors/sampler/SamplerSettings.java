package dev.sluice.actors.sampler;

import dev.sluice.config.ServingSettings;
import java.time.Duration;
import java.util.List;

/**
 * How the sampler queues, batches and recovers.
 *
 * @param queueLimit requests that may wait, those being computed not counted; the next is refused at once
 * @param maxBatch samples in one batch at most, and in one request
 * @param maxWait how long a request waits for others while the worker is idle
 * @param batchSizes that batches are padded to, ascending, the last at least {@code maxBatch}
 * @param restarts of the worker, one after the other without a batch served in between, before the sampler gives up
 * @param restartDelay before the first of them; doubled for each one that follows
 */
public record SamplerSettings(
        int queueLimit, int maxBatch, Duration maxWait, List<Integer> batchSizes, int restarts, Duration restartDelay) {
    public SamplerSettings {
        batchSizes = List.copyOf(batchSizes);
        require(queueLimit >= 1, "queue-limit", queueLimit, "at least 1");
        require(maxBatch >= 1, "max-batch", maxBatch, "at least 1");
        require(!maxWait.isNegative(), "max-wait", maxWait, "0 or more");
        require(ascending(batchSizes), "batch-sizes", batchSizes, "ascending whole numbers from 1, at least one");
        int largest = batchSizes.get(batchSizes.size() - 1);
        require(maxBatch <= largest, "max-batch", maxBatch, "at most the largest of batch-sizes, " + largest);
        require(restarts >= 0 && restarts <= 20, "restarts", restarts, "between 0 and 20");
        require(!restartDelay.isNegative(), "restart-delay", restartDelay, "0 or more");
    }

    /** The sampler's share of the endpoint's settings. */
    public static SamplerSettings of(ServingSettings serving) {
        return new SamplerSettings(
                serving.queueLimit(),
                serving.maxBatch(),
                serving.maxWait(),
                serving.batchSizes(),
                serving.worker().restarts(),
                serving.worker().restartDelay());
    }

    /** The smallest of the batch sizes that holds {@code rows}. */
    int paddedSize(int rows) {
        return batchSizes.stream().filter(size -> size >= rows).findFirst().orElseThrow();
    }

    /** Before restart {@code number}, counted from 1. */
    Duration delayOfRestart(int number) {
        return restartDelay.multipliedBy(1L << (number - 1));
    }

    private static boolean ascending(List<Integer> sizes) {
        int last = 0;
        for (int size : sizes) {
            if (size <= last) {
                return false;
            }
            last = size;
        }
        return !sizes.isEmpty();
    }

    private static void require(boolean holds, String key, Object value, String mend) {
        if (!holds) {
            throw new IllegalArgumentException(key + " = " + value + " must be " + mend);
        }
    }
}
