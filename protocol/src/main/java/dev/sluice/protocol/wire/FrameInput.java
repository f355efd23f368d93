package dev.sluice.protocol.wire;

import dev.sluice.protocol.DType;
import dev.sluice.protocol.Tensor;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ReadableByteChannel;

/**
 * The bytes of one frame, from memory or as they come over a connection; never one beyond it. Whoever takes bytes has seen
 * that {@link #remaining} holds them.
 */
final class FrameInput {
    /** Null when all of the frame is in the buffer. */
    private final ReadableByteChannel channel;

    /** Unread bytes, of this frame and perhaps of what follows it. */
    private final ByteBuffer buffer;

    private long remaining;

    /** All that remains of {@code memory}; its own position stays. */
    FrameInput(ByteBuffer memory) {
        channel = null;
        buffer = memory.slice().order(ByteOrder.LITTLE_ENDIAN);
        remaining = buffer.remaining();
    }

    /**
     * The next {@code size} bytes of {@code buffer} and, behind it, {@code channel}.
     *
     * @param buffer little-endian, holds at least eight bytes; what is read of the channel goes through it
     */
    FrameInput(ReadableByteChannel channel, ByteBuffer buffer, long size) {
        this.channel = channel;
        this.buffer = buffer;
        remaining = size;
    }

    /** Bytes of the frame that were not taken yet, as it was announced. */
    long remaining() {
        return remaining;
    }

    byte get() throws IOException {
        return take(Byte.BYTES).get();
    }

    short getShort() throws IOException {
        return take(Short.BYTES).getShort();
    }

    int getInt() throws IOException {
        return take(Integer.BYTES).getInt();
    }

    byte[] get(int length) throws IOException {
        byte[] bytes = new byte[length];
        for (int filled = 0; filled < length; ) {
            fill(1);
            int count = Math.min(buffer.remaining(), length - filled);
            buffer.get(bytes, filled, count);
            filled += count;
        }
        remaining -= length;
        return bytes;
    }

    Tensor get(DType dtype, long[] shape) throws IOException {
        Tensor tensor = Tensor.read(dtype, shape, () -> {
            fill(dtype.bytes());
            return buffer;
        });
        remaining -= tensor.byteSize();
        return tensor;
    }

    /** Takes what is left, so that the connection stands at what follows the frame. Not after an {@link IOException}. */
    void skip() throws IOException {
        while (remaining > 0) {
            fill(1);
            int count = (int) Math.min(buffer.remaining(), remaining);
            buffer.position(buffer.position() + count);
            remaining -= count;
        }
    }

    private ByteBuffer take(int bytes) throws IOException {
        fill(bytes);
        remaining -= bytes;
        return buffer;
    }

    private void fill(int bytes) throws IOException {
        if (buffer.remaining() >= bytes) {
            return;
        }
        if (channel == null) {
            throw new EOFException("the frame ends before it is read");
        }
        buffer.compact();
        while (buffer.position() < bytes) {
            if (channel.read(buffer) < 0) {
                throw new EOFException("the connection ended in the middle of a frame");
            }
        }
        buffer.flip();
    }
}
