package dev.sluice.actors.supervisor;

import dev.sluice.protocol.Role;
import dev.sluice.runtime.checkpoint.Deaths;
import java.time.Duration;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;

/**
 * How often and how soon what failed is put back: failures in a row, with no checkpoint kept between them, wait twice as
 * long each, and after the cap there is no next time. Generator and critic go back together, so their failures
 * count together, and with them the deaths of the whole process. A sampler's failures are forgiven when one serves
 * everything, and not by checkpoints: training says nothing of whether the run can be served.
 */
final class Recovery {
    private static final int MOST_DOUBLINGS = 30;

    private final RunPlan.Restarts restarts;
    private final Deaths.Past past;
    private final Map<Role, Integer> failures = new EnumMap<>(Role.class);
    /** The last order given out when a role failed: who was ordered before it and fails too, fails with it. */
    private final Map<Role, Long> rounds = new EnumMap<>(Role.class);

    Recovery(RunPlan.Restarts restarts, Deaths.Past past) {
        this.restarts = restarts;
        this.past = past;
        if (past.times() > 0) {
            failures.put(Role.GENERATOR, past.times());
        }
    }

    /** Why the run must not even be begun: it killed its process too often. */
    Optional<String> tooManyDeaths() {
        return past.times() <= restarts.most()
                ? Optional.empty()
                : Optional.of("the process died " + past.times() + " times with no checkpoint kept between"
                        + (past.during().isEmpty() ? "" : ", the last time while " + past.during())
                        + "; its log says why, or the kernel's where memory ran out");
    }

    /** The ring has failed again: how long to wait before it goes back; empty when it failed too often. */
    Optional<Duration> nextOfRing() {
        return next(Role.GENERATOR);
    }

    /** A teacher or sampler has failed again, as {@link #nextOfRing}. */
    Optional<Duration> next(Role role) {
        int failed = failures.merge(role, 1, Integer::sum);
        return failed > restarts.most() ? Optional.empty() : Optional.of(backOff(failed));
    }

    /**
     * As {@link #next(Role)}, but those that fail together count once: a cluster that loses many nodes at once has not
     * tried many times.
     *
     * @param order that the failed one was placed by
     * @param orders given out until now
     */
    Optional<Duration> next(Role role, long order, long orders) {
        if (order <= rounds.getOrDefault(role, 0L)) {
            return Optional.of(backOff(Math.max(1, failures.getOrDefault(role, 0))));
        }
        rounds.put(role, orders);
        return next(role);
    }

    private Duration backOff(int failed) {
        double factor = Math.pow(2, Math.min(failed - 1, MOST_DOUBLINGS));
        double millis = Math.min(
                restarts.backOffMin().toMillis() * factor, restarts.backOffMax().toMillis());
        return Duration.ofMillis((long) millis);
    }

    /** A checkpoint was kept: what went wrong in the ring before it is mended. */
    void progressed() {
        failures.keySet().removeAll(EnumSet.complementOf(EnumSet.of(Role.SAMPLER)));
    }

    /** A sampler serves everything. */
    void served() {
        failures.remove(Role.SAMPLER);
    }

    int most() {
        return restarts.most();
    }
}
