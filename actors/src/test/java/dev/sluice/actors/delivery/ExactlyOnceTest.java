package dev.sluice.actors.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

/**
 * An outbox and an inbox with a network between them that does what it likes: holds things back, breaks in the middle of a
 * message, loses what was under way in both directions. Every parcel is handled once and in order, or its sender is told.
 */
class ExactlyOnceTest {
    private static final long WINDOW = 10;
    private static final List<String> ACTORS = List.of("critic", "teacher", "recorder");

    private enum Move {
        OFFER,
        SEND,
        CARRY,
        CARRY_REPEATED,
        CARRY_SWAPPED,
        LOSE,
        HANDLE,
        NOTIFY,
        HEAR,
        BREAK,
        END_ACTOR
    }

    private record Parcel(String actor, int number, long bytes, boolean refused) {}

    /** One run: the two sides, what is between them, and what has become of every parcel. */
    private static final class World {
        private final Outbox<Parcel> outbox = new Outbox<>(WINDOW);
        private final Map<String, Deque<Runnable>> mailboxes = new HashMap<>();
        private final Inbox<String> inbox =
                new Inbox<>(WINDOW, name -> Optional.of(name).filter(mailboxes::containsKey));
        private final Deque<Outbox.Item<Parcel>> onTheWay = new ArrayDeque<>();
        private final Deque<Notice> onTheWayBack = new ArrayDeque<>();

        private final List<Parcel> offered = new ArrayList<>();
        private final List<Parcel> handled = new ArrayList<>();
        private final List<Parcel> reported = new ArrayList<>();

        private World() {
            ACTORS.forEach(actor -> mailboxes.put(actor, new ArrayDeque<>()));
            inbox.connected();
        }

        private void move(Move move, int choice) {
            String actor = ACTORS.get(choice % ACTORS.size());
            switch (move) {
                case OFFER -> {
                    Parcel parcel = new Parcel(actor, offered.size(), 1 + choice % 13, choice % 11 == 0);
                    offered.add(parcel);
                    outbox.offer(actor, parcel, parcel.bytes());
                }
                case SEND -> outbox.next().ifPresent(onTheWay::add);
                case CARRY -> carry();
                case CARRY_REPEATED -> {
                    if (!onTheWay.isEmpty()) {
                        onTheWay.addFirst(onTheWay.peek());
                        carry();
                        carry();
                    }
                }
                case CARRY_SWAPPED -> {
                    if (onTheWay.size() > 1) {
                        Outbox.Item<Parcel> first = onTheWay.remove();
                        Outbox.Item<Parcel> second = onTheWay.remove();
                        onTheWay.addFirst(first);
                        onTheWay.addFirst(second);
                        carry();
                    }
                }
                case LOSE -> onTheWay.poll();
                case HANDLE -> {
                    Deque<Runnable> mailbox = mailboxes.get(actor);
                    if (mailbox != null && !mailbox.isEmpty()) {
                        mailbox.remove().run();
                    }
                }
                case NOTIFY -> inbox.next().ifPresent(onTheWayBack::add);
                case HEAR -> hear();
                case BREAK -> reconnect();
                case END_ACTOR -> {
                    if (choice % 20 == 0) {
                        mailboxes.remove(actor);
                        inbox.ended(actor);
                    }
                }
            }
            assertThat(inbox.bytes()).isLessThanOrEqualTo(ACTORS.size() * (WINDOW + 13));
        }

        private void carry() {
            if (onTheWay.isEmpty()) {
                return;
            }
            Outbox.Item<Parcel> item = onTheWay.remove();
            Optional<String> name = item.isFirst() ? Optional.of(item.receiver()) : Optional.empty();
            try {
                if (inbox.arriving(item.lane(), name, item.previous(), item.number(), item.bytes())
                        instanceof Inbox.Expected<String> expected) {
                    if (item.parcel().refused()) {
                        inbox.refused(item.lane(), item.number(), "refused");
                    } else {
                        inbox.told(item.lane(), item.number(), item.bytes());
                        mailboxes.get(expected.receiver()).add(() -> {
                            handled.add(item.parcel());
                            inbox.taken(item.lane(), item.number());
                        });
                    }
                }
            } catch (Inbox.Violation e) {
                onTheWay.clear();
                onTheWayBack.clear();
                onTheWayBack.add(new Notice.Closing(e.getMessage()));
                hear();
                reconnect();
            }
        }

