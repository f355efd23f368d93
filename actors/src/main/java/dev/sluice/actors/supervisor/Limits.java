package dev.sluice.actors.supervisor;

import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.SupervisorMessage;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * What the supervisor waits for, each thing with the time after which its absence is a failure. A thing has one limit at a
 * time.
 *
 * <p>Time is counted in ticks of this process: one that was suspended and wakes up does not take its own pause for the
 * silence of others.
 */
final class Limits {
    private static final int TICKS = 20;

    private final TimerScheduler<SupervisorMessage> timers;
    private final Map<Awaited, Integer> ticks = new HashMap<>();

    /** What is waited for. */
    sealed interface Awaited {
        /** Somebody for every role that the run needs now. */
        record Roles() implements Awaited {}

        /** The next step of the training. */
        record Training() implements Awaited {}

        /** A node's answer to an order. */
        record Placement(long order) implements Awaited {}

        /** A teacher or sampler that was told what to load. */
        record Loaded(Role role, ActorRef<?> actor) implements Awaited {}

        /** A sampler that was told to swap an expert in. */
        record Swapped(ActorRef<?> sampler, int phase) implements Awaited {}
    }

    /** Something did not come in time; {@code what} is written for the user, as it is when the time is over. */
    record Overdue(Awaited awaited, Supplier<String> what, Duration after) implements SupervisorMessage.Local {
        String cause() {
            return "waited " + after.toSeconds() + " s for " + what.get();
        }
    }

    /** A part of the time has passed. */
    record Tick(Overdue overdue) implements SupervisorMessage.Local {}

    Limits(TimerScheduler<SupervisorMessage> timers) {
        this.timers = timers;
    }

    void await(Awaited awaited, Duration within, Supplier<String> what) {
        ticks.put(awaited, 0);
        timers.startTimerWithFixedDelay(awaited, new Tick(new Overdue(awaited, what, within)), within.dividedBy(TICKS));
    }

    /** Whether it is waited for. */
    boolean isAwaited(Awaited awaited) {
        return ticks.containsKey(awaited);
    }

    /** Says whether that was the last of its ticks; then it is no longer waited for. */
    boolean isOver(Tick tick) {
        Awaited awaited = tick.overdue().awaited();
        boolean last = ticks.merge(awaited, 1, Integer::sum) >= TICKS;
        if (last) {
            came(awaited);
        }
        return last;
    }

    /** It came, or is not waited for any more. Says whether it was waited for. */
    boolean came(Awaited awaited) {
        timers.cancel(awaited);
        return ticks.remove(awaited) != null;
    }

    void forgetAll() {
        ticks.keySet().forEach(timers::cancel);
        ticks.clear();
    }
}
