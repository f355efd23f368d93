package dev.sluice.actors.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What the sender holds, and when it may send what. */
class OutboxTest {
    private static final long WINDOW = 100;

    private final Outbox<String> outbox = new Outbox<>(WINDOW);

    @Test
    void aLaneStopsAtItsWindowAndAnotherGoesOn() {
        outbox.offer("slow", "s1", 60);
        outbox.offer("slow", "s2", 60);
        outbox.offer("quick", "q1", 60);
        assertThat(sendable()).containsExactly("s1", "q1");

        outbox.settled(1, 1);
        assertThat(sendable()).containsExactly("s2");
        assertThat(outbox.held()).isEqualTo(120);
    }

    @Test
    void oneParcelAlwaysGoesHoweverLarge() {
        outbox.offer("actor", "larger than the window", 10 * WINDOW);
        outbox.offer("actor", "small", 1);
        assertThat(sendable()).containsExactly("larger than the window");
        outbox.settled(1, 1);
        assertThat(sendable()).containsExactly("small");
    }

    @Test
    void lanesTakeTurns() {
        for (int i = 1; i <= 3; i++) {
            outbox.offer("a", "a" + i, 1);
            outbox.offer("b", "b" + i, 1);
        }
        assertThat(sendable()).containsExactly("a1", "b1", "a2", "b2", "a3", "b3");
    }

    @Test
    void theReceiversNameGoesOnceAConnection() {
        outbox.offer("actor", "1", 1);
        outbox.offer("actor", "2", 1);
        assertThat(outbox.next().orElseThrow().isFirst()).isTrue();
        assertThat(outbox.next().orElseThrow().isFirst()).isFalse();
        outbox.rewind();
        assertThat(outbox.next().orElseThrow().isFirst()).isTrue();
    }

    @Test
    void afterABreakWhatIsNotSettledIsSentAgainUnderItsNumber() {
        for (int i = 1; i <= 4; i++) {
            outbox.offer("actor", "m" + i, 1);
        }
        assertThat(sendable()).hasSize(4);
        outbox.settled(1, 2);
        outbox.offer("actor", "m5", 1);
        outbox.rewind();

        Outbox.Item<String> again = outbox.next().orElseThrow();
        assertThat(again.number()).isEqualTo(3);
        assertThat(again.parcel()).isEqualTo("m3");
        assertThat(sendable()).containsExactly("m4", "m5");
    }

    @Test
    void aBreakForgetsActorsThatNothingWaitsFor() {
        for (int i = 0; i < 1000; i++) {
            outbox.offer("actor-" + i, "m", 1);
            assertThat(sendable()).hasSize(1);
            outbox.settled(i + 1, 1);
        }
        outbox.offer("waits", "w", 1);
        outbox.rewind();
        assertThat(outbox.lanes()).isEqualTo(1);
        outbox.offer("actor-0", "again", 1);
        assertThat(outbox.next().orElseThrow().parcel()).isEqualTo("w");
        Outbox.Item<String> again = outbox.next().orElseThrow();
        assertThat(again.lane()).as("a lane of its own, which begins anew").isEqualTo(1002);
        assertThat(again.number()).isEqualTo(1);
    }

    @Test
    void aRefusedParcelIsGivenBackAndTheOthersStay() {
        for (int i = 1; i <= 3; i++) {
            outbox.offer("actor", "m" + i, 1);
        }
        assertThat(sendable()).hasSize(3);
        assertThat(outbox.refused(1, 2)).contains("m2");
        assertThat(outbox.refused(1, 2)).isEmpty();
        assertThat(outbox.refused(9, 1)).isEmpty();
        outbox.rewind();
        assertThat(sendable()).containsExactly("m1", "m3");
        outbox.settled(1, 3);
        assertThat(outbox.isEmpty()).isTrue();
    }

    @Test
    void anActorThatIsGoneTakesOnlyItsOwnLaneAlong() {
        outbox.offer("gone", "g1", 60);
        outbox.offer("gone", "g2", 60);
        outbox.offer("here", "h1", 1);
        assertThat(sendable()).containsExactly("g1", "h1");
        assertThat(outbox.gone(1)).containsExactly("g1", "g2");
        assertThat(outbox.held()).isEqualTo(1);
        outbox.settled(1, 1);
        assertThat(outbox.gone(1)).isEmpty();

        outbox.offer("gone", "g3", 1);
        assertThat(outbox.next().orElseThrow().lane()).as("a lane of its own").isEqualTo(3);
    }

    @Test
    void aNewIncarnationKeepsWhatTheOldOneWasNeverSent() {
        outbox.offer("old", "o1", 1);
        assertThat(sendable()).containsExactly("o1");
        outbox.offer("old", "o2", 1);
        outbox.offer("new", "n1", 1);
        outbox.rewind();
        assertThat(outbox.restarted()).containsExactly("o1", "o2");
        assertThat(sendable()).containsExactly("n1");
    }

    @Test
    void acknowledgingWhatWasNotSentIsALie() {
        outbox.offer("actor", "m1", WINDOW);
        outbox.offer("actor", "m2", WINDOW);
        assertThat(sendable()).containsExactly("m1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> outbox.settled(1, 2))
                .withMessage("it acknowledges message 2 of lane 1, where the last that was sent is 1");
        outbox.settled(7, 1);
        assertThat(outbox.held()).isEqualTo(2 * WINDOW);
        assertThat(outbox.clear()).containsExactly("m1", "m2");
        assertThat(outbox.isEmpty()).isTrue();
    }

    private List<String> sendable() {
        List<String> parcels = new ArrayList<>();
        for (Optional<Outbox.Item<String>> next = outbox.next(); next.isPresent(); next = outbox.next()) {
            parcels.add(next.get().parcel());
        }
        return parcels;
    }
}