        private void hear() {
            Notice notice = onTheWayBack.poll();
            if (notice instanceof Notice.Settled settled) {
                outbox.settled(settled.lane(), settled.number());
            } else if (notice instanceof Notice.Refused refused) {
                outbox.refused(refused.lane(), refused.number()).ifPresent(reported::add);
            } else if (notice instanceof Notice.Gone gone) {
                reported.addAll(outbox.gone(gone.lane()));
            } else if (notice instanceof Notice.Closing) {
                reported.addAll(outbox.clear());
            }
        }

        private void reconnect() {
            onTheWay.clear();
            onTheWayBack.clear();
            outbox.rewind();
            inbox.connected();
        }

        /** The network and the actors behave, until there is nothing left to do. */
        private void settle() {
            for (int i = 0; i < 100_000 && !outbox.isEmpty(); i++) {
                move(Move.values()[Move.SEND.ordinal()], 0);
                carry();
                for (int actor = 0; actor < ACTORS.size(); actor++) {
                    move(Move.HANDLE, actor);
                }
                move(Move.NOTIFY, 0);
                hear();
            }
        }
    }

    @Property(tries = 5000)
    void whateverBreaksEveryParcelIsHandledOnceAndInOrderOrReported(
            @ForAll("honestMoves") List<Move> moves, @ForAll @IntRange(max = 1_000_000) int seed) {
        World world = played(moves, seed);
        world.settle();
        assertThat(world.outbox.isEmpty()).isTrue();
        assertThat(world.handled).doesNotHaveDuplicates();
        assertThat(world.reported).doesNotHaveDuplicates();
        List<Parcel> accounted = new ArrayList<>(world.handled);
        accounted.addAll(world.reported);
        assertThat(accounted).containsAll(world.offered);
        for (String actor : ACTORS) {
            assertThat(world.handled.stream()
                            .filter(parcel -> parcel.actor().equals(actor))
                            .map(Parcel::number))
                    .isSorted();
            if (world.mailboxes.containsKey(actor)) {
                assertThat(world.reported)
                        .as("reported to a sender whose actor lives")
                        .filteredOn(parcel -> parcel.actor().equals(actor))
                        .allMatch(Parcel::refused);
            }
        }
        assertThat(world.handled).noneMatch(Parcel::refused);
    }

    @Property(tries = 5000)
    void aNetworkThatLosesRepeatsAndReordersCostsReportsAndNeverADoubleOrAGap(
            @ForAll("anyMoves") List<Move> moves, @ForAll @IntRange(max = 1_000_000) int seed) {
        World world = played(moves, seed);
        // What was lost at the end nobody would miss.
        world.reconnect();
        world.settle();
        assertThat(world.handled).doesNotHaveDuplicates();
        List<Parcel> accounted = new ArrayList<>(world.handled);
        accounted.addAll(world.reported);
        assertThat(accounted).containsAll(world.offered);
        for (String actor : ACTORS) {
            assertThat(world.handled.stream()
                            .filter(parcel -> parcel.actor().equals(actor))
                            .map(Parcel::number))
                    .isSorted();
        }
    }

    @Provide
    Arbitrary<List<Move>> honestMoves() {
        return Arbitraries.of(Move.class)
                .filter(move -> move != Move.CARRY_REPEATED && move != Move.CARRY_SWAPPED && move != Move.LOSE)
                .list()
                .ofMaxSize(300);
    }

    @Provide
    Arbitrary<List<Move>> anyMoves() {
        return Arbitraries.of(Move.class).list().ofMaxSize(300);
    }

    private static World played(List<Move> moves, int seed) {
        World world = new World();
        int choice = seed;
        for (Move move : moves) {
            choice = (int) ((choice * 1_103_515_245L + 12_345) & 0x7fff_ffff);
            world.move(move, choice >> 8);
        }
        return world;
    }
}
