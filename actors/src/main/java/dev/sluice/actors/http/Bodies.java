package dev.sluice.actors.http;

import java.time.Duration;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.http.javadsl.model.HttpEntity;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.scaladsl.model.EntityStreamSizeException;

/** Bodies of requests, whole. */
final class Bodies {
    private static final Duration WITHIN = Duration.ofSeconds(10);

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
        return request.entity()
                .withSizeLimit(most)
                .toStrict(WITHIN.toMillis(), most, system)
                .exceptionally(failure -> {
                    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
                    if (cause instanceof EntityStreamSizeException) {
                        throw tooLong(most, where);
                    }
                    throw cause instanceof TimeoutException
                            ? ApiError.of(
                                    408,
                                    "body_too_slow",
                                    null,
                                    "the body did not arrive within " + WITHIN.toSeconds() + " s")
                            : new CompletionException(cause);
                });
    }

    private static ApiError tooLong(int most, String where) {
        return ApiError.of(413, "body_too_large", null, "the body is longer than " + most + " bytes" + where);
    }
}
