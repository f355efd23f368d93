package dev.sluice.monitoring.view;

import dev.sluice.monitoring.run.EventLog;
import dev.sluice.protocol.event.RunEvent;
import dev.sluice.protocol.event.RunEvent.ExpertPublished;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Where a run stands, as its events tell it.
 *
 * @param cause why it failed; empty where it did not
 * @param epoch the highest that the log tells of; 0 when it tells of none
 * @param seconds that training took, of a run that is finished
 * @param begun phases, from 1, whose training has begun
 * @param experts that are in force, in the order of their publication: without those that were set aside afterwards
 */
public record RunView(
        State state, String cause, int epoch, OptionalLong seconds, Set<Integer> begun, List<ExpertPublished> experts) {
    /** What became of a run. */
    public enum State {
        /** It was never begun, goes on, or was stopped before its end. */
        UNDER_WAY,
        /** All of its experts are trained. It stays so: a finished run that is cancelled is only served no longer. */
        FINISHED,
        /** It gave up. Whoever resumes it by hand has mended something, and it may finish yet. */
        FAILED,
        /** It was cancelled before it was finished. */
        CANCELLED
    }

    public RunView {
        begun = Set.copyOf(begun);
        experts = List.copyOf(experts);
    }

    public static RunView of(EventLog.Reading log) {
        State state = State.UNDER_WAY;
        String cause = "";
        int epoch = 0;
        OptionalLong seconds = OptionalLong.empty();
        Set<Integer> begun = new HashSet<>();
        List<ExpertPublished> experts = new ArrayList<>();
        for (EventLog.Event line : log.events()) {
            RunEvent event = line.event();
            if (event instanceof RunEvent.OfEpoch told) {
                epoch = Math.max(epoch, told.epoch());
            }
            if (event instanceof RunEvent.RunFinished finished) {
                state = State.FINISHED;
                seconds = OptionalLong.of(Math.max(finished.seconds(), seconds.orElse(0)));
            } else if (event instanceof RunEvent.RunFailed failed && state != State.FINISHED) {
                state = State.FAILED;
                cause = failed.cause();
            } else if (event instanceof RunEvent.RunCancelled && state == State.UNDER_WAY) {
                state = State.CANCELLED;
            } else if (event instanceof RunEvent.PhaseBegun phase) {
                begun.add(phase.phase());
            } else if (event instanceof ExpertPublished expert) {
                experts.add(expert);
            } else if (event instanceof RunEvent.ExpertsSetAside aside) {
                experts.removeIf(before -> before.phase() >= aside.fromPhase());
            }
        }
        return new RunView(state, state == State.FAILED ? cause : "", epoch, seconds, begun, experts);
    }

    public boolean isFinished() {
        return state == State.FINISHED;
    }
}
