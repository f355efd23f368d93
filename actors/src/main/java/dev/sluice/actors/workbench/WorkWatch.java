package dev.sluice.actors.workbench;

import java.time.Duration;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;

/**
 * Fails when a worker stays at one piece of work: health is progress of work, not an actor that answers.
 *
 * <p>It counts its own ticks and not the clock's time: a process that was suspended, and wakes, has not ticked meanwhile
 * and so does not accuse its worker of the pause.
 */
public final class WorkWatch extends AbstractBehavior<WorkWatch.Tick> {
    /** Ticks in the time that one piece may take. */
    private static final int TICKS = 20;

    /** Its own. */
    public record Tick() {}

    /** The worker's failure, as the controller hears of it. */
    static final class StuckException extends IllegalStateException {
        private static final long serialVersionUID = 1L;

        StuckException(Duration within) {
            super("its worker has been at one piece of work for "
                    + (within.toSeconds() > 0 ? within.toSeconds() + " s" : within.toMillis() + " ms"));
        }
    }

    private final Pace pace;
    private final Duration within;
    private long pieces;
    private int ticks;

    private WorkWatch(ActorContext<Tick> context, Pace pace, Duration within) {
        super(context);
        this.pace = pace;
        this.within = within;
    }

    /** @param within what one piece of work may take, in ticks of this process */
    public static Behavior<Tick> create(Pace pace, Duration within) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> {
            timers.startTimerWithFixedDelay(new Tick(), within.dividedBy(TICKS));
            return new WorkWatch(context, pace, within);
        }));
    }

    @Override
    public Receive<Tick> createReceive() {
        return newReceiveBuilder().onMessage(Tick.class, this::onTick).build();
    }

    private Behavior<Tick> onTick(Tick tick) {
        boolean stands = pace.isAtWork() && pace.pieces() == pieces;
        pieces = pace.pieces();
        ticks = stands ? ticks + 1 : 0;
        if (ticks > TICKS) {
            throw new StuckException(within);
        }
        return this;
    }
}
