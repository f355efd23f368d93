package dev.sluice.actors.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sluice.protocol.ExperimentStatus;
import dev.sluice.protocol.message.ExperimentsMessage;
import dev.sluice.protocol.message.ExperimentsReply;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.http.javadsl.model.ContentType;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/**
 * The control API: which experiments a cluster carries out. Whoever may ask it may have programs run and files written, so
 * off loopback it answers only to who knows the token.
 *
 * <p>Thread-safe.
 */
final class ExperimentsApi {
    static final String PATH = "/v1/experiments";

    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(15);
    /** Longer than the keeper takes to say that it does not begin it. */
    private static final Duration SUBMITTED_WITHIN = ExperimentsMessage.CHECKED_WITHIN.plus(ANSWER_WITHIN);
    /** Well within a message to the control node that keeps the experiments. */
    private static final int MOST_BYTES = 128 << 10;

    private static final Set<String> TYPES = Set.of("application/hocon", "application/json");

    private final ActorSystem<?> system;
    private final ActorRef<ExperimentsMessage> experiments;

    /** @param experiments may be on another node */
    ExperimentsApi(ActorSystem<?> system, ActorRef<ExperimentsMessage> experiments) {
        this.system = system;
        this.experiments = experiments;
    }

    /** Answers a request at {@link #PATH} or below. */
    CompletionStage<HttpResponse> handle(HttpRequest request) {
        String path = request.getUri().path();
        String method = request.method().name();
        if (path.equals(PATH) && method.equals("GET")) {
            return ask(ExperimentsMessage.GetAll::new).thenApply(ExperimentsApi::list);
        }
        if (path.equals(PATH) && method.equals("POST")) {
            requireConfiguration(request);
            return Bodies.whole(system, request, MOST_BYTES, "")
                    .thenCompose(body -> {
                        String text = new String(body.getData().toArray(), StandardCharsets.UTF_8);
                        return ask(replyTo -> new ExperimentsMessage.Submit(text, replyTo), SUBMITTED_WITHIN);
                    })
                    .thenApply(ExperimentsApi::one);
        }
        if (path.startsWith(PATH + "/") && path.length() > PATH.length() + 1) {
            String name = path.substring(PATH.length() + 1);
            if (method.equals("GET")) {
                return ask(ExperimentsMessage.GetAll::new).thenApply(reply -> named(name, reply));
            }
            if (method.equals("DELETE")) {
                return ask(replyTo -> new ExperimentsMessage.Cancel(name, replyTo))
                        .thenApply(ExperimentsApi::one);
            }
        }
        throw ApiError.of(
                405,
                "wrong_method",
                null,
                method + " does nothing at " + path + "; there are GET and POST " + PATH + ", GET and DELETE " + PATH
                        + "/NAME");
    }

    /** No form of a web page can send these types; a browser asks before it sends them for a script of another site. */
    private static void requireConfiguration(HttpRequest request) {
        ContentType type = request.entity().getContentType();
        String name = type.mediaType().mainType() + "/" + type.mediaType().subType();
        if (!TYPES.contains(name)) {
            throw ApiError.of(
                    415,
                    "unsupported_media_type",
                    null,
                    "the body is " + type + "; send a configuration with the header Content-Type: application/hocon, or"
                            + " application/json where it is JSON");
        }
    }

    private CompletionStage<ExperimentsReply> ask(Function<ActorRef<ExperimentsReply>, ExperimentsMessage> question) {
        return ask(question, ANSWER_WITHIN);
    }

    private CompletionStage<ExperimentsReply> ask(
            Function<ActorRef<ExperimentsReply>, ExperimentsMessage> question, Duration within) {
        return AskPattern.ask(experiments, question::apply, within, system.scheduler())
                .exceptionally(failure -> {
                    Throwable cause = Responses.cause(failure);
                    throw cause instanceof TimeoutException
                            ? ApiError.notReady("no control node answers: it is being moved; try again")
                            : new CompletionException(cause);
                });
    }

    private static ExperimentsReply.Experiments accepted(ExperimentsReply reply) {
        if (reply instanceof ExperimentsReply.Rejected rejected) {
            throw switch (rejected.reason()) {
                case INVALID -> ApiError.of(400, "invalid_configuration", null, rejected.message());
                case NAME_TAKEN -> ApiError.of(409, "name_taken", null, rejected.message());
                case UNKNOWN -> ApiError.of(404, "experiment_not_found", null, rejected.message());
                case FAILED -> ApiError.notReady(rejected.message());
                case BROKEN -> ApiError.of(500, "internal_error", null, rejected.message());
            };
        }
        return (ExperimentsReply.Experiments) reply;
    }

    private static HttpResponse list(ExperimentsReply reply) {
        ObjectNode body = Json.object().put("object", "list");
        ArrayNode data = body.putArray("data");
        accepted(reply).all().forEach(status -> data.add(json(status)));
        return Responses.ok(body);
    }

    private static HttpResponse one(ExperimentsReply reply) {
        return Responses.ok(json(accepted(reply).all().get(0)));
    }

    private static HttpResponse named(String name, ExperimentsReply reply) {
        return accepted(reply).all().stream()
                .filter(status -> status.name().equals(name))
                .findFirst()
                .map(status -> Responses.ok(json(status)))
                .orElseThrow(() ->
                        ApiError.of(404, "experiment_not_found", null, "there is no experiment \"" + name + "\" here"));
    }

    private static ObjectNode json(ExperimentStatus status) {
        ObjectNode body = Json.object()
                .put("name", status.name())
                .put("state", status.state().name().toLowerCase(Locale.ROOT))
                .put("phase", status.phase())
                .put("phases", status.phases())
                .put("cycle", status.cycle())
                .put("cycles", status.cycles())
                .put("epoch", status.epoch())
                .put("run", status.run());
        return status.message().isEmpty() ? body : body.put("message", status.message());
    }
}
