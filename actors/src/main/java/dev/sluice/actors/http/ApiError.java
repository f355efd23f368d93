package dev.sluice.actors.http;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sluice.protocol.Shown;
import dev.sluice.protocol.message.GenerationReply.Refused;
import java.util.OptionalInt;

/** A request that is answered with an error; the message is written for whoever sent it. */
final class ApiError extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private static final int BUSY_RETRY_SECONDS = 1;
    private static final int UNREADY_RETRY_SECONDS = 5;

    /** Characters of a message, which may repeat what was sent; what is in the middle is left out. */
    private static final int LONGEST_MESSAGE = 2000;

    private static final int LONGEST_PARAM = 100;

    private final int status;
    private final String code;
    private final String param;
    private final int retryAfterSeconds;

    private ApiError(int status, String code, String param, String message, int retryAfterSeconds) {
        // No stack trace: it says where an error was found, and nobody looks there.
        super(Shown.text(LONGEST_MESSAGE, message), null, false, false);
        this.status = status;
        this.code = code;
        this.param = param == null ? null : Shown.text(LONGEST_PARAM, param);
        this.retryAfterSeconds = retryAfterSeconds;
    }

    /** An error of the request's {@code param}, or of no field of it where that is null. */
    static ApiError of(int status, String code, String param, String message) {
        return new ApiError(status, code, param, message, 0);
    }

    /** 400 for one field of the body. */
    static ApiError field(String param, String message) {
        return of(400, "invalid_value", param, message);
    }

    /** 503, try again. */
    static ApiError notReady(String message) {
        return new ApiError(503, "not_ready", null, message, UNREADY_RETRY_SECONDS);
    }

    /** 429, try again. */
    static ApiError busy(String message) {
        return new ApiError(429, "queue_full", null, message, BUSY_RETRY_SECONDS);
    }

    /** The status code and the error that answer a sampler's refusal. */
    static ApiError of(Refused refused) {
        String message = refused.message();
        return switch (refused.reason()) {
            case NOT_READY -> notReady(message);
            case QUEUE_FULL -> busy(message);
            case DEADLINE -> of(504, "deadline_exceeded", null, message);
            case BAD_REQUEST -> of(400, "invalid_value", null, message);
            case CANCELLED -> of(499, "cancelled", null, message);
            case FAILED -> of(500, "sampler_failed", null, message);
        };
    }

    int status() {
        return status;
    }

    /** Seconds after which trying again makes sense, where it does. */
    OptionalInt retryAfter() {
        return retryAfterSeconds == 0 ? OptionalInt.empty() : OptionalInt.of(retryAfterSeconds);
    }

    /** OpenAI's shape. */
    ObjectNode json() {
        ObjectNode body = Json.object();
        body.putObject("error")
                .put("message", getMessage())
                .put("type", type())
                .put("param", param)
                .put("code", code);
        return body;
    }

    private String type() {
        return switch (status) {
            case 429 -> "rate_limit_error";
            case 503 -> "service_unavailable_error";
            case 504 -> "timeout_error";
            case 500 -> "server_error";
            default -> "invalid_request_error";
        };
    }
}
