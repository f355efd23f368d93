package dev.sluice.actors.http;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.sampler.SamplerClient;
import dev.sluice.config.ServingSettings;
import dev.sluice.protocol.message.ExperimentsMessage;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Props;

/**
 * Serves the HTTP API for the samplers of the cluster. A client that leaves before its answer has its request
 * cancelled.
 */
public final class ApiServer {
    private static final Duration TO_FINISH_ON_SHUTDOWN = Duration.ofSeconds(5);

    private ApiServer() {}

    /**
     * Listens on {@code settings.host()} and {@code settings.port()}; requests that are under way when the system shuts
     * down have a few seconds to finish.
     *
     * <p>Every sampler of the cluster is found and asked, wherever it is.
     *
     * @param courier of this node, that samples come by
     * @param experiments that can be submitted here; empty where one run is carried out
     * @return the listener, whose address tells the port where 0 was asked for; fails with {@link ListenException}
     */
    public static CompletionStage<HttpListener> start(
            ActorSystem<?> system,
            ServingSettings settings,
            Courier courier,
            Optional<ActorRef<ExperimentsMessage>> experiments) {
        String name = "-" + UUID.randomUUID();
        SamplerClient client = new SamplerClient(
                system, courier, answers -> system.systemActorOf(answers, "answers" + name, Props.empty()));
        Samplers samplers = new Samplers(system, client);
        system.systemActorOf(samplers.listener(), "samplers" + name, Props.empty());
        Optional<ExperimentsApi> control = experiments.map(actor -> new ExperimentsApi(system, actor));
        Api api = new Api(system, samplers, settings, control);
        return HttpListener.start(
                system,
                settings.host(),
                settings.port(),
                "--port N",
                settings.connections(),
                settings.token(),
                TO_FINISH_ON_SHUTDOWN,
                api::handle);
    }
}
