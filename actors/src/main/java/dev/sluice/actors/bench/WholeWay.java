package dev.sluice.actors.bench;

import dev.sluice.protocol.message.CriticMessage;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/** An ordinary tell over Artery's large-message lane, its frames raised to the largest message. */
final class WholeWay implements Way {
    private final Window window = new Window();
    private final ActorRef<CriticMessage> receiver;

    WholeWay(BenchSystem here, int port) {
        here.<CriticMessage>spawn("whole-acknowledgements", Behaviors.receiveMessage(acknowledgement -> {
            window.acknowledged();
            return Behaviors.same();
        }));
        receiver = here.remote(port, "whole");
    }

    static void serve(BenchSystem there, int port) {
        ActorRef<CriticMessage> sender = there.remote(port, "whole-acknowledgements");
        there.<CriticMessage>spawn("whole", Behaviors.receiveMessage(samples -> {
            sender.tell(new CriticMessage.Release(0));
            return Behaviors.same();
        }));
    }

    @Override
    public String name() {
        return "Artery, one message";
    }

    @Override
    public void send(CriticMessage.Samples message, int count, int window) throws Exception {
        this.window.run(count, window, () -> receiver.tell(message));
    }

    @Override
    public void close() {
        // Its actors end with the system.
    }
}
