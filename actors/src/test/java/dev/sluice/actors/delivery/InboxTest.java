package dev.sluice.actors.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.actors.delivery.Inbox.Violation;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the receiver takes, what it takes once only, and what it takes from nobody. */
class InboxTest {
    private static final long WINDOW = 100;

    private final Set<String> actors = new HashSet<>(Set.of("critic", "teacher"));
    private final Inbox<String> inbox =
            new Inbox<>(WINDOW, name -> actors.contains(name) ? Optional.of(name) : Optional.empty());

    @BeforeEach
    void connect() {
        inbox.connected();
    }

    @Test
    void acknowledgesWhatWasHandledAndNotWhatWaits() throws Violation {
        give(1, "critic", 1, 10);
        give(1, 2, 10);
        assertThat(notices()).isEmpty();
        assertThat(inbox.bytes()).isEqualTo(20);
        inbox.taken(1, 1);
        assertThat(notices()).containsExactly(new Notice.Settled(1, 1));
        inbox.taken(1, 2);
        assertThat(notices()).containsExactly(new Notice.Settled(1, 2));
        assertThat(inbox.bytes()).isZero();
    }

    @Test
    void acknowledgementsOfOneLaneAreOne() throws Violation {
        give(1, "critic", 1, 10);
        give(1, 2, 10);
        give(1, 3, 10);
        inbox.taken(1, 1);
        inbox.taken(1, 2);
        inbox.taken(1, 3);
        assertThat(notices()).containsExactly(new Notice.Settled(1, 3));
    }

    @Test
    void whatComesAgainAfterABreakIsAcknowledgedAgainAndNotTakenAgain() throws Violation {
        give(1, "critic", 1, 10);
        give(1, 2, 10);
        inbox.taken(1, 1);
        inbox.connected();
        assertThat(notices()).as("only what came on this connection").isEmpty();

        assertThat(arrive(1, "critic", 1, 10)).isEqualTo(new Inbox.Superfluous<>());
        assertThat(notices()).containsExactly(new Notice.Settled(1, 1));
        assertThat(arrive(1, 2, 10)).isEqualTo(new Inbox.Superfluous<>());
        assertThat(notices()).as("it is not handled yet").isEmpty();
        inbox.taken(1, 2);
        assertThat(notices()).containsExactly(new Notice.Settled(1, 2));
        give(1, 3, 10);
    }

    @Test
    void whatBrokeOffInTheMiddleIsExpectedAgain() throws Violation {
        assertThat(arrive(1, "critic", 1, 10)).isEqualTo(new Inbox.Expected<>("critic"));
        inbox.connected();
        assertThat(arrive(1, "critic", 1, 10)).isEqualTo(new Inbox.Expected<>("critic"));
    }

    @Test
    void aRefusalIsSaidAgainWhenItsMessageComesAgainAndBeforeAnyAcknowledgement() throws Violation {
        give(1, "critic", 1, 10);
        assertThat(arrive(1, 2, 10)).isEqualTo(new Inbox.Expected<>("critic"));
        inbox.refused(1, 2, "not a message");
        give(1, 3, 10);
        inbox.taken(1, 3);
        inbox.connected();

        arrive(1, "critic", 1, 10);
        arrive(1, 2, 10);
        arrive(1, 3, 10);
        assertThat(notices()).containsExactly(new Notice.Refused(1, 2, "not a message"), new Notice.Settled(1, 3));
    }

    @Test
    void anActorThatIsNotThereOrEndsIsGone() throws Violation {
        assertThat(arrive(1, "nobody", 1, 10)).isEqualTo(new Inbox.Superfluous<>());
        assertThat(notices()).containsExactly(new Notice.Gone(1));

        give(2, "critic", 1, 10);
        inbox.ended("critic");
        assertThat(notices()).containsExactly(new Notice.Gone(2));
        assertThat(inbox.bytes()).isZero();
        assertThat(arrive(2, 2, 10)).as("it was on its way").isEqualTo(new Inbox.Superfluous<>());
        inbox.taken(2, 1);
        assertThat(notices()).isEmpty();
    }

    @Test
    void skippingIsAViolation() throws Violation {
        give(1, "critic", 1, 10);
        assertThatThrownBy(() -> inbox.arriving(1, Optional.empty(), 1, 3, 10))
                .isInstanceOf(Violation.class)
                .hasMessage("message 3 of lane 1 comes where 2 is due");
    }

    @Test
    void repeatingOnOneConnectionIsAViolation() throws Violation {
        give(1, "critic", 1, 10);
        assertThatThrownBy(() -> arrive(1, 1, 10))
                .isInstanceOf(Violation.class)
                .hasMessage("message 1 of lane 1 claims to follow 0, and follows 1");
    }

    @Test
    void swappingWhatComesAgainIsAViolationBeforeAnythingIsAcknowledged() throws Violation {
        give(1, "critic", 1, 10);
        arrive(1, 2, 10);
        inbox.refused(1, 2, "not a message");
        give(1, 3, 10);
        inbox.taken(1, 3);
        inbox.connected();
        arrive(1, "critic", 1, 10);
        assertThatThrownBy(() -> arrive(1, 3, 10))
                .isInstanceOf(Violation.class)
                .hasMessage("message 3 of lane 1 claims to follow 2, and follows 1");
        assertThat(notices()).as("the refusal of 2 would be lost").isEmpty();
    }

