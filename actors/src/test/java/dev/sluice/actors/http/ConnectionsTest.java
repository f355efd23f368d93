package dev.sluice.actors.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.actors.http.Connections.Entry;
import dev.sluice.actors.http.Connections.State;
import dev.sluice.config.ConnectionSettings;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.pekko.Done;
import org.junit.jupiter.api.Test;

/** Which connections are let go, by a clock of the test's own. */
class ConnectionsTest {
    private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 5);
    private final Connections connections =
            new Connections(new ConnectionSettings(4, 2, Duration.ofSeconds(10), Duration.ofSeconds(30)), now::get);
    private final List<String> closed = new ArrayList<>();

    private Entry open(String name, int address) {
        Entry entry = new Entry(address(address), () -> closed.add(name));
        connections.add(entry);
        now.addAndGet(1);
        return entry;
    }

    private static InetAddress address(int last) {
        try {
            return InetAddress.getByAddress(new byte[] {10, 0, 0, (byte) last});
        } catch (UnknownHostException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void oneTooManyOfAnAddressCostsThatAddressItsMostSilent() {
        open("other", 2);
        open("first", 1);
        open("second", 1);
        open("third", 1);

        assertThat(closed).containsExactly("first");
    }

    @Test
    void oneTooManyOfAllCostsTheMostSilentOfAll() {
        open("first", 1);
        Entry spoke = open("second", 2);
        open("third", 3);
        open("fourth", 4);
        connections.enter(spoke, State.REQUEST);
        connections.enter(spoke, State.IDLE);
        open("fifth", 5);
        open("sixth", 6);

        assertThat(closed).containsExactly("first", "third");
    }

    @Test
    void aTrickleDoesNotCountAsSpeech() {
        Entry trickles = open("trickles", 1);
        open("second", 1);
        connections.heard(trickles);
        open("third", 1);

        assertThat(closed).containsExactly("trickles");
    }

    @Test
    void whoseRequestASamplerWorksOnIsNeitherCountedNorClosed() {
        for (int i = 0; i < 10; i++) {
            connections.enter(open("working", 1), State.WORKING);
        }
        open("new", 1);
        now.addAndGet(Duration.ofHours(1).toNanos());
        connections.sweep();

        assertThat(closed).containsExactly("new");
    }

    @Test
    void whoHasItsAnswerCountsAgain() {
        List<Entry> working = new ArrayList<>();
        for (String name : List.of("a", "b", "c")) {
            Entry entry = open(name, 1);
            connections.enter(entry, State.WORKING);
            working.add(entry);
        }
        working.forEach(entry -> {
            connections.enter(entry, State.REQUEST);
            connections.enter(entry, State.IDLE);
            now.addAndGet(1);
        });

        assertThat(closed).containsExactly("a");
    }

    @Test
    void silenceHasAnEnd() {
        Entry idle = open("idle", 1);
        open("header", 2);
        Entry slow = open("slow", 3);
        connections.enter(idle, State.REQUEST);
        connections.enter(idle, State.IDLE);
        connections.enter(slow, State.REQUEST);
        now.addAndGet(Duration.ofSeconds(11).toNanos());
        connections.sweep();
        assertThat(closed).containsExactly("header");
        now.addAndGet(Duration.ofSeconds(20).toNanos());
        connections.sweep();
        assertThat(closed).containsExactly("header", "idle");
        assertThat(connections.size()).isEqualTo(1);
    }

    @Test
    void aDrainWaitsForAnswersAlone() {
        open("silent", 1);
        Entry working = open("working", 2);
        connections.enter(working, State.WORKING);

        CompletableFuture<Done> drained = connections.drain().toCompletableFuture();
        open("late", 3);
        assertThat(closed).containsExactly("silent", "late");
        assertThat(drained).isNotDone();
        connections.enter(working, State.REQUEST);
        connections.enter(working, State.IDLE);
        assertThat(drained).as("the answer is on its way").isNotDone();
        connections.remove(working);
        assertThat(drained).isDone();
        assertThat(closed).containsExactly("silent", "late");
    }
}
