package dev.sluice.protocol.wire;

import dev.sluice.protocol.message.CriticMessage;
import java.io.NotSerializableException;
import java.nio.ByteBuffer;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.serialization.ByteBufferSerializer;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/** What a hostile peer runs in place of the serializer: honest but for {@link CriticMessage.Release}. */
public final class LyingSerializer extends SerializerWithStringManifest implements ByteBufferSerializer {
    private final MessageSerializer honest;

    public LyingSerializer(ExtendedActorSystem system) {
        honest = new MessageSerializer(system);
    }

    @Override
    public int identifier() {
        return honest.identifier();
    }

    @Override
    public String manifest(Object message) {
        return honest.manifest(message);
    }

    @Override
    public byte[] toBinary(Object message) {
        return honest.toBinary(message);
    }

    @Override
    public void toBinary(Object message, ByteBuffer sink) {
        honest.toBinary(message, sink);
        if (message instanceof CriticMessage.Release) {
            sink.position(sink.position() - 1);
        }
    }

    @Override
    public Object fromBinary(byte[] bytes, String manifest) throws NotSerializableException {
        return honest.fromBinary(bytes, manifest);
    }

    @Override
    public Object fromBinary(ByteBuffer source, String manifest) throws NotSerializableException {
        return honest.fromBinary(source, manifest);
    }
}
