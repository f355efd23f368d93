package dev.sluice.actors.bench;

import java.io.NotSerializableException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.serialization.ByteBufferSerializer;
import org.apache.pekko.serialization.SerializerWithStringManifest;
import org.apache.pekko.stream.SourceRef;
import org.apache.pekko.stream.StreamRefResolver;
import org.apache.pekko.util.ByteString;

/** The bench's own messages; bound in the bench's systems only. */
public final class PartSerializer extends SerializerWithStringManifest implements ByteBufferSerializer {
    private static final int IDENTIFIER = 74_599;

    private final ExtendedActorSystem system;

    /** For Pekko. */
    public PartSerializer(ExtendedActorSystem system) {
        this.system = system;
    }

    @Override
    public int identifier() {
        return IDENTIFIER;
    }

    @Override
    public String manifest(Object message) {
        return message.getClass().getSimpleName();
    }

    @Override
    public byte[] toBinary(Object message) {
        int length = message instanceof PartsWay.Part part ? part.length() : 1024;
        ByteBuffer sink = ByteBuffer.allocate(2 * Integer.BYTES + length);
        toBinary(message, sink);
        byte[] bytes = new byte[sink.flip().remaining()];
        sink.get(bytes);
        return bytes;
    }

    @Override
    public void toBinary(Object message, ByteBuffer sink) {
        if (message instanceof PartsWay.Part part) {
            sink.putInt(part.of()).put(part.bytes(), part.offset(), part.length());
        } else if (message instanceof PartsWay.Credit credit) {
            sink.putInt(credit.parts()).putInt(credit.messages());
        } else {
            StreamWay.Subscribe subscribe = (StreamWay.Subscribe) message;
            sink.put(StreamRefResolver.get(Adapter.toTyped(system))
                    .toSerializationFormat(subscribe.source())
                    .getBytes(StandardCharsets.UTF_8));
        }
    }

    @Override
    public Object fromBinary(byte[] bytes, String manifest) throws NotSerializableException {
        return fromBinary(ByteBuffer.wrap(bytes), manifest);
    }

    @Override
    public Object fromBinary(ByteBuffer source, String manifest) throws NotSerializableException {
        switch (manifest) {
            case "Part" -> {
                int of = source.getInt();
                byte[] bytes = new byte[source.remaining()];
                source.get(bytes);
                return new PartsWay.Part(of, bytes, 0, bytes.length);
            }
            case "Credit" -> {
                return new PartsWay.Credit(source.getInt(), source.getInt());
            }
            case "Subscribe" -> {
                String ref = StandardCharsets.UTF_8.decode(source).toString();
                SourceRef<ByteString> resolved =
                        StreamRefResolver.get(Adapter.toTyped(system)).resolveSourceRef(ref);
                return new StreamWay.Subscribe(resolved);
            }
            default -> throw new NotSerializableException("no message of the bench is called " + manifest);
        }
    }
}
