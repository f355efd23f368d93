package dev.sluice.actors.node;

import dev.sluice.protocol.message.GenerationReply;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SamplerStatus;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.receptionist.Receptionist;

/** Interim: passes requests on to the sampler there is. */
final class Front extends AbstractBehavior<SamplerMessage> {
    private record Listed(Receptionist.Listing listing) implements SamplerMessage.Local {}

    private ActorRef<SamplerMessage> sampler;

    private Front(ActorContext<SamplerMessage> context) {
        super(context);
        context.getSystem()
                .receptionist()
                .tell(Receptionist.subscribe(
                        RoleKeys.SAMPLER, context.messageAdapter(Receptionist.Listing.class, Listed::new)));
    }

    static Behavior<SamplerMessage> create() {
        return Behaviors.setup(Front::new);
    }

    @Override
    public Receive<SamplerMessage> createReceive() {
        return newReceiveBuilder()
                .onMessage(Listed.class, this::onListed)
                .onAnyMessage(this::onRequest)
                .build();
    }

    private Behavior<SamplerMessage> onListed(Listed listed) {
        sampler = listed.listing().getServiceInstances(RoleKeys.SAMPLER).stream()
                .min(Comparator.comparing(actor -> actor.path().toString()))
                .orElse(null);
        return this;
    }

    private Behavior<SamplerMessage> onRequest(SamplerMessage message) {
        if (sampler != null) {
            sampler.tell(message);
        } else if (message instanceof SamplerMessage.GetStatus status) {
            status.replyTo().tell(new SamplerStatus(false, Optional.empty(), "", List.of(), 0, 0));
        } else if (message instanceof SamplerMessage.Generate request) {
            request.replyTo()
                    .tell(new GenerationReply.Refused(
                            request.id(), GenerationReply.Reason.NOT_READY, "there is no sampler yet"));
        }
        return this;
    }
}
