package dev.sluice.actors.supervisor;

import dev.sluice.protocol.message.SupervisorMessage;
import java.time.Duration;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * What the supervisor waits for, each thing with the time after which its absence is a failure. A key has one limit at a
 * time.
 */
record Limits(TimerScheduler<SupervisorMessage> timers) {
    /** Something did not come in time; {@code what} is written for the user, as it is when the time is over. */
    record Overdue(Supplier<String> what, Duration after) implements SupervisorMessage.Local {}

    void await(String key, Duration within, String what) {
        await(key, within, () -> what);
    }

    void await(String key, Duration within, Supplier<String> what) {
        timers.startSingleTimer(key, new Overdue(what, within), within);
    }

    /** It came. Says whether it was waited for. */
    boolean came(String key) {
        boolean awaited = timers.isTimerActive(key);
        timers.cancel(key);
        return awaited;
    }

    void forgetAll() {
        timers.cancelAll();
    }
}
