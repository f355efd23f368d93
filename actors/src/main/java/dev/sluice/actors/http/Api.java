package dev.sluice.actors.http;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sluice.config.ServingSettings;
import dev.sluice.protocol.message.GenerationReply;
import dev.sluice.protocol.message.GenerationReply.Generated;
import dev.sluice.protocol.message.GenerationReply.Refused;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SamplerStatus;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.http.javadsl.model.HttpMethod;
import org.apache.pekko.http.javadsl.model.HttpMethods;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.MediaTypes;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;

/**
 * The routes. One an API server, shared by all connections; thread-safe. What it asks of samplers is answered by their
 * controllers, which no computation holds up.
 */
final class Api {
    private static final String MODELS = "/v1/models";
    private static final String GENERATIONS = "/v1/images/generations";
    private static final List<HttpMethod> READING = List.of(HttpMethods.GET, HttpMethods.HEAD);
    private static final List<HttpMethod> POSTING = List.of(HttpMethods.POST);

    /** JSON numbers above it are not exact in every client, so seeds that are drawn here stay below. */
    private static final long LARGEST_EXACT = 1L << 53;

    /** Whoever watches the process asks these, and bears nothing. */
    private static final Set<String> PROBES = Set.of("/live", "/ready");

    private final ActorSystem<?> system;
    private final Samplers samplers;
    private final ServingSettings settings;
    private final Optional<ExperimentsApi> experiments;
    /** Requests that a sampler can have: it refuses the next one. */
    private final int mostAtOne;

    private final long since = Instant.now().getEpochSecond();

    Api(ActorSystem<?> system, Samplers samplers, ServingSettings settings, Optional<ExperimentsApi> experiments) {
        this.system = system;
        this.samplers = samplers;
        this.settings = settings;
        this.experiments = experiments;
        // What waits, and a batch of requests for one sample each.
        this.mostAtOne = settings.queueLimit() + settings.maxBatch();
    }

