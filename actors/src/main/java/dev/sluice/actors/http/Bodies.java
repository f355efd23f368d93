package dev.sluice.actors.http;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.http.javadsl.model.HttpEntity;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.scaladsl.model.EntityStreamSizeException;

/** Bodies of requests, whole. */
final class Bodies {
    private static final Duration WITHIN = Duration.ofSeconds(10);
    private static final int MOST_IGNORED = 64 << 10;

    private Bodies() {}

    /**
     * Waits for the body.
     *
     * @param most bytes that it may have
     * @param where the limit is from, for people
     * @return fails with {@link ApiError} when it is too long or too slow
     * @throws ApiError when it says itself that it is too long
     */
    static CompletionStage<HttpEntity.Strict> whole(
            ActorSystem<?> system, HttpRequest request, int most, String where) {
        if (request.entity().getContentLengthOption().orElse(0) > most) {
            throw tooLong(most, where);
        }
        if (request.entity() instanceof HttpEntity.Strict there) {
            // On this thread, so that the next request finds this one counted: what a stream reads goes on in another.
            // cores.
            return CompletableFuture.completedFuture(there);
        }
        return request.entity()
                .withSizeLimit(most)
                .toStrict(WITHIN.toMillis(), most, system)
                .exceptionally(failure -> {
                    Throwable cause = Responses.cause(failure);
                    if (cause instanceof EntityStreamSizeException) {
                        throw tooLong(most, where);
                    }
                    if (cause instanceof TimeoutException) {
                        throw ApiError.of(
                                408,
                                "body_too_slow",
                                null,
                                "the body did not arrive within " + WITHIN.toSeconds() + " s");
                    }
                    // The client left in the middle, or wrote a chunk that is none.
                    throw ApiError.of(400, "body_broken", null, "the body broke off or is malformed");
                });
    }

    /**
     * Waits for the end of a body that means nothing, as one of GET does. An answer before that would close the connection,
     * and Pekko would warn of it in the log each time.
     */
    static CompletionStage<HttpRequest> ignored(ActorSystem<?> system, HttpRequest request) {
        return request.entity().isStrict()
                ? CompletableFuture.completedFuture(request)
                : whole(
                                system,
                                request,
                                MOST_IGNORED,
                                " that mean nothing to " + request.method().name())
                        .thenApply(request::withEntity);
    }

    private static ApiError tooLong(int most, String where) {
        return ApiError.of(413, "body_too_large", null, "the body is longer than " + most + " bytes" + where);
    }
}
