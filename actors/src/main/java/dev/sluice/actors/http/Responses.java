package dev.sluice.actors.http;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.concurrent.CompletionException;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.StatusCode;
import org.apache.pekko.http.javadsl.model.StatusCodes;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** JSON over HTTP. */
final class Responses {
    private static final Logger LOG = LoggerFactory.getLogger(Responses.class);

    /** nginx's name for "the client has left"; nobody reads it but the log. */
    private static final StatusCode CLIENT_CLOSED_REQUEST =
            StatusCodes.custom(499, "Client Closed Request", "Client Closed Request", false, true);

    private Responses() {}

    static HttpResponse ok(JsonNode body) {
        return json(StatusCodes.OK, body);
    }

    static HttpResponse error(ApiError error) {
        HttpResponse response =
                json(error.status() == 499 ? CLIENT_CLOSED_REQUEST : StatusCodes.get(error.status()), error.json());
        return error.retryAfter().isPresent()
                ? response.addHeader(RawHeader.create(
                        "Retry-After", Integer.toString(error.retryAfter().getAsInt())))
                : response;
    }

    /** The answer to a request that {@code failure} is the end of; what is nobody's error but ours is logged. */
    static HttpResponse failed(Throwable failure, HttpRequest request) {
        if (cause(failure) instanceof ApiError error) {
            return error(error);
        }
        LOG.error("{} {} failed", request.method().name(), request.getUri().path(), cause(failure));
        return error(ApiError.of(500, "internal_error", null, "something broke here; the server's log says what"));
    }

    static Throwable cause(Throwable failure) {
        Throwable cause = failure;
        while (cause instanceof CompletionException && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }

    private static HttpResponse json(StatusCode status, JsonNode body) {
        return HttpResponse.create().withStatus(status).withEntity(ContentTypes.APPLICATION_JSON, Json.bytes(body));
    }
}
