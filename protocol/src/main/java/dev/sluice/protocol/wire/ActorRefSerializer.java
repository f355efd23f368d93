package dev.sluice.protocol.wire;

import com.esotericsoftware.kryo.Kryo;
import com.esotericsoftware.kryo.KryoException;
import com.esotericsoftware.kryo.io.Input;
import com.esotericsoftware.kryo.io.Output;
import com.esotericsoftware.kryo.serializers.ImmutableSerializer;
import org.apache.pekko.actor.ActorPaths;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;

/**
 * Actor references as paths with the address of the node they live on. A path whose actor has gone is still a reference,
 * to dead letters; what is no path at all is refused, for Pekko would quietly make it dead letters too.
 */
final class ActorRefSerializer extends ImmutableSerializer<ActorRef<?>> {
    /** Of every address that Pekko gives out, over TCP and TLS alike. */
    private static final String PROTOCOL = "pekko";

    private final ActorRefResolver actors;

    ActorRefSerializer(ActorRefResolver actors) {
        this.actors = actors;
    }

    @Override
    public void write(Kryo kryo, Output output, ActorRef<?> ref) {
        TextSerializer.write(output, actors.toSerializationFormat(ref));
    }

    @Override
    public ActorRef<?> read(Kryo kryo, Input input, Class<? extends ActorRef<?>> type) {
        String path = TextSerializer.read(input);
        if (!isActorPath(path)) {
            throw new KryoException("not the path of an actor: " + path);
        }
        return actors.resolveActorRef(path);
    }

    private static boolean isActorPath(String path) {
        try {
            return ActorPaths.fromString(path).address().protocol().equals(PROTOCOL);
        } catch (Exception e) { // MalformedURLException, which Scala throws without declaring it
            return false;
        }
    }
}
