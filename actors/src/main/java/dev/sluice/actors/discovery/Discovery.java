package dev.sluice.actors.discovery;

import dev.sluice.protocol.message.NodeMessage;
import dev.sluice.protocol.message.SamplerMessage;
import org.apache.pekko.actor.typed.receptionist.ServiceKey;

/** What registers with the receptionist, so that nobody needs to know where it runs. */
public final class Discovery {
    /** The agent of every node. */
    public static final ServiceKey<NodeMessage> NODE = ServiceKey.create(NodeMessage.class, "node");

    /** Every sampler, of every experiment. */
    public static final ServiceKey<SamplerMessage> SAMPLER = ServiceKey.create(SamplerMessage.class, "sampler");

    private Discovery() {}
}
