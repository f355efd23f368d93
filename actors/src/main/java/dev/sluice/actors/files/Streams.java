package dev.sluice.actors.files;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.ActorPaths;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.stream.Attributes;
import org.apache.pekko.stream.Materializer;
import org.apache.pekko.stream.SourceRef;
import org.apache.pekko.stream.StreamRefAttributes;
import org.apache.pekko.stream.StreamRefResolver;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.stream.javadsl.StreamConverters;
import org.apache.pekko.stream.javadsl.StreamRefs;
import org.apache.pekko.util.ByteString;

/**
 * Bytes between nodes: Pekko's SourceRefs, which are back-pressured, and authenticated by whatever authenticates the
 * cluster's transport.
 *
 * <p>Memory of one transfer, both ends together: at most {@link #BUFFER} chunks under way and a few at the ends, some
 * 4 MB. Artery drops what is beyond 256 messages waiting for one node, which six transfers cannot be.
 */
final class Streams {
    /** Fits a frame of either of Artery's lanes with its envelope; larger ones are no faster (docs/checkpoints.md). */
    static final int CHUNK = 128 * 1024;

    private static final int BUFFER = 32;

    private Streams() {}

    /** Offers a stream to another node, which has {@code within} to begin drawing from it. Names it as text. */
    static String offer(ActorSystem<?> system, Source<ByteString, ?> bytes, Duration within) {
        SourceRef<ByteString> offered = bytes.runWith(
                StreamRefs.<ByteString>sourceRef().addAttributes(StreamRefAttributes.subscriptionTimeout(within)),
                Materializer.matFromSystem(system));
        return StreamRefResolver.get(system).toSerializationFormat(offered);
    }

    /**
     * Draws from a stream that another node offers. Closing it tells the other side.
     *
     * @param quiet after which a read without bytes fails
     * @throws IOException when {@code offered} names no stream
     */
    static InputStream open(ActorSystem<?> system, String offered, Duration quiet) throws IOException {
        SourceRef<ByteString> ref;
        try {
            // The resolver takes anything, and makes dead letters of it, which are only noticed by their silence.
            ActorPaths.fromString(offered);
            ref = StreamRefResolver.get(system).resolveSourceRef(offered);
        } catch (Exception e) { // MalformedURLException, which Scala throws without declaring it
            throw new IOException("not the name of a stream: " + offered, e);
        }
        Source<ByteString, NotUsed> source = ref.getSource()
                .addAttributes(
                        StreamRefAttributes.bufferCapacity(BUFFER).and(StreamRefAttributes.subscriptionTimeout(quiet)));
        return source.runWith(
                StreamConverters.asInputStream(quiet).withAttributes(Attributes.inputBuffer(1, 2)),
                Materializer.matFromSystem(system));
    }

    /** The innermost cause: streams and their adapters wrap what happened. */
    static String reason(Throwable e) {
        Throwable cause = e;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
    }

    /** Where an actor lives, for people: {@code sluice@10.0.0.1:25520}. */
    static String host(ActorSystem<?> system, ActorRef<?> actor) {
        return actor.path().address().hasGlobalScope()
                ? actor.path().address().hostPort()
                : system.address().hostPort();
    }
}
