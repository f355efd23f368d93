package dev.sluice.actors.http;

import dev.sluice.config.ServingSettings;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.message.GenerationReply;
import dev.sluice.protocol.message.GenerationReply.Generated;
import dev.sluice.protocol.message.GenerationReply.Refused;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SamplerStatus;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.http.javadsl.model.HttpEntity;
import org.apache.pekko.http.javadsl.model.HttpMethod;
import org.apache.pekko.http.javadsl.model.HttpMethods;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.MediaTypes;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;
import org.apache.pekko.http.scaladsl.model.EntityStreamSizeException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The routes. One an API server, shared by all connections; thread-safe. What it asks of the sampler is answered by the
 * sampler's controller, which no computation holds up.
 */
final class Api {
    private static final Logger LOG = LoggerFactory.getLogger(Api.class);
    private static final String MODELS = "/v1/models";
    private static final String GENERATIONS = "/v1/images/generations";
    private static final List<HttpMethod> READING = List.of(HttpMethods.GET, HttpMethods.HEAD);
    private static final List<HttpMethod> POSTING = List.of(HttpMethods.POST);
    private static final Duration STATUS_WITHIN = Duration.ofSeconds(2);
    private static final Duration BODY_WITHIN = Duration.ofSeconds(10);

    /** The sampler watches the deadline itself; this is for one that is gone. */
    private static final Duration BEYOND_DEADLINE = Duration.ofSeconds(2);

    /** JSON numbers above it are not exact in every client, so seeds that are drawn here stay below. */
    private static final long LARGEST_EXACT = 1L << 53;

    /** What a connection is told about the request that the sampler works on for it. */
    interface Caller {
        void begun(String id);

        void ended();
    }

    private final ActorSystem<?> system;
    private final ActorRef<SamplerMessage> sampler;
    private final ServingSettings settings;
    private final long since = Instant.now().getEpochSecond();

    Api(ActorSystem<?> system, ActorRef<SamplerMessage> sampler, ServingSettings settings) {
        this.system = system;
        this.sampler = sampler;
        this.settings = settings;
    }

    /** Answers a request; the stage never fails. */
    CompletionStage<HttpResponse> handle(HttpRequest request, Caller caller) {
        CompletionStage<HttpResponse> answer;
        try {
            answer = route(request, caller);
        } catch (RuntimeException e) {
            answer = CompletableFuture.failedFuture(e);
        }
        return answer.exceptionally(failure -> {
            // A body that nobody read would hold up the connection.
            request.discardEntityBytes(system);
            return failed(failure, request);
        });
    }

    private CompletionStage<HttpResponse> route(HttpRequest request, Caller caller) {
        String path = request.getUri().path();
        switch (path) {
            case GENERATIONS:
                return allowed(request, POSTING) ? generate(request, caller) : wrongMethod(request, POSTING);
            case MODELS:
                return allowed(request, READING)
                        ? status().thenApply(status -> Responses.ok(Answers.models(status, since)))
                        : wrongMethod(request, READING);
            case "/ready":
                return allowed(request, READING) ? status().thenApply(this::ready) : wrongMethod(request, READING);
            case "/live":
                return allowed(request, READING)
                        ? done(Responses.ok(Json.object().put("status", "live")))
                        : wrongMethod(request, READING);
            default:
                if (path.startsWith(MODELS + "/") && path.length() > MODELS.length() + 1) {
                    String name = path.substring(MODELS.length() + 1);
                    return allowed(request, READING)
                            ? status().thenApply(status -> model(name, status))
                            : wrongMethod(request, READING);
                }
                throw ApiError.of(
                        404,
                        "unknown_path",
                        null,
                        "there is nothing at " + path + "; there are POST " + GENERATIONS + " and GET " + MODELS
                                + ", /live, /ready");
        }
    }

    private static boolean allowed(HttpRequest request, List<HttpMethod> methods) {
        return methods.contains(request.method());
    }

    private CompletionStage<HttpResponse> wrongMethod(HttpRequest request, List<HttpMethod> methods) {
        String allowed = methods.stream().map(HttpMethod::name).collect(Collectors.joining(", "));
        request.discardEntityBytes(system);
        ApiError error = ApiError.of(
                405,
                "wrong_method",
                null,
                request.method().name() + " does nothing at " + request.getUri().path() + "; use " + allowed);
        return done(Responses.error(error).addHeader(RawHeader.create("Allow", allowed)));
    }

    private HttpResponse ready(SamplerStatus status) {
        if (status.ready()) {
            return Responses.ok(Json.object().put("status", "ready").put("model_version", status.modelVersion()));
        }
        throw ApiError.notReady(unreadiness(status));
    }

    private static String unreadiness(SamplerStatus status) {
        return status.card().isEmpty()
                ? "no model is served yet"
                : "the networks of " + status.modelVersion() + " are being loaded and warmed";
    }

