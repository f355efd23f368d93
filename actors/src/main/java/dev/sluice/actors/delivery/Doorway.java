package dev.sluice.actors.delivery;

import dev.sluice.protocol.message.CourierMessage.Welcome;
import dev.sluice.protocol.wire.MessageSerializer;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where other nodes' couriers connect. Who has no token of a greeting stays outside, and a connection that takes too long to
 * show one is closed. Thread-safe.
 */
final class Doorway implements Closeable {
    private static final Logger LOG = LoggerFactory.getLogger(Doorway.class);

    /** Connections that may be at the door at a time. */
    private static final int MAX_AT_THE_DOOR = 64;

    /** Tokens that may be out, of nodes that have not connected yet. */
    private static final int MAX_TOKENS = 1024;

    /** Bytes of a connection's greeting: the protocol's number and a token. */
    private static final int GREETING = Integer.BYTES + 2 * Long.BYTES;

    private record Token(long high, long low) {}

    /** @param since when it was given its token, by {@link System#nanoTime} */
    private record Guest(long uid, Arrivals arrivals, long since) {}

    private final Lines lines;
    private final DeliverySettings settings;
    private final MessageSerializer serializer;
    private final Function<String, Optional<Intake<?>>> intakes;
    private final ServerSocketChannel server;
    private final SecureRandom random = new SecureRandom();

    private final Map<Token, Guest> tokens = new LinkedHashMap<>();
    private final Map<Long, Arrivals> arrivals = new HashMap<>();
    /** Connections without a token, or that are to go, and since when. */
    private final Map<Line, Long> atTheDoor = new HashMap<>();

    private final CountDownLatch closed = new CountDownLatch(1);

    private boolean strangerLogged;

    /** @throws IllegalStateException when the port cannot be had */
    Doorway(
            Lines lines,
            DeliverySettings settings,
            MessageSerializer serializer,
            Function<String, Optional<Intake<?>>> intakes) {
        this.lines = lines;
        this.settings = settings;
        this.serializer = serializer;
        this.intakes = intakes;
        server = lines.listen();
        Threads.start(
                "courier-accepts", new Acceptor("other nodes' tensors", server::accept, this::receive, this::pause));
    }

    int port() {
        return server.socket().getLocalPort();
    }

    /**
     * A token for the node that asks; when it asks again before it has connected, any of them is good.
     *
     * @param own uid of this node
     * @param uid of that node
     * @param peer its address, for people
     */
    synchronized Welcome welcome(long own, long uid, String peer) {
        if (tokens.size() >= MAX_TOKENS) {
            revoke(tokens.keySet().iterator().next());
        }
        Arrivals its = arrivals.computeIfAbsent(uid, u -> new Arrivals(peer, settings.window(), intakes));
        Token token = new Token(random.nextLong(), random.nextLong());
        tokens.put(token, new Guest(uid, its, System.nanoTime()));
        return new Welcome(own, port(), token.high(), token.low());
    }

    /** The node {@code uid} has left the cluster. */
    void left(long uid) {
        Arrivals its;
        synchronized (this) {
            tokens.values().removeIf(guest -> guest.uid() == uid);
            its = arrivals.remove(uid);
        }
        if (its != null) {
            its.close();
        }
    }

    /** The actor called {@code name} has ended. */
    void ended(String name) {
        all().forEach(its -> its.ended(name));
    }

    /** Bytes of messages in mailboxes and on their way there. */
    long bytes() {
        return all().stream().mapToLong(Arrivals::bytes).sum();
    }

    private synchronized List<Arrivals> all() {
        return List.copyOf(arrivals.values());
    }

    /** Incarnations of other nodes whose deliveries are kept in mind. */
    synchronized int known() {
        return arrivals.size();
    }

    /** Takes a token back, and forgets who had it when he never came and has no other. */
    private void revoke(Token token) {
        Guest guest = tokens.remove(token);
        if (guest.arrivals().neverConnected()
                && tokens.values().stream().noneMatch(other -> other.uid() == guest.uid())) {
            arrivals.remove(guest.uid());
        }
    }

