package dev.sluice.actors.supervisor;

import dev.sluice.protocol.DeviceOffer;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.NodeMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.pekko.Done;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/** A node whose roles are played by the test. */
final class FakeNode {
    /** The node leaves in order. */
    record Leave() implements NodeMessage.Local {}

    /** Answered when the node has told a supervisor what it offers. */
    record AwaitOffer(ActorRef<Done> replyTo) implements NodeMessage.Local {}

    private FakeNode() {}

    static Behavior<NodeMessage> create(String name, Map<Role, ActorRef<?>> players, boolean answers) {
        return Behaviors.setup(context -> new Object() {
            private ActorRef<SupervisorMessage> supervisor;
            private final List<ActorRef<Done>> waiting = new ArrayList<>();

            private SupervisorMessage.NodeOffer offer(boolean leaving) {
                return new SupervisorMessage.NodeOffer(
                        context.getSelf(),
                        name,
                        players.keySet().stream().sorted().toList(),
                        List.of(new DeviceOffer("cpu", 0, 0)),
                        leaving);
            }

            Behavior<NodeMessage> behavior() {
                return Behaviors.receiveMessage(message -> {
                    if (message instanceof NodeMessage.Attend attend) {
                        supervisor = attend.supervisor();
                        supervisor.tell(offer(false));
                        waiting.forEach(w -> w.tell(Done.getInstance()));
                        waiting.clear();
                    } else if (message instanceof AwaitOffer await) {
                        if (supervisor == null) {
                            waiting.add(await.replyTo());
                        } else {
                            await.replyTo().tell(Done.getInstance());
                        }
                    } else if (message instanceof Leave) {
                        supervisor.tell(offer(true));
                    } else if (message instanceof NodeMessage.Play play && answers) {
                        play.supervisor()
                                .tell(new SupervisorMessage.RolePlaced(
                                        play.order(), play.role(), players.get(play.role())));
                    }
                    return Behaviors.same();
                });
            }
        }.behavior());
    }
}
