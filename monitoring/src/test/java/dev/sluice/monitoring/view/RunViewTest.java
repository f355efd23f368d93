package dev.sluice.monitoring.view;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.view.RunView.State;
import dev.sluice.protocol.event.RunEvent;
import dev.sluice.protocol.event.RunEvent.ExpertPublished;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class RunViewTest {
    private static final ExpertPublished FIRST = new ExpertPublished(1, 1, "phase-1", "a", "/a");
    private static final ExpertPublished SECOND = new ExpertPublished(2, 2, "phase-2", "b", "/b");
    private static final ExpertPublished SECOND_AGAIN = new ExpertPublished(4, 2, "phase-2", "c", "/b");

    @Test
    void nothingIsKnownOfARunThatNeverBegan() {
        RunView view = view();

        assertThat(view.state()).isEqualTo(State.UNDER_WAY);
        assertThat(view.epoch()).isZero();
        assertThat(view.seconds()).isEmpty();
        assertThat(view.experts()).isEmpty();
    }

    @Test
    void theHighestEpochCountsWhateverCameLast() {
        assertThat(view(new RunEvent.RunCancelled(7), new RunEvent.PhaseEnded(3, 1, 2))
                        .epoch())
                .isEqualTo(7);
    }

    @Test
    void whatIsFinishedStaysFinished() {
        RunView view = view(
                new RunEvent.RunFinished(1, 30), new RunEvent.RunCancelled(1), new RunEvent.RunFailed(2, "a fault"));

        assertThat(view.state()).isEqualTo(State.FINISHED);
        assertThat(view.isFinished()).isTrue();
        assertThat(view.cause()).isEmpty();
        assertThat(view.seconds()).hasValue(30);
    }

    @Test
    void aRunThatFailedMayFinishYet() {
        RunEvent failed = new RunEvent.RunFailed(1, "a fault");

        assertThat(view(failed).state()).isEqualTo(State.FAILED);
        assertThat(view(failed).cause()).isEqualTo("a fault");
        assertThat(view(failed, new RunEvent.RunFinished(2, 30)).state()).isEqualTo(State.FINISHED);
        assertThat(view(failed, new RunEvent.RunFinished(2, 30)).cause()).isEmpty();
    }

    @Test
    void whatIsCancelledIsOver() {
        assertThat(view(new RunEvent.PhaseBegun(1, 1, 1, 0.5, 0, 2), new RunEvent.RunCancelled(1))
                        .state())
                .isEqualTo(State.CANCELLED);
        assertThat(view(new RunEvent.RunFailed(1, "a fault"), new RunEvent.RunCancelled(1))
                        .state())
                .isEqualTo(State.FAILED);
    }

    @Test
    void expertsThatWereSetAsideAreNotInForce() {
        assertThat(view(FIRST, SECOND, new RunEvent.ExpertsSetAside(2)).experts())
                .containsExactly(FIRST);
        assertThat(view(FIRST, SECOND, new RunEvent.ExpertsSetAside(2), SECOND_AGAIN)
                        .experts())
                .containsExactly(FIRST, SECOND_AGAIN);
        assertThat(view(FIRST, new RunEvent.ExpertsSetAside(1)).experts()).isEmpty();
    }

    @Test
    void phasesThatBeganAreKnown() {
        assertThat(view(new RunEvent.PhaseBegun(1, 1, 1, 0.5, 0, 2), new RunEvent.PhaseBegun(2, 1, 1, 0.5, 1, 2))
                        .begun())
                .containsExactly(1);
    }

    private static RunView view(RunEvent... events) {
        List<EventLog.Event> log = Stream.of(events)
                .map(event -> new EventLog.Event(Instant.EPOCH, event))
                .toList();
        return RunView.of(new EventLog.Reading(log, List.of(), Optional.empty()));
    }
}
