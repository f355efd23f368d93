package dev.sluice.protocol.wire;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;

/**
 * A message that is ready to be sent, as often as it takes: its structure in bytes, its tensors where they are. Immutable.
 */
public final class WireMessage {
    private final String manifest;
    private final String name;
    private final Frame frame;

    WireMessage(String manifest, String name, Frame frame) {
        this.manifest = manifest;
        this.name = name;
        this.frame = frame;
    }

    /** Its name on the wire, such as {@code critic.samples}. */
    public String manifest() {
        return manifest;
    }

    /** Its name in the sources, such as {@code CriticMessage.Samples}, for people. */
    public String name() {
        return name;
    }

    /** Bytes that {@link #writeTo} writes. */
    public int size() {
        return (int) frame.size();
    }

    /**
     * Writes the message to a blocking channel, tensor elements by way of {@code buffer} only.
     *
     * @param buffer little-endian, of at least eight bytes, ready to be written to; what it holds goes first. Empty after
     */
    public void writeTo(WritableByteChannel channel, ByteBuffer buffer) throws IOException {
        FrameOutput out = new FrameOutput(channel, buffer);
        frame.write(out);
        out.flush();
    }

    /** Writes the message to memory that has room for it, advancing {@code sink}. */
    void writeTo(ByteBuffer sink) {
        try {
            frame.write(new FrameOutput(sink));
        } catch (IOException e) {
            throw new UncheckedIOException("memory was written", e);
        }
        sink.position(sink.position() + size());
    }
}
