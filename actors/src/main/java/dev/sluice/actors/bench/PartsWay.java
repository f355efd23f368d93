package dev.sluice.actors.bench;

import dev.sluice.protocol.message.CriticMessage;
import java.nio.ByteBuffer;
import java.util.concurrent.Semaphore;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/** Messages cut into parts over Artery's large-message lane as it is shipped, with a credit for every part under way. */
final class PartsWay implements Way {
    /** A slice of a message of {@code of} bytes, in order. */
    record Part(int of, byte[] bytes, int offset, int length) {}

    /** Parts that were taken, and messages that they completed. */
    record Credit(int parts, int messages) {}

    /** Below the queue of the lane, which drops what does not fit: 256. */
    private static final int BYTES_UNDER_WAY = 16 << 20;

    private final Window window = new Window();
    private final Assembly assembly;
    private final ActorRef<Part> receiver;
    private final int partBytes;
    private final Semaphore credits;

    PartsWay(BenchSystem here, int port, int partBytes, Assembly assembly) {
        this.partBytes = partBytes;
        credits = new Semaphore(Math.min(200, Math.max(2, BYTES_UNDER_WAY / partBytes)));
        this.assembly = assembly;
        here.<Credit>spawn("credits-" + partBytes, Behaviors.receiveMessage(this::credit));
        receiver = here.remote(port, "parts-" + partBytes);
    }

    static void serve(BenchSystem there, int port, int partBytes, Assembly assembly) {
        ActorRef<Credit> sender = there.remote(port, "credits-" + partBytes);
        there.<Part>spawn("parts-" + partBytes, Behaviors.receiveMessage(part -> {
            if (!assembly.isOpen()) {
                assembly.begin(part.of());
            }
            CriticMessage whole = assembly.add(ByteBuffer.wrap(part.bytes()));
            sender.tell(new Credit(1, whole == null ? 0 : 1));
            return Behaviors.same();
        }));
    }

    private org.apache.pekko.actor.typed.Behavior<Credit> credit(Credit credit) {
        credits.release(credit.parts());
        if (credit.messages() > 0) {
            window.acknowledged();
        }
        return Behaviors.same();
    }

    @Override
    public String name() {
        return "Artery, parts of " + Sizes.name(partBytes);
    }

    @Override
    public void send(CriticMessage.Samples message, int count, int window) throws Exception {
        this.window.run(count, window, () -> {
            byte[] bytes = assembly.bytes(message);
            for (int offset = 0; offset < bytes.length; offset += partBytes) {
                credits.acquire();
                receiver.tell(new Part(bytes.length, bytes, offset, Math.min(partBytes, bytes.length - offset)));
            }
        });
    }

    @Override
    public void close() {
        // Its actors end with the system.
    }
}
