package dev.sluice.actors.http;

import org.apache.pekko.event.LoggingAdapter;
import org.apache.pekko.http.ParsingErrorHandler;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.scaladsl.model.ErrorInfo;
import org.apache.pekko.http.scaladsl.model.StatusCode;
import org.apache.pekko.http.scaladsl.settings.ServerSettings;

/** Answers what is not even HTTP in the shape of every other error. Pekko finds it by its name. */
public final class MalformedRequests extends ParsingErrorHandler {
    /** The name under which Pekko looks for a singleton. */
    public static final MalformedRequests MODULE$ = new MalformedRequests();

    private MalformedRequests() {}

    @Override
    public HttpResponse handle(StatusCode status, ErrorInfo error, LoggingAdapter log, ServerSettings settings) {
        return Responses.error(ApiError.of(status.intValue(), "malformed_request", null, error.summary()));
    }
}