    /**
     * Answers a request.
     *
     * @throws ApiError as the stage fails with it
     */
    CompletionStage<HttpResponse> handle(HttpRequest request, Caller caller) {
        String path = request.getUri().path();
        if (!PROBES.contains(path)) {
            Bearer.require(request, settings.token());
        }
        switch (path) {
            case GENERATIONS:
                return allowed(request, POSTING) ? generate(request, caller) : wrongMethod(request, POSTING);
            case MODELS:
                return allowed(request, READING)
                        ? done(Responses.ok(Answers.models(models(samplers.all()), since)))
                        : wrongMethod(request, READING);
            case "/ready":
                return allowed(request, READING) ? done(ready(samplers.all())) : wrongMethod(request, READING);
            case "/live":
                return allowed(request, READING)
                        ? done(Responses.ok(Json.object().put("status", "live")))
                        : wrongMethod(request, READING);
            default:
                if (path.equals(ExperimentsApi.PATH) || path.startsWith(ExperimentsApi.PATH + "/")) {
                    return experiments
                            .orElseThrow(() -> ApiError.of(
                                    404,
                                    "no_experiments",
                                    null,
                                    "this process carries out one run; experiments are submitted to a control node"
                                            + " (./sluice node --roles control)"))
                            .handle(request);
                }
                if (path.startsWith(MODELS + "/") && path.length() > MODELS.length() + 1) {
                    String name = path.substring(MODELS.length() + 1);
                    return allowed(request, READING)
                            ? done(model(name, samplers.all()))
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

    private static HttpResponse ready(List<Samplers.Sampler> all) {
        SamplerStatus ready = models(all).stream()
                .filter(SamplerStatus::ready)
                .findFirst()
                .orElseThrow(() -> ApiError.notReady(unreadiness(all)));
        return Responses.ok(Json.object().put("status", "ready").put("model_version", ready.modelVersion()));
    }

    private static String unreadiness(List<Samplers.Sampler> all) {
        return models(all).stream()
                .findFirst()
                .map(status -> "the networks of " + status.modelVersion() + " are being loaded and warmed")
                .orElse("no model is served yet");
    }

    /** What serves each model, by name: of several samplers one that is ready, and the one that needs least for it. */
    private static List<SamplerStatus> models(List<Samplers.Sampler> all) {
        Comparator<SamplerStatus> best =
                Comparator.comparing(SamplerStatus::ready).reversed().thenComparingInt(SamplerStatus::nfe);
        Map<String, SamplerStatus> models = new TreeMap<>();
        all.stream()
                .map(Samplers.Sampler::status)
                .filter(status -> status.card().isPresent())
                .sorted(best)
                .forEach(
                        status -> models.putIfAbsent(status.card().orElseThrow().name(), status));
        return List.copyOf(models.values());
    }

    private HttpResponse model(String name, List<Samplers.Sampler> all) {
        SamplerStatus status = models(all).stream()
                .filter(model -> model.card().orElseThrow().name().equals(name))
                .findFirst()
                .orElseThrow(() -> unknownModel(name, all));
        return Responses.ok(Answers.model(status.card().orElseThrow(), status, since));
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
        if (samplers.areFull(mostAtOne)) {
            // Before the body is read: a refusal must cost next to nothing.
            throw full();
        }
        return Bodies.whole(system, request, settings.maxBodyBytes(), " (serving.max-body-bytes)")
                .thenCompose(body -> {
                    List<Samplers.Sampler> all = samplers.all();
                    ObjectNode json = Json.read(body.getData().toArray());
                    List<Samplers.Sampler> serving = serving(GenerationRequest.model(json), all);
                    GenerationRequest asked = GenerationRequest.read(
                            json, serving.get(0).status().card().orElseThrow(), () -> ThreadLocalRandom.current()
                                    .nextLong(LARGEST_EXACT));
                    return ask(asked, free(serving), caller);
                });
    }

    /** Those of {@code serving} that will not refuse for certain. */
    private List<Samplers.Sampler> free(List<Samplers.Sampler> serving) {
        List<Samplers.Sampler> free = serving.stream()
                .filter(sampler -> samplers.open(sampler) < mostAtOne)
                .toList();
        if (free.isEmpty()) {
            throw full();
        }
        return free;
    }

    private ApiError full() {
        return ApiError.busy(
                "as many requests wait as may (serving.queue-limit = " + settings.queueLimit() + "); try again");
    }

    /** Who serves a model, ready ones first, of those the least busy first; never nobody. */
    private List<Samplers.Sampler> serving(String model, List<Samplers.Sampler> all) {
        List<String> names = models(all).stream()
                .map(status -> status.card().orElseThrow().name())
                .toList();
        if (names.isEmpty()) {
            throw ApiError.notReady(unreadiness(all));
        }
        if (model.isEmpty() && names.size() > 1) {
            throw ApiError.field("model", "several models are served, so name one of " + String.join(", ", names));
        }
        List<Samplers.Sampler> serving = all.stream()
                .filter(sampler -> sampler.serves(model))
                .sorted(Comparator.<Samplers.Sampler, Boolean>comparing(
                                sampler -> !sampler.status().ready())
                        .thenComparing(samplers::load))
                .toList();
        if (serving.isEmpty()) {
            throw unknownModel(model, all);
        }
        return serving;
    }

    /** Asks the first; where that one goes or stops, the next, once each: a sample depends on its seed alone. */
    private CompletionStage<HttpResponse> ask(GenerationRequest asked, List<Samplers.Sampler> serving, Caller caller) {
        String id = UUID.randomUUID().toString();
        ActorRef<SamplerMessage> sampler = serving.get(0).actor();
        CompletionStage<GenerationReply> reply =
                samplers.ask(sampler, id, asked.seeds(), asked.label(), settings.deadline());
        caller.begun(sampler, id);
        List<Samplers.Sampler> others = serving.subList(1, serving.size()).stream()
                .filter(other -> other.status().ready())
                .toList();
        return reply.whenComplete((r, failure) -> caller.ended())
                .handle((r, failure) -> {
                    Throwable cause = failure == null ? null : Responses.cause(failure);
                    boolean gone = failure != null ? cause instanceof Samplers.Gone : isEnding(r);
                    if (gone && !others.isEmpty()) {
                        return ask(asked, others, caller);
                    }
                    if (gone && failure != null) {
                        throw ApiError.notReady("the sampler that had the request is gone, and there is no other");
                    }
                    if (cause instanceof TimeoutException) {
                        throw ApiError.of(
                                504,
                                "deadline_exceeded",
                                null,
                                "there was no answer within "
                                        + settings.deadline().toSeconds() + " s");
                    }
                    if (failure != null) {
                        throw new CompletionException(cause);
                    }
                    return done(answer(asked, r));
                })
                .thenCompose(Function.identity());
    }

    /** Whether the sampler refused because it is on its way out or back in, and another would not have. */
    private static boolean isEnding(GenerationReply reply) {
        return reply instanceof Refused refused
                && (refused.reason() == GenerationReply.Reason.NOT_READY
                        || refused.reason() == GenerationReply.Reason.FAILED);
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

    private static ApiError unknownModel(String name, List<Samplers.Sampler> all) {
        String served = models(all).stream()
                .map(status -> status.card().orElseThrow().name() + " is served, as " + status.modelVersion())
                .collect(Collectors.joining("; "));
        boolean one = models(all).size() == 1;
        return ApiError.of(
                404,
                "model_not_found",
                "model",
                "there is no model \"" + name + "\" here"
                        + (served.isEmpty() ? ", nothing is served yet" : "; " + served)
                        + (one ? ". Leave model out, and it is meant" : ""));
    }

    private static CompletionStage<HttpResponse> done(HttpResponse response) {
        return CompletableFuture.completedFuture(response);
    }
}
