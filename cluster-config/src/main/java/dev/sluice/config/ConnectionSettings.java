package dev.sluice.config;

import java.time.Duration;

/**
 * How long a listener for HTTP bears with clients that say nothing: section {@code serving.connections}. A connection
 * whose request a sampler works on is never counted and never closed for silence: {@code serving.queue-limit} bounds
 * those.
 *
 * @param most connections on which no sampler works; for one more the one that was silent longest is closed
 * @param ofOneAddress as {@code most}, of one client's address
 * @param headerWithin how long a request's first line and headers may take, from the connection or their first byte
 * @param idleWithin how long a connection may stay open between two requests
 */
public record ConnectionSettings(int most, int ofOneAddress, Duration headerWithin, Duration idleWithin) {
    /** For whoever has no settings. */
    public static final ConnectionSettings USUAL =
            new ConnectionSettings(1024, 512, Duration.ofSeconds(10), Duration.ofSeconds(30));

    public ConnectionSettings {
        Limits limits = new Limits("serving.connections");
        limits.within("most", most, 1, 100_000);
        limits.within("of-one-address", ofOneAddress, 1, 100_000);
        limits.within("header-within", headerWithin, Duration.ofMillis(100), Duration.ofMinutes(10));
        limits.within("idle-within", idleWithin, Duration.ofMillis(100), Duration.ofHours(1));
        limits.refuse();
    }
}
