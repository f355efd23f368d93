package dev.sluice.actors.delivery;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** What a receiver tells a sender, on the way back of the connection. */
sealed interface Notice {
    /** Bytes that the largest takes. */
    int MAX_BYTES = 2048;

    /** Characters of a cause that cross the wire. */
    int MAX_CAUSE = 500;

    /** Everything on {@code lane} up to {@code number} has been handled. */
    record Settled(int lane, long number) implements Notice {}

    /** Message {@code number} will not be handled, those after it will. */
    record Refused(int lane, long number, String cause) implements Notice {}

    /** The actor is not here, or no longer. */
    record Gone(int lane) implements Notice {}

    /** The sender broke the rules: whatever it has sent and not heard of is lost. The connection ends with this. */
    record Closing(String cause) implements Notice {}

    /** The receiver lives. */
    record Beat() implements Notice {}

    /** Writes {@code this} to {@code sink}, which has room for {@link #MAX_BYTES}. */
    default void write(ByteBuffer sink) {
        if (this instanceof Settled settled) {
            sink.put((byte) 1).putInt(settled.lane()).putLong(settled.number());
        } else if (this instanceof Refused refused) {
            sink.put((byte) 2).putInt(refused.lane()).putLong(refused.number());
            text(sink, refused.cause());
        } else if (this instanceof Gone gone) {
            sink.put((byte) 3).putInt(gone.lane());
        } else if (this instanceof Closing closing) {
            sink.put((byte) 4);
            text(sink, closing.cause());
        } else {
            sink.put((byte) 5);
        }
    }

    /** Reads one. @throws IOException when it is none, or does not come */
    static Notice read(Line line) throws IOException {
        byte kind = line.need(1).get();
        return switch (kind) {
            case 1 -> {
                ByteBuffer bytes = line.need(Integer.BYTES + Long.BYTES);
                yield new Settled(bytes.getInt(), bytes.getLong());
            }
            case 2 -> {
                ByteBuffer bytes = line.need(Integer.BYTES + Long.BYTES);
                yield new Refused(bytes.getInt(), bytes.getLong(), text(line));
            }
            case 3 -> new Gone(line.need(Integer.BYTES).getInt());
            case 4 -> new Closing(text(line));
            case 5 -> new Beat();
            default ->
                throw new IOException(
                        "the receiver says something unknown, " + kind + ": run one version of Sluice on all nodes");
        };
    }

    private static void text(ByteBuffer sink, String text) {
        byte[] bytes = text.substring(0, Math.min(text.length(), MAX_CAUSE)).getBytes(StandardCharsets.UTF_8);
        sink.putShort((short) bytes.length).put(bytes);
    }

    private static String text(Line line) throws IOException {
        int length = Short.toUnsignedInt(line.need(Short.BYTES).getShort());
        if (length > MAX_BYTES) {
            throw new IOException("the receiver gives a cause of " + length + " bytes, the limit is " + MAX_BYTES);
        }
        return line.text(length);
    }
}
