package dev.sluice.protocol.wire;

import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;

/** A connection that gives one to seven bytes at a time. */
final class Trickle implements ReadableByteChannel {
    private final ByteBuffer bytes;
    private int reads;

    Trickle(byte[] bytes) {
        this.bytes = ByteBuffer.wrap(bytes);
    }

    /** Bytes that nobody has read. */
    int left() {
        return bytes.remaining();
    }

    @Override
    public int read(ByteBuffer sink) {
        if (!bytes.hasRemaining()) {
            return -1;
        }
        int count = Math.min(1 + reads++ % 7, Math.min(sink.remaining(), bytes.remaining()));
        sink.put(bytes.slice().limit(count));
        bytes.position(bytes.position() + count);
        return count;
    }

    @Override
    public boolean isOpen() {
        return true;
    }

    @Override
    public void close() {
        // Memory only.
    }
}
