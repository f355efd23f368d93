package dev.sluice.actors.http;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.sampler.SamplerClient;
import dev.sluice.config.ServingSettings;
import dev.sluice.protocol.message.ExperimentsMessage;
import dev.sluice.protocol.message.SamplerMessage;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.http.javadsl.Http;
import org.apache.pekko.http.javadsl.ServerBinding;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.settings.ServerSettings;
import org.apache.pekko.stream.javadsl.Flow;

/**
 * Serves the HTTP API for the samplers of the cluster (contract S1, S2, S5, S6). A client that leaves before its answer has its request
 * cancelled.
 */
public final class ApiServer {
    private static final Duration TO_FINISH_ON_SHUTDOWN = Duration.ofSeconds(5);

    /** A connection that computes is silent until its answer; Pekko must not take that for death. */
    private static final Duration IDLE_BEYOND_DEADLINE = Duration.ofSeconds(60);

    private ApiServer() {}

    /**
     * Listens on {@code settings.host()} and {@code settings.port()}; requests that are under way when the system shuts
     * down have a few seconds to finish.
     *
     * <p>Every sampler of the cluster is found and asked, wherever it is.
     *
     * @param courier of this node, that samples come by
     * @param experiments that can be submitted here; empty where one run is carried out
     * @return the binding, whose local address tells the port where 0 was asked for; fails with {@link ListenException}
     */
    public static CompletionStage<ServerBinding> start(
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
        return Http.get(system)
                .newServerAt(settings.host(), settings.port())
                .withSettings(pekkoSettings(system, settings))
                .bindFlow(Flow.fromMaterializer((materializer, attributes) -> connection(api)))
                .thenApply(binding -> binding.addToCoordinatedShutdown(TO_FINISH_ON_SHUTDOWN, system))
                .exceptionally(failure -> {
                    throw new CompletionException(
                            ListenException.of(settings.host(), settings.port(), "--port N", failure));
                });
    }

    private static ServerSettings pekkoSettings(ActorSystem<?> system, ServingSettings settings) {
        Config own = ConfigFactory.parseMap(Map.of(
                // The sampler keeps the deadline, and answers in the shape of every other error.
                "pekko.http.server.request-timeout",
                "infinite",
                "pekko.http.server.idle-timeout",
                settings.deadline().plus(IDLE_BEYOND_DEADLINE).toMillis() + " ms",
                "pekko.http.server.parsing.error-handler",
                MalformedRequests.class.getName()));
        return ServerSettings.create(own.withFallback(system.settings().config()));
    }

    /** One connection's requests, one after the other. */
    private static Flow<HttpRequest, HttpResponse, NotUsed> connection(Api api) {
        Connection connection = new Connection();
        // Watched where requests come in: Pekko lets a client that sends no more wait for its answer, and so would not
        // end the other side of this flow.
        return Flow.of(HttpRequest.class)
                .watchTermination((unused, ended) -> {
                    ended.whenComplete((done, failure) -> connection.left());
                    return unused;
                })
                .mapAsync(1, request -> api.handle(request, connection));
    }

    private static final class Connection implements Api.Caller {
        private record Request(ActorRef<SamplerMessage> sampler, String id) {}

        private final AtomicReference<Request> computing = new AtomicReference<>();
        private volatile boolean gone;

        @Override
        public void begun(ActorRef<SamplerMessage> sampler, String id) {
            computing.set(new Request(sampler, id));
            if (gone) {
                cancel();
            }
        }

        @Override
        public void ended() {
            computing.set(null);
        }

        private void left() {
            gone = true;
            cancel();
        }

        private void cancel() {
            Request request = computing.getAndSet(null);
            if (request != null) {
                request.sampler().tell(new SamplerMessage.Cancel(request.id()));
            }
        }
    }
}