    /** Closes connections that take too long to show their token or to go, and takes back tokens that nobody has shown. */
    synchronized void tick() {
        long now = System.nanoTime();
        tokens.entrySet().stream()
                .filter(token ->
                        now - token.getValue().since() > settings.giveUpAfter().toNanos())
                .map(Map.Entry::getKey)
                .toList()
                .forEach(this::revoke);
        atTheDoor.forEach((line, since) -> {
            if (now - since > settings.silentAfter().toNanos()) {
                Threads.closeQuietly(line);
            }
        });
    }

    /** A newcomer always finds room: whoever has waited longest without a word makes it. */
    private void receive(SocketChannel socket) throws IOException {
        ByteChannel channel = lines.accepted(socket);
        // Whoever has not said who he is costs no more than this.
        Line line = new Line(channel, GREETING, Lines.NOTICES_BUFFER);
        synchronized (this) {
            if (atTheDoor.size() >= MAX_AT_THE_DOOR) {
                stranger(MAX_AT_THE_DOOR + " others have not said who they are", socket);
                Line longest = Collections.min(atTheDoor.entrySet(), Map.Entry.comparingByValue())
                        .getKey();
                atTheDoor.remove(longest);
                Threads.closeQuietly(longest);
            }
        }
        waitAtTheDoor(line);
        boolean attended = false;
        try {
            Threads.start("courier-receives", () -> attend(line, channel, socket));
            attended = true;
        } finally {
            if (!attended) {
                leaveTheDoor(line);
            }
        }
    }

    /** Waits, unless this is closed meanwhile: then false. */
    private boolean pause(Duration duration) {
        try {
            return !closed.await(duration.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private void attend(Line greeting, ByteChannel channel, SocketChannel socket) {
        Line line = greeting;
        try {
            Optional<Guest> guest = admit(line);
            if (guest.isPresent()) {
                line = lines.admitted(channel);
                Arrivals its = guest.get().arrivals();
                Thread.currentThread().setName("courier-from-" + its.peer());
                new Inbound(line, its, serializer, settings.beat()).run();
                waitAtTheDoor(line);
                // Closed with something unread, the connection would be reset, and the sender might not hear why.
                while (true) {
                    line.skip(line.need(1).remaining());
                }
            } else {
                stranger("it has no token", socket);
            }
        } catch (IOException e) {
            LOG.debug("A connection ended", e);
        } finally {
            leaveTheDoor(line);
            Threads.closeQuietly(line);
        }
    }

    /** Who it is, if it has a token. */
    private Optional<Guest> admit(Line line) throws IOException {
        ByteBuffer in = line.need(GREETING);
        int magic = in.getInt();
        Token token = new Token(in.getLong(), in.getLong());
        leaveTheDoor(line);
        synchronized (this) {
            Guest guest = magic == Outbound.MAGIC ? tokens.remove(token) : null;
            if (guest != null) {
                tokens.values().removeIf(other -> other.uid() == guest.uid());
            }
            return Optional.ofNullable(guest);
        }
    }

    private synchronized void waitAtTheDoor(Line line) {
        atTheDoor.put(line, System.nanoTime());
    }

    private synchronized void leaveTheDoor(Line line) {
        atTheDoor.remove(line);
    }

    private synchronized void stranger(String why, SocketChannel socket) throws IOException {
        if (!strangerLogged) {
            strangerLogged = true;
            LOG.warn("Closed a connection from {}: {}. Others are not logged", socket.getRemoteAddress(), why);
        }
    }

    /** Takes no more connections and ends those that there are. */
    @Override
    public void close() throws IOException {
        closed.countDown();
        server.close();
        all().forEach(Arrivals::close);
        synchronized (this) {
            atTheDoor.keySet().forEach(Threads::closeQuietly);
        }
    }
}
