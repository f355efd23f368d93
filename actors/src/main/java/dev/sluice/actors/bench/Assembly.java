package dev.sluice.actors.bench;

import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.wire.MessageSerializer;
import java.io.NotSerializableException;
import java.nio.ByteBuffer;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Adapter;

/** Messages to bytes and, when the last of them is there, back. Not thread-safe. */
final class Assembly {
    private final MessageSerializer serializer;
    private byte[] bytes = new byte[0];
    private int filled;
    /** @param system whose limits hold the whole message in one frame */
    Assembly(ActorSystem<?> system) {
        serializer = new MessageSerializer((ExtendedActorSystem) Adapter.toClassic(system));
    }

    byte[] bytes(CriticMessage.Samples message) {
        return serializer.toBinary(message);
    }

    /** Begins a message of {@code length} bytes. */
    void begin(int length) {
        bytes = new byte[length];
        filled = 0;
    }

    /** Whether a message is begun and not all there. */
    boolean isOpen() {
        return filled < bytes.length;
    }

    /** Takes what belongs to this message from {@code part}, advancing it; the message when that was its end, else null. */
    CriticMessage add(ByteBuffer part) {
        int length = Math.min(part.remaining(), bytes.length - filled);
        part.get(bytes, filled, length);
        filled += length;
        if (filled < bytes.length) {
            return null;
        }
        try {
            return (CriticMessage) serializer.fromBinary(bytes, "critic.samples");
        } catch (NotSerializableException e) {
            throw new IllegalStateException("the parts are not what was sent", e);
        }
    }
}
