package dev.sluice.actors.http;

import com.fasterxml.jackson.databind.JsonNode;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.StatusCode;
import org.apache.pekko.http.javadsl.model.StatusCodes;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;

/** JSON over HTTP. */
final class Responses {
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

    private static HttpResponse json(StatusCode status, JsonNode body) {
        return HttpResponse.create().withStatus(status).withEntity(ContentTypes.APPLICATION_JSON, Json.bytes(body));
    }
}
