package dev.sluice.actors.supervisor;

import dev.sluice.protocol.Role;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * How often and how soon a role that failed is put back: failures in a row, with no checkpoint kept between them, wait
 * twice as long each, and after the cap there is no next time (contract F5). Generator and critic go back together, so
 * their failures count together.
 */
final class Recovery {
    private static final int MOST_DOUBLINGS = 30;

    private final RunPlan.Restarts restarts;
    private final Map<Role, Integer> failures = new EnumMap<>(Role.class);

    Recovery(RunPlan.Restarts restarts) {
        this.restarts = restarts;
    }

    /** The ring has failed again: how long to wait before it goes back; empty when it failed too often. */
    Optional<Duration> nextOfRing() {
        return next(Role.GENERATOR);
    }

    /** A teacher or sampler has failed again, as {@link #nextOfRing}. */
    Optional<Duration> next(Role role) {
        int failed = failures.merge(role, 1, Integer::sum);
        if (failed > restarts.most()) {
            return Optional.empty();
        }
        double factor = Math.pow(2, Math.min(failed - 1, MOST_DOUBLINGS));
        double millis = Math.min(
                restarts.backOffMin().toMillis() * factor, restarts.backOffMax().toMillis());
        return Optional.of(Duration.ofMillis((long) millis));
    }

    /** A checkpoint was kept: what went wrong before it is mended. */
    void progressed() {
        failures.clear();
    }

    int most() {
        return restarts.most();
    }
}
