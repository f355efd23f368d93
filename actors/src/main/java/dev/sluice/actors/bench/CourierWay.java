package dev.sluice.actors.bench;

import dev.sluice.actors.delivery.NodeCourier;
import dev.sluice.actors.delivery.Undeliverable;
import dev.sluice.protocol.message.CriticMessage;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.slf4j.LoggerFactory;

/** The courier: a connection of its own beside Artery. */
final class CourierWay implements Way {
    private final Window window = new Window();
    private final NodeCourier courier;
    private final ActorRef<CriticMessage> receiver;

    /** @param receiver the full path of the actor that {@link #serve} spawned: the courier tells incarnations apart */
    CourierWay(BenchSystem here, String receiver) {
        here.<CriticMessage>spawn("courier-acknowledgements", Behaviors.receiveMessage(acknowledgement -> {
            window.acknowledged();
            return Behaviors.same();
        }));
        courier = start(here);
        this.receiver = here.resolve(receiver);
    }

    static String serve(BenchSystem there, int port) {
        ActorRef<CriticMessage> sender = there.remote(port, "courier-acknowledgements");
        NodeCourier courier = start(there);
        return there.path(there.spawn(
                "courier-receiver", courier.intake(CriticMessage.class, Behaviors.receiveMessage(samples -> {
                    sender.tell(new CriticMessage.Release(0));
                    return Behaviors.same();
                }))));
    }

    private static NodeCourier start(BenchSystem system) {
        return NodeCourier.start(
                system.system(), system.spawn("undeliverable", Behaviors.<Undeliverable>receiveMessage(lost -> {
                    LoggerFactory.getLogger(CourierWay.class).error("Lost: {}", lost);
                    return Behaviors.same();
                })));
    }

    @Override
    public String name() {
        return "courier";
    }

    @Override
    public void send(CriticMessage.Samples message, int count, int window) throws Exception {
        this.window.run(count, window, () -> courier.deliver(receiver, message));
    }

    @Override
    public void close() {
        // Ends with the system.
    }
}
