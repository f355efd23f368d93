package dev.sluice.actors.files;

import dev.sluice.protocol.message.FilesMessage;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.receptionist.Receptionist;

/** Knows the file servers of the cluster. Nothing is lost when it dies. */
final class Servers extends AbstractBehavior<Servers.Command> {
    sealed interface Command {}

    /** Answered as soon as there is one. */
    record Find(ActorRef<Found> replyTo) implements Command {}

    private record Listed(Receptionist.Listing listing) implements Command {}

    /** @param servers in an order that does not change while they do not */
    record Found(List<ActorRef<FilesMessage>> servers) {
        Found {
            servers = List.copyOf(servers);
        }
    }

    private final List<ActorRef<Found>> waiting = new ArrayList<>();
    private Found found = new Found(List.of());

    private Servers(ActorContext<Command> context) {
        super(context);
        context.getSystem()
                .receptionist()
                .tell(Receptionist.subscribe(
                        FileServer.KEY, context.messageAdapter(Receptionist.Listing.class, Listed::new)));
    }

    static Behavior<Command> create() {
        return Behaviors.setup(Servers::new);
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Find.class, this::onFind)
                .onMessage(Listed.class, this::onListed)
                .build();
    }

    private Behavior<Command> onFind(Find find) {
        if (found.servers().isEmpty()) {
            // Bounded by who ask: worker threads, which wait.
            waiting.add(find.replyTo());
        } else {
            find.replyTo().tell(found);
        }
        return this;
    }

    private Behavior<Command> onListed(Listed listed) {
        found = new Found(listed.listing().getServiceInstances(FileServer.KEY).stream()
                .sorted(Comparator.comparing(server -> server.path().toString()))
                .toList());
        if (!found.servers().isEmpty()) {
            waiting.forEach(asker -> asker.tell(found));
            waiting.clear();
        }
        return this;
    }
}
