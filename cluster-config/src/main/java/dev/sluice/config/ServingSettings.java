package dev.sluice.config;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * The HTTP endpoint and its batches: section {@code serving}.
 *
 * @param host to listen on; loopback unless the user says otherwise
 * @param port 0 takes any free one
 * @param queueLimit requests that may wait; the next is refused at once
 * @param maxBatch samples in one batch at most
 * @param maxWait how long a request waits for others to fill its batch
 * @param batchSizes that batches are padded to, ascending; an expert is warmed on each before it serves
 * @param deadline of a request that names none
 * @param maxBodyBytes longest request body; longer ones are answered 413
 * @param connections how many there may be, and for how long without a request
 * @param worker how often the sampler's is started again
 * @param token that requests must bear; empty to answer whoever asks. Never written anywhere
 */
public record ServingSettings(
        String host,
        int port,
        int queueLimit,
        int maxBatch,
        Duration maxWait,
        List<Integer> batchSizes,
        Duration deadline,
        int maxBodyBytes,
        ConnectionSettings connections,
        WorkerSettings worker,
        @Secret Optional<String> token) {
    private static final int LARGEST_BATCH = 1024;
    private static final int SHORTEST_TOKEN = 16;

    public ServingSettings {
        batchSizes = List.copyOf(batchSizes);
        Limits limits = new Limits("serving");
        limits.require(!host.isBlank(), "host", '"' + host + '"', "must be an address to listen on: 127.0.0.1");
        limits.within("port", port, 0, 65_535);
        limits.within("queue-limit", queueLimit, 1, 100_000);
        limits.within("max-batch", maxBatch, 1, LARGEST_BATCH);
        limits.within("max-wait", maxWait, Duration.ZERO, Duration.ofMinutes(1));
        limits.within("deadline", deadline, Duration.ofMillis(1), Duration.ofHours(1));
        limits.within("max-body-bytes", maxBodyBytes, 256, 16 << 20);
        limits.require(
                ascending(batchSizes),
                "batch-sizes",
                batchSizes,
                "must be ascending whole numbers from 1 to " + LARGEST_BATCH + ", such as [1, 2, 4, 8, 16]");
        limits.requireTogether(
                batchSizes.isEmpty() || batchSizes.get(batchSizes.size() - 1) >= maxBatch,
                "max-batch",
                maxBatch,
                "must not be above the largest of serving.batch-sizes " + batchSizes + ": no batch could be padded to"
                        + " it");
        limits.requireTogether(
                maxWait.compareTo(deadline) < 0,
                "max-wait",
                Durations.write(maxWait),
                "must be shorter than serving.deadline = " + Durations.write(deadline)
                        + ": every request would be refused while it waits for its batch");
        token.ifPresent(given -> limits.require(
                given.length() >= SHORTEST_TOKEN && given.matches("[!-~]{1,512}"),
                "token",
                "(hidden)",
                "must be " + SHORTEST_TOKEN + " to 512 characters, none of them a space or beyond ASCII; it has "
                        + given.length() + ". Make one with: openssl rand -hex 32"));
        limits.refuse();
    }

    /** Without a token, with the usual patience for silent connections. */
    public ServingSettings(
            String host,
            int port,
            int queueLimit,
            int maxBatch,
            Duration maxWait,
            List<Integer> batchSizes,
            Duration deadline,
            int maxBodyBytes) {
        this(
                host,
                port,
                queueLimit,
                maxBatch,
                maxWait,
                batchSizes,
                deadline,
                maxBodyBytes,
                ConnectionSettings.USUAL,
                WorkerSettings.USUAL,
                Optional.empty());
    }

    /** The same on another port. */
    public ServingSettings withPort(int other) {
        return new ServingSettings(
                host,
                other,
                queueLimit,
                maxBatch,
                maxWait,
                batchSizes,
                deadline,
                maxBodyBytes,
                connections,
                worker,
                token);
    }

    /** The same with another token, or none. */
    public ServingSettings withToken(Optional<String> other) {
        return new ServingSettings(
                host,
                port,
                queueLimit,
                maxBatch,
                maxWait,
                batchSizes,
                deadline,
                maxBodyBytes,
                connections,
                worker,
                other);
    }

    /** The same with other limits of connections. */
    public ServingSettings withConnections(ConnectionSettings other) {
        return new ServingSettings(
                host, port, queueLimit, maxBatch, maxWait, batchSizes, deadline, maxBodyBytes, other, worker, token);
    }

    /** Without the token itself. */
    @Override
    public String toString() {
        return "ServingSettings[host=" + host + ", port=" + port + ", queueLimit=" + queueLimit + ", maxBatch="
                + maxBatch + ", maxWait=" + maxWait + ", batchSizes=" + batchSizes + ", deadline=" + deadline
                + ", maxBodyBytes=" + maxBodyBytes + ", connections=" + connections + ", worker=" + worker + ", token="
                + (token.isPresent() ? "(hidden)" : "none") + "]";
    }

    private static boolean ascending(List<Integer> sizes) {
        int last = 0;
        for (int size : sizes) {
            if (size <= last || size > LARGEST_BATCH) {
                return false;
            }
            last = size;
        }
        return !sizes.isEmpty();
    }
}
