package dev.sluice.actors.bench;

import dev.sluice.protocol.message.CriticMessage;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.stream.Materializer;
import org.apache.pekko.stream.QueueOfferResult;
import org.apache.pekko.stream.SourceRef;
import org.apache.pekko.stream.javadsl.Keep;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.stream.javadsl.SourceQueueWithComplete;
import org.apache.pekko.stream.javadsl.StreamRefs;
import org.apache.pekko.util.ByteString;

/** Messages as a back-pressured stream of byte strings over Pekko's StreamRefs. */
final class StreamWay implements Way {
    /** The peer attaches to this stream. */
    record Subscribe(SourceRef<ByteString> source) {}

    /** StreamRefs' own actors are not in the large-message lane: its frames are of 256 KiB. */
    private static final int ELEMENT = 192 << 10;

    private final Window window = new Window();
    private final Assembly assembly;
    private final SourceQueueWithComplete<ByteString> queue;

    StreamWay(BenchSystem here, int port, Assembly assembly) {
        this.assembly = assembly;
        here.<CriticMessage>spawn("stream-acknowledgements", Behaviors.receiveMessage(acknowledgement -> {
            window.acknowledged();
            return Behaviors.same();
        }));
        var stream = Source.<ByteString>queue(4, org.apache.pekko.stream.OverflowStrategy.backpressure(), 1)
                .toMat(StreamRefs.<ByteString>sourceRef(), Keep.both())
                .run(here.system());
        queue = stream.first();
        here.<Subscribe>remote(port, "streams").tell(new Subscribe(stream.second()));
    }

    static void serve(BenchSystem there, int port, Assembly assembly) {
        ActorRef<CriticMessage> sender = there.remote(port, "stream-acknowledgements");
        Materializer materializer = Materializer.createMaterializer(there.system());
        there.<Subscribe>spawn("streams", Behaviors.receiveMessage(subscribe -> {
            receive(subscribe.source().getSource(), assembly, sender, materializer);
            return Behaviors.same();
        }));
    }

    private static void receive(
            Source<ByteString, NotUsed> source,
            Assembly assembly,
            ActorRef<CriticMessage> sender,
            Materializer materializer) {
        source.runWith(
                Sink.foreach(element -> {
                    ByteBuffer part = element.asByteBuffer();
                    if (!assembly.isOpen()) {
                        assembly.begin(part.getInt());
                    }
                    if (assembly.add(part) != null) {
                        sender.tell(new CriticMessage.Release(0));
                    }
                }),
                materializer);
    }

    @Override
    public String name() {
        return "Artery, StreamRefs";
    }

    @Override
    public void send(CriticMessage.Samples message, int count, int window) throws Exception {
        this.window.run(count, window, () -> {
            byte[] bytes = assembly.bytes(message);
            ByteString length = ByteString.fromArray(
                    ByteBuffer.allocate(Integer.BYTES).putInt(bytes.length).array());
            for (int offset = 0; offset < bytes.length; offset += ELEMENT) {
                ByteString slice = ByteString.fromArrayUnsafe(bytes, offset, Math.min(ELEMENT, bytes.length - offset));
                offer(offset == 0 ? length.concat(slice) : slice);
            }
        });
    }

    private void offer(ByteString element) throws Exception {
        QueueOfferResult result = queue.offer(element).toCompletableFuture().get(60, TimeUnit.SECONDS);
        if (!result.isEnqueued()) {
            throw new IllegalStateException("the stream is gone: " + result);
        }
    }

    @Override
    public void close() {
        queue.complete();
    }
}
