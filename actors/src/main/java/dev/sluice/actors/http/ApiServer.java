package dev.sluice.actors.http;

import dev.sluice.config.ServingSettings;
import dev.sluice.protocol.message.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.*;
import org.apache.pekko.http.javadsl.*;

public final class ApiServer {
    public static CompletionStage<ServerBinding> start(
            ActorSystem<?> s, ServingSettings x, Supplier<Optional<ActorRef<SamplerMessage>>> r) {
        return Http.get(s).newServerAt(x.host(), x.port()).bindSync(q -> null);
    }
}
