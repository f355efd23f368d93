package dev.sluice.actors.http;

import dev.sluice.config.ConnectionSettings;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.http.javadsl.model.HttpMethods;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/**
 * {@code /live} and {@code /ready} of a node that serves nothing else, for whatever watches it: live while the process
 * answers, ready while the cluster counts on it.
 */
public final class Health {
    private static final Duration TO_FINISH_ON_SHUTDOWN = Duration.ofSeconds(1);

    private Health() {}

    /** @return the listener; fails with {@link ListenException} */
    public static CompletionStage<HttpListener> start(
            ActorSystem<?> system, String host, int port, ConnectionSettings limits) {
        return HttpListener.start(
                system,
                host,
                port,
                "node.health-port",
                limits,
                Optional.empty(),
                TO_FINISH_ON_SHUTDOWN,
                (request, caller) -> CompletableFuture.completedFuture(answer(system, request)));
    }

    private static HttpResponse answer(ActorSystem<?> system, HttpRequest request) {
        if (!request.method().equals(HttpMethods.GET) && !request.method().equals(HttpMethods.HEAD)) {
            return Responses.error(ApiError.of(405, "wrong_method", null, "there are GET /live and GET /ready"));
        }
        switch (request.getUri().path()) {
            case "/live":
                return Responses.ok(Json.object().put("status", "live"));
            case "/ready":
                MemberStatus status = Cluster.get(system).selfMember().status();
                return status.equals(MemberStatus.up())
                        ? Responses.ok(Json.object().put("status", "ready"))
                        : Responses.error(ApiError.notReady("the node is no member of the cluster: " + status));
            default:
                return Responses.error(ApiError.of(404, "unknown_path", null, "there are GET /live and GET /ready"));
        }
    }
}
