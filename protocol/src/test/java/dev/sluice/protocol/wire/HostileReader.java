package dev.sluice.protocol.wire;

import static org.assertj.core.api.Assertions.assertThat;

import com.esotericsoftware.kryo.io.Output;
import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.io.NotSerializableException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.function.Consumer;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.javadsl.Adapter;

/** Reads what a hostile peer sends, and holds every refusal to one exception and a cost in proportion to the bytes. */
final class HostileReader {
    /** Bytes that a refusal may take beside the frame's own: exceptions, and what the JVM links on first use. */
    private static final long SLACK = 1 << 20;

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int HEADER = 1 + Integer.BYTES;

    private final MessageSerializer serializer;

    HostileReader(ActorTestKit testKit) {
        serializer = new MessageSerializer((ExtendedActorSystem) Adapter.toClassic(testKit.system()));
    }

    MessageSerializer serializer() {
        return serializer;
    }

    /** True when refused as it should be, false when it is a message after all; anything else fails the test. */
    boolean isRefused(byte[] bytes, Class<? extends Record> type) {
        return read(bytes, manifest(type)) instanceof NotSerializableException;
    }

    void assertRefused(byte[] bytes, String manifest, String reason) {
        assertThat(read(bytes, manifest)).isInstanceOfSatisfying(NotSerializableException.class, e -> assertThat(e)
                .hasMessageContaining(reason));
    }

    /** The message or its refusal, whose cost is held to the bytes that were there. */
    Object read(byte[] bytes, String manifest) {
        Object result;
        long before = THREADS.getCurrentThreadAllocatedBytes();
        try {
            result = serializer.fromBinary(bytes, manifest);
        } catch (NotSerializableException e) {
            result = e;
        }
        long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
        assertThat(allocated).as("bytes allocated").isLessThan(SLACK + 12L * bytes.length);
        assertSameInPieces(bytes, manifest, result);
        if (result instanceof NotSerializableException refusal) {
            assertThat(refusal).hasMessageFindingMatch("^a frame of \\d+ bytes is no |^no message is called ");
        } else {
            assertThat(result)
                    .isExactlyInstanceOf(Registrations.ofManifest(manifest).type());
            Conformance.require((Record) result);
        }
        return result;
    }

    /** Over a connection that gives a few bytes at a time: the same outcome, and what follows is left alone. */
    private void assertSameInPieces(byte[] bytes, String manifest, Object expected) {
        byte[] andMore = Arrays.copyOf(bytes, bytes.length + 1);
        andMore[bytes.length] = 77;
        Trickle channel = new Trickle(andMore);
        ByteBuffer buffer =
                ByteBuffer.allocateDirect(16).order(ByteOrder.LITTLE_ENDIAN).flip();
        try {
            Object read = serializer.read(manifest, bytes.length, channel, buffer);
            assertThat(read).isEqualTo(expected);
        } catch (NotSerializableException e) {
            assertThat(expected).isInstanceOfSatisfying(NotSerializableException.class, refusal -> assertThat(e)
                    .hasMessage(refusal.getMessage()));
        } catch (IOException e) {
            throw new AssertionError("read beyond the frame", e);
        }
        assertThat(buffer.remaining() + channel.left()).isEqualTo(1);
    }

    static String manifest(Class<? extends Record> type) {
        return Registrations.ofType(type).manifest();
    }

    /** A frame around what {@code structure} writes, without tensors. */
    static byte[] frame(Consumer<Output> structure) {
        Output out = new Output(64, -1);
        structure.accept(out);
        byte[] bytes = out.toBytes();
        return ByteBuffer.allocate(HEADER + bytes.length + Short.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(Frame.VERSION)
                .putInt(bytes.length)
                .put(bytes)
                .array();
    }
}
