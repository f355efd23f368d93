package dev.sluice.actors.delivery;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ByteChannel;
import java.nio.charset.StandardCharsets;

/**
 * One connection between two couriers: a blocking channel with a buffer a direction, little-endian. One thread reads, one
 * writes; any may close it, which ends what the two are waiting for.
 */
final class Line implements Closeable {
    private final ByteChannel channel;
    private final ByteBuffer in;
    private final ByteBuffer out;

    /** @param inBytes, outBytes of the buffers */
    Line(ByteChannel channel, int inBytes, int outBytes) {
        this.channel = channel;
        in = ByteBuffer.allocateDirect(inBytes).order(ByteOrder.LITTLE_ENDIAN).flip();
        out = ByteBuffer.allocateDirect(outBytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    ByteChannel channel() {
        return channel;
    }

    /** What was read and not taken yet. */
    ByteBuffer in() {
        return in;
    }

    /** What was written and not {@linkplain #flush flushed} yet. */
    ByteBuffer out() {
        return out;
    }

    /** {@link #in} with at least {@code bytes} to take, which are no more than its buffer holds. */
    ByteBuffer need(int bytes) throws IOException {
        if (in.remaining() < bytes) {
            in.compact();
            try {
                while (in.position() < bytes) {
                    if (channel.read(in) < 0) {
                        throw new EOFException("the other side closed the connection");
                    }
                }
            } finally {
                in.flip();
            }
        }
        return in;
    }

    /** The next {@code length} bytes as text for people or as a name: one line, whatever is in it. */
    String text(int length) throws IOException {
        byte[] bytes = new byte[length];
        need(length).get(bytes);
        return new String(bytes, StandardCharsets.UTF_8).replaceAll("\\p{Cntrl}", " ");
    }

    /** Reads over {@code bytes}. */
    void skip(long bytes) throws IOException {
        for (long left = bytes; left > 0; ) {
            int count = (int) Math.min(need(1).remaining(), left);
            in.position(in.position() + count);
            left -= count;
        }
    }

    void flush() throws IOException {
        out.flip();
        while (out.hasRemaining()) {
            channel.write(out);
        }
        out.clear();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
