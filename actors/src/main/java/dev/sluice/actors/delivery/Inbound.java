package dev.sluice.actors.delivery;

import dev.sluice.protocol.wire.MessageSerializer;
import java.io.IOException;
import java.io.NotSerializableException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A connection that another node made, once it was admitted: the thread that admitted it reads messages and puts them into
 * mailboxes, another tells the sender what became of them.
 */
final class Inbound {
    private static final Logger LOG = LoggerFactory.getLogger(Inbound.class);

    /** Bytes of the longest name of a receiver. */
    static final int MAX_NAME = 4096;

    private final Line line;
    private final Arrivals arrivals;
    private final MessageSerializer serializer;
    private final Duration beat;
    private volatile int reading;
    private boolean refusalLogged;

    Inbound(Line line, Arrivals arrivals, MessageSerializer serializer, Duration beat) {
        this.line = line;
        this.arrivals = arrivals;
        this.serializer = serializer;
        this.beat = beat;
    }

    /** Bytes of the message that is being read. */
    int reading() {
        return reading;
    }

    /**
     * Reads until the connection ends, or its sender breaks the rules and has been told so: then it returns.
     *
     * @throws IOException at the end of the connection
     */
    void run() throws IOException {
        try {
            arrivals.connect(this);
            line.out().put(Outbound.ADMITTED);
            line.flush();
            Threads.start("courier-tells-" + arrivals.peer(), this::tell);
            while (true) {
                readMessage();
            }
        } catch (Inbox.Violation e) {
            expel(e.getMessage());
        } catch (RuntimeException | OutOfMemoryError e) {
            LOG.error("A connection of {} failed", arrivals.peer(), e);
            expel(e.toString());
        } finally {
            arrivals.disconnected(this);
        }
    }

    private void readMessage() throws IOException, Inbox.Violation {
        ByteBuffer in = line.need(Integer.BYTES + 2 * Long.BYTES + Short.BYTES);
        int lane = in.getInt();
        long previous = in.getLong();
        long number = in.getLong();
        int nameLength = Short.toUnsignedInt(in.getShort());
        if (nameLength > MAX_NAME) {
            throw new Inbox.Violation(
                    "the name of a receiver takes " + nameLength + " bytes, the limit is " + MAX_NAME);
        }
        Optional<String> name = nameLength == 0 ? Optional.empty() : Optional.of(line.text(nameLength));
        String manifest = line.text(Byte.toUnsignedInt(line.need(1).get()));
        int size = line.need(Integer.BYTES).getInt();
        if (size <= 0 || size > serializer.maxMessage()) {
            throw new Inbox.Violation("a message takes " + Integer.toUnsignedString(size)
                    + " bytes, the limit sluice.wire.max-message is " + serializer.maxMessage()
                    + ": it must be the same on every node");
        }
        Inbox.Arrival<Intake<?>> arrival = arrivals.arriving(this, lane, name, previous, number, size);
        reading = size;
        try {
            if (arrival instanceof Inbox.Expected<Intake<?>> expected) {
                readExpected(lane, number, manifest, size, expected.receiver());
            } else {
                line.skip(size);
            }
        } finally {
            reading = 0;
        }
    }

    private void readExpected(int lane, long number, String manifest, int size, Intake<?> intake)
            throws IOException, Inbox.Violation {
        Object message;
        try {
            message = serializer.read(manifest, size, line.channel(), line.in());
            intake.requireUnderstood(message);
        } catch (NotSerializableException | IllegalArgumentException e) {
            if (!refusalLogged) {
                refusalLogged = true;
                LOG.error(
                        "Refused a message of {}: {}. Others of this connection are not logged",
                        arrivals.peer(),
                        e.getMessage());
            }
            arrivals.refuse(this, lane, number, e.getMessage());
            return;
        }
        arrivals.give(this, lane, number, size, intake, message);
    }

    private void tell() {
        try {
            for (Optional<Notice> next = arrivals.next(this, beat);
                    next.isPresent();
                    next = arrivals.next(this, beat)) {
                say(next.get());
            }
            // Whoever took the connection's place sees to its end.
        } catch (IOException | InterruptedException e) {
            LOG.debug("A connection of {} ended", arrivals.peer(), e);
            close();
        }
    }

    /** Tells the sender that it broke the rules. It is over with its connection, not with itself. */
    private void expel(String cause) {
        LOG.error("Closing a connection of {}: {}", arrivals.peer(), cause);
        arrivals.disconnected(this);
        try {
            say(new Notice.Closing(cause));
        } catch (IOException e) {
            LOG.debug("{} did not hear why", arrivals.peer(), e);
        }
    }

    private void say(Notice notice) throws IOException {
        synchronized (line) {
            notice.write(line.out());
            line.flush();
        }
    }

    void close() {
        Threads.closeQuietly(line);
    }
}
