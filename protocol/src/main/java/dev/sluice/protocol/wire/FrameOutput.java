package dev.sluice.protocol.wire;

import dev.sluice.protocol.Tensor;
import java.io.IOException;
import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;

/** Where a frame is written: to memory that holds it, or through a buffer to a connection. */
final class FrameOutput {
    /** Null when the buffer holds the whole frame. */
    private final WritableByteChannel channel;

    private final ByteBuffer buffer;

    /** To {@code memory}, whose own position stays. */
    FrameOutput(ByteBuffer memory) {
        this(null, memory.slice().order(ByteOrder.LITTLE_ENDIAN));
    }

    /** @param buffer little-endian, of at least eight bytes; may hold something that goes first */
    FrameOutput(WritableByteChannel channel, ByteBuffer buffer) {
        this.channel = channel;
        this.buffer = buffer;
    }

    void put(byte value) throws IOException {
        room(Byte.BYTES).put(value);
    }

    void putShort(short value) throws IOException {
        room(Short.BYTES).putShort(value);
    }

    void putInt(int value) throws IOException {
        room(Integer.BYTES).putInt(value);
    }

    void put(byte[] bytes, int length) throws IOException {
        for (int written = 0; written < length; ) {
            int count = Math.min(room(1).remaining(), length - written);
            buffer.put(bytes, written, count);
            written += count;
        }
    }

    void put(Tensor tensor) throws IOException {
        int element = tensor.dtype().bytes();
        for (int written = 0; written < tensor.size(); ) {
            int count = Math.min(room(element).remaining() / element, tensor.size() - written);
            tensor.write(buffer, written, count);
            written += count;
        }
    }

    /** Hands everything to the connection. */
    void flush() throws IOException {
        buffer.flip();
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
        buffer.clear();
    }

    private ByteBuffer room(int bytes) throws IOException {
        if (buffer.remaining() < bytes) {
            if (channel == null) {
                throw new BufferOverflowException();
            }
            flush();
        }
        return buffer;
    }
}
