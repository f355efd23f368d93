package dev.sluice.config;

import java.time.Duration;

/**
 * How often a sampler whose worker dies or gets stuck starts another one: section {@code serving.worker}.
 *
 * @param restarts one after the other, with no batch served in between, before the sampler gives up
 * @param restartDelay before the first of them; doubled for each one that follows
 */
public record WorkerSettings(int restarts, Duration restartDelay) {
    /** For whoever has no settings. */
    public static final WorkerSettings USUAL = new WorkerSettings(5, Duration.ofMillis(500));

    public WorkerSettings {
        Limits limits = new Limits("serving.worker");
        limits.within("restarts", restarts, 0, 20);
        limits.within("restart-delay", restartDelay, Duration.ZERO, Duration.ofMinutes(1));
        limits.refuse();
    }
}
