package dev.sluice.actors.cli;

import dev.sluice.protocol.Role;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * How soon the process of a role is started again that has died: later from death to death, and not at all after too many
 * of them in a row. In a row are deaths between which the run kept no checkpoint and the process did not live for long.
 */
final class RestartLimit {
    /** Deaths in a row after which a role is given up. */
    static final int MOST = 5;

    /** A process that lived so long was well. */
    static final Duration LONG_LIFE = Duration.ofMinutes(5);

    private static final Duration FIRST_WAIT = Duration.ofMillis(500);

    private record Death(int inARow, Object kept) {}

    private final Supplier<?> kept;
    private final Map<Role, Death> last = new EnumMap<>(Role.class);

    /** @param kept something that changes whenever the run has kept a checkpoint */
    RestartLimit(Supplier<?> kept) {
        this.kept = kept;
    }

    /**
     * A role's process has died.
     *
     * @param lived how long it was there
     * @return how long to wait; empty when it is given up
     */
    Optional<Duration> died(Role role, Duration lived) {
        Object now = kept.get();
        Death before = last.get(role);
        boolean again = before != null && before.kept().equals(now) && lived.compareTo(LONG_LIFE) < 0;
        int inARow = again ? before.inARow() + 1 : 1;
        last.put(role, new Death(inARow, now));
        return inARow >= MOST ? Optional.empty() : Optional.of(FIRST_WAIT.multipliedBy(1L << (inARow - 1)));
    }
}
