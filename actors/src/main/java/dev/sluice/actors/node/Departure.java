package dev.sluice.actors.node;

import dev.sluice.protocol.message.NodeMessage;
import java.time.Duration;
import java.util.function.Function;
import org.apache.pekko.Done;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.AskPattern;

/**
 * How a node leaves in order. First its trainers are handed over, at a cycle boundary, while everything else goes on. Its
 * samplers stop once HTTP has answered and while the cluster still stands, so that their last counts reach the recorder,
 * here or on another node.
 */
final class Departure {
    private Departure() {}

    static void prepare(ActorSystem<?> system, ActorRef<NodeMessage> node) {
        CoordinatedShutdown shutdown = CoordinatedShutdown.get(system);
        during(shutdown, CoordinatedShutdown.PhaseBeforeServiceUnbind(), "hand-over", system, node, Node.Leave::new);
        during(
                shutdown,
                CoordinatedShutdown.PhaseServiceStop(),
                "stop-the-samplers",
                system,
                node,
                Node.StopSamplers::new);
    }

    private static void during(
            CoordinatedShutdown shutdown,
            String phase,
            String task,
            ActorSystem<?> system,
            ActorRef<NodeMessage> node,
            Function<ActorRef<Done>, NodeMessage> order) {
        Duration within = Duration.ofMillis(shutdown.timeout(phase).toMillis());
        shutdown.addTask(
                phase, task, () -> AskPattern.<NodeMessage, Done>ask(node, order::apply, within, system.scheduler())
                        .exceptionally(late -> Done.getInstance()));
    }
}