    @Test
    void mixingReceiversIsAViolation() throws Violation {
        give(1, "critic", 1, 10);
        assertThatThrownBy(() -> inbox.arriving(1, Optional.of("teacher"), 1, 2, 10))
                .isInstanceOf(Violation.class)
                .hasMessage("lane 1 is to critic and becomes one to teacher");
        assertThatThrownBy(() -> arrive(2, 1, 10)).isInstanceOf(Violation.class).hasMessage("lane 2 has no receiver");
    }

    @Test
    void sendingBeyondTheWindowIsAViolationByWhicheverLane() throws Violation {
        give(1, "critic", 1, 60);
        give(2, "critic", 1, 40);
        assertThatThrownBy(() -> arrive(2, 2, 1))
                .isInstanceOf(Violation.class)
                .hasMessageStartingWith("critic has 100 bytes to handle and is sent 1 more, beyond the window of 100")
                .hasMessageContaining("sluice.delivery.window");
    }

    @Test
    void aViolationClosesAllLanesForGoodAndNewOnesAreFine() throws Violation {
        give(1, "critic", 1, 60);
        assertThatThrownBy(() -> inbox.arriving(1, Optional.empty(), 1, 9, 10)).isInstanceOf(Violation.class);
        inbox.connected();
        assertThatThrownBy(() -> arrive(1, "critic", 1, 10))
                .isInstanceOf(Violation.class)
                .hasMessage("lane 1 was closed");
        inbox.connected();

        give(2, "critic", 1, 40);
        assertThat(inbox.bytes()).as("what was given is still in the mailbox").isEqualTo(100);
        inbox.taken(1, 1);
        assertThat(inbox.bytes()).isEqualTo(40);
        assertThat(notices()).isEmpty();
    }

    @Test
    void refusalsWithoutEndAreAViolation() throws Violation {
        for (int number = 1; number <= Inbox.MAX_REFUSALS; number++) {
            inbox.arriving(1, number == 1 ? Optional.of("critic") : Optional.empty(), number - 1, number, 10);
            inbox.refused(1, number, "not a message");
        }
        arrive(1, Inbox.MAX_REFUSALS + 1, 10);
        assertThatThrownBy(() -> inbox.refused(1, Inbox.MAX_REFUSALS + 1, "not a message"))
                .isInstanceOf(Violation.class)
                .hasMessage("more than 1024 of its messages were refused");
    }

    @Test
    void refusalsThatWereHeardAreForgotten() throws Violation {
        for (int number = 1; number <= 3 * Inbox.MAX_REFUSALS; number++) {
            // The sender begins at the first that it has not heard of.
            if (number % Inbox.MAX_REFUSALS == 0) {
                inbox.connected();
                inbox.arriving(1, Optional.of("critic"), 0, number, 10);
            } else {
                inbox.arriving(1, number == 1 ? Optional.of("critic") : Optional.empty(), number - 1, number, 10);
            }
            inbox.refused(1, number, "not a message");
        }
        assertThat(notices()).isNotEmpty();
    }

    @Test
    void lanesWithoutEndAreAViolation() throws Violation {
        for (int lane = 1; lane <= Inbox.MAX_LANES; lane++) {
            arrive(lane, "critic", 1, 1);
        }
        assertThatThrownBy(() -> arrive(Inbox.MAX_LANES + 1, "critic", 1, 1))
                .isInstanceOf(Violation.class)
                .hasMessage("it has more than 4096 receivers");
    }

    @Test
    void lanesOfActorsThatAreGoneMakeRoom() throws Violation {
        for (int lane = 1; lane <= 2 * Inbox.MAX_LANES; lane++) {
            assertThat(arrive(lane, "nobody", 1, 1)).isEqualTo(new Inbox.Superfluous<>());
            assertThat(notices()).containsExactly(new Notice.Gone(lane));
        }
    }

    /** The first of its lane on this connection. */
    private Inbox.Arrival<String> arrive(int lane, String name, long number, long size) throws Violation {
        return inbox.arriving(lane, Optional.of(name), 0, number, size);
    }

    /** After the one before. */
    private Inbox.Arrival<String> arrive(int lane, long number, long size) throws Violation {
        return inbox.arriving(lane, Optional.empty(), number - 1, number, size);
    }

    private void give(int lane, String name, long number, long size) throws Violation {
        assertThat(arrive(lane, name, number, size)).isEqualTo(new Inbox.Expected<>(name));
        inbox.told(lane, number, size);
    }

    private void give(int lane, long number, long size) throws Violation {
        assertThat(arrive(lane, number, size)).isInstanceOf(Inbox.Expected.class);
        inbox.told(lane, number, size);
    }

    private List<Notice> notices() {
        List<Notice> notices = new ArrayList<>();
        for (Optional<Notice> next = inbox.next(); next.isPresent(); next = inbox.next()) {
            notices.add(next.get());
        }
        return notices;
    }
}
