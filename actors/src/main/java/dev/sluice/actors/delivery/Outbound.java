package dev.sluice.actors.delivery;

import dev.sluice.protocol.message.CourierMessage.Welcome;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * A connection to another node, from its making to its end: one thread connects and sends what the route has, another hears
 * what the receiver says.
 */
final class Outbound {
    /** Begins every connection. */
    static final int MAGIC = 0x53_4c_43_31;

    /** What a receiver says to a token that it gave out. */
    static final byte ADMITTED = 1;

    private final Route route;
    private final Lines lines;
    private final String host;
    private final Welcome welcome;
    private final Duration patience;
    private volatile long heard = System.nanoTime();
    /** Why it was closed; null while nobody has. */
    private String closedFor;

    private Line line;

    Outbound(Route route, Lines lines, String host, Welcome welcome, Duration patience) {
        this.route = route;
        this.lines = lines;
        this.host = host;
        this.welcome = welcome;
        this.patience = patience;
    }

    /** Carries the route's parcels until the connection ends, on threads of its own; then says so to {@code ended}. */
    void start(Consumer<Outbound> ended) {
        Threads.start("courier-to-" + route.peer(), () -> {
            try {
                carry();
            } catch (IOException e) {
                close(e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage());
            } catch (InterruptedException e) {
                close("this node is ending");
            } catch (RuntimeException e) {
                close(e.toString());
                throw e;
            } finally {
                close("nothing more is to be sent");
                route.disconnected(this, why());
                ended.accept(this);
            }
        });
    }

    private void carry() throws IOException, InterruptedException {
        open(lines.connect(host, welcome.port(), patience));
        line.out().putInt(MAGIC).putLong(welcome.tokenHigh()).putLong(welcome.tokenLow());
        line.flush();
        if (line.need(1).get() != ADMITTED) {
            throw new IOException(host + ":" + welcome.port() + " is no courier");
        }
        Threads.start("courier-hears-" + route.peer(), this::hear);
        while (true) {
            var next = route.take(this);
            if (next.isEmpty()) {
                return;
            }
            send(next.get());
        }
    }

    private void send(Outbox.Item<Parcel> item) throws IOException {
        byte[] receiver = item.isFirst() ? item.receiver().getBytes(StandardCharsets.UTF_8) : new byte[0];
        byte[] manifest = item.parcel().message().manifest().getBytes(StandardCharsets.US_ASCII);
        ByteBuffer out = line.out();
        out.putInt(item.lane()).putLong(item.previous()).putLong(item.number());
        out.putShort((short) receiver.length).put(receiver);
        out.put((byte) manifest.length).put(manifest);
        out.putInt(item.parcel().message().size());
        item.parcel().message().writeTo(line.channel(), out);
    }

    private void hear() {
        try {
            while (true) {
                Notice notice = Notice.read(line);
                heard = System.nanoTime();
                route.heard(this, notice);
                if (notice instanceof Notice.Closing closing) {
                    throw new IOException(closing.cause());
                }
            }
        } catch (IOException e) {
            close(e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage());
            route.disconnected(this, why());
        }
    }

    boolean isSilentFor(Duration duration) {
        return System.nanoTime() - heard > duration.toNanos();
    }

    private synchronized void open(Line opened) throws IOException {
        if (closedFor != null) {
            opened.close();
            throw new IOException(closedFor);
        }
        line = opened;
    }

    private synchronized String why() {
        return closedFor;
    }

    /** Ends the connection; the first reason counts. From any thread. */
    synchronized void close(String why) {
        if (closedFor != null) {
            return;
        }
        closedFor = why;
        if (line != null) {
            Threads.closeQuietly(line);
        }
    }
}
