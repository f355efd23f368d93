package dev.sluice.actors.cli;

import dev.sluice.protocol.Role;
import java.time.Duration;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

/**
 * Something that happens to the process of a role.
 *
 * @param after the fault before it, or the run's first cycle
 * @param suspended for how long, when it is {@link Kind#SUSPEND}
 */
record Fault(Kind kind, Role role, Duration after, Duration suspended) {
    /** What happens. */
    enum Kind {
        /** SIGKILL: gone without a word. */
        KILL,
        /** SIGTERM: it hands over and leaves in order. Not the control node, whose end is the run's. */
        LEAVE,
        /** SIGSTOP and later SIGCONT: there, and silent; removed by the cluster when that lasts. */
        SUSPEND
    }

    private static final int LEAST_SECONDS = 4;
    private static final int MOST_SECONDS = 20;
    private static final int LONGEST_SUSPENSION_SECONDS = 25;

    /** Draws the faults of one run; equal generators draw equal faults. */
    static List<Fault> draw(RandomGenerator random, int count) {
        return Stream.generate(() -> one(random)).limit(count).toList();
    }

    private static Fault one(RandomGenerator random) {
        Role role = Role.values()[random.nextInt(Role.values().length)];
        int dice = random.nextInt(10);
        Kind kind = dice < 5 ? Kind.KILL : dice < 8 || role == Role.CONTROL ? Kind.SUSPEND : Kind.LEAVE;
        Duration after = Duration.ofSeconds(random.nextInt(LEAST_SECONDS, MOST_SECONDS + 1));
        Duration suspended = Duration.ofSeconds(random.nextInt(1, LONGEST_SUSPENSION_SECONDS + 1));
        return new Fault(kind, role, after, suspended);
    }

    @Override
    public String toString() {
        return switch (kind) {
            case KILL -> "kill the " + role.key();
            case LEAVE -> "have the " + role.key() + " leave";
            case SUSPEND -> "suspend the " + role.key() + " for " + suspended.toSeconds() + " s";
        };
    }
}