    private HttpResponse model(String name, SamplerStatus status) {
        ModelCard card = status.card().filter(c -> c.name().equals(name)).orElseThrow(() -> unknownModel(name, status));
        return Responses.ok(Answers.model(card, status, since));
    }

    private CompletionStage<HttpResponse> generate(HttpRequest request, Caller caller) {
        if (!request.entity().getContentType().mediaType().equals(MediaTypes.APPLICATION_JSON)) {
            throw ApiError.of(
                    415,
                    "unsupported_media_type",
                    null,
                    "the body is " + request.entity().getContentType() + "; send JSON with the header"
                            + " Content-Type: application/json");
        }
        if (request.entity().getContentLengthOption().orElse(0) > settings.maxBodyBytes()) {
            throw tooLarge();
        }
        return body(request)
                .thenCombine(status(), (body, status) -> {
                    ModelCard card = status.card().orElseThrow(() -> ApiError.notReady(unreadiness(status)));
                    GenerationRequest asked = GenerationRequest.read(
                            Json.read(body.getData().toArray()), card, () -> ThreadLocalRandom.current()
                                    .nextLong(LARGEST_EXACT));
                    if (!asked.model().isEmpty()
                            && !asked.model().equals(card.name())
                            && !asked.model().equals(status.modelVersion())) {
                        throw unknownModel(asked.model(), status);
                    }
                    return asked;
                })
                .thenCompose(asked -> ask(asked, caller));
    }

    private CompletionStage<HttpEntity.Strict> body(HttpRequest request) {
        return request.entity()
                .withSizeLimit(settings.maxBodyBytes())
                .toStrict(BODY_WITHIN.toMillis(), settings.maxBodyBytes(), system)
                .exceptionally(failure -> {
                    Throwable cause = cause(failure);
                    throw cause instanceof EntityStreamSizeException
                            ? tooLarge()
                            : cause instanceof TimeoutException
                                    ? ApiError.of(
                                            408,
                                            "body_too_slow",
                                            null,
                                            "the body did not arrive within " + BODY_WITHIN.toSeconds() + " s")
                                    : new CompletionException(cause);
                });
    }

    private CompletionStage<HttpResponse> ask(GenerationRequest asked, Caller caller) {
        String id = UUID.randomUUID().toString();
        CompletionStage<GenerationReply> reply = AskPattern.ask(
                sampler,
                replyTo -> new SamplerMessage.Generate(
                        id, asked.seeds(), asked.label(), settings.deadline().toMillis(), replyTo),
                settings.deadline().plus(BEYOND_DEADLINE),
                system.scheduler());
        caller.begun(id);
        return reply.whenComplete((r, failure) -> caller.ended()).thenApply(r -> answer(asked, r));
    }

    private static HttpResponse answer(GenerationRequest asked, GenerationReply reply) {
        if (reply instanceof Refused refused) {
            throw ApiError.of(refused);
        }
        Generated made = (Generated) reply;
        if (asked.model().contains("@") && !asked.model().equals(made.modelVersion())) {
            throw ApiError.of(
                    404,
                    "model_not_found",
                    "model",
                    asked.model() + " has just been replaced by " + made.modelVersion());
        }
        return Responses.ok(
                Answers.generated(made, asked.format(), Instant.now().getEpochSecond()));
    }

    private CompletionStage<SamplerStatus> status() {
        return AskPattern.ask(sampler, SamplerMessage.GetStatus::new, STATUS_WITHIN, system.scheduler())
                .exceptionally(failure -> {
                    throw cause(failure) instanceof TimeoutException
                            ? ApiError.notReady("the sampler does not answer")
                            : new CompletionException(cause(failure));
                });
    }

    private ApiError tooLarge() {
        return ApiError.of(
                413,
                "body_too_large",
                null,
                "the body is longer than " + settings.maxBodyBytes() + " bytes (serving.max-body-bytes)");
    }

    private static ApiError unknownModel(String name, SamplerStatus status) {
        return ApiError.of(
                404,
                "model_not_found",
                "model",
                "there is no model \"" + name + "\" here"
                        + status.card()
                                .map(card -> "; " + card.name() + " is served, as " + status.modelVersion())
                                .orElse(", nothing is served yet"));
    }

    private HttpResponse failed(Throwable failure, HttpRequest request) {
        Throwable cause = cause(failure);
        if (cause instanceof ApiError error) {
            return Responses.error(error);
        }
        if (cause instanceof TimeoutException) {
            return Responses.error(ApiError.of(
                    504,
                    "deadline_exceeded",
                    null,
                    "there was no answer within " + settings.deadline().toSeconds() + " s"));
        }
        LOG.error("{} {} failed", request.method().name(), request.getUri().path(), cause);
        return Responses.error(
                ApiError.of(500, "internal_error", null, "something broke here; the server's log says what"));
    }

    private static Throwable cause(Throwable failure) {
        Throwable cause = failure;
        while (cause instanceof CompletionException && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }

    private static CompletionStage<HttpResponse> done(HttpResponse response) {
        return CompletableFuture.completedFuture(response);
    }
}
