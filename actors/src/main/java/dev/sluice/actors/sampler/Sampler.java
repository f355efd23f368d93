package dev.sluice.actors.sampler;

import dev.sluice.config.ServingSettings;
import dev.sluice.protocol.message.*;
import dev.sluice.runtime.network.Networks;
import org.apache.pekko.actor.typed.*;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

public final class Sampler {
    public static Behavior<SamplerMessage> create(Networks n, ServingSettings s, DispatcherSelector p) {
        return Behaviors.receiveMessage(m -> {
            if (m instanceof SamplerMessage.Serve x)
                x.supervisor().tell(new SupervisorMessage.RoleReady(x.epoch(), dev.sluice.protocol.Role.SAMPLER, 0));
            if (m instanceof SamplerMessage.SwapExpert x)
                x.supervisor().tell(new SupervisorMessage.SwapDone(x.phase(), x.expert(), 1));
            return Behaviors.same();
        });
    }
}
