package dev.sluice.actors.sampler;

import dev.sluice.protocol.message.GenerationReply.Reason;

/** Every way in which a request ends without samples; no request ends without one of these or an answer. */
enum Ending {
    CLIENT_LEFT(Kind.CANCELLED, "client-left", Reason.CANCELLED),
    DEADLINE(Kind.FAILED, "deadline", Reason.DEADLINE),
    /** The worker died in its batch. */
    BROKE(Kind.FAILED, "error", Reason.FAILED),
    NOT_FINITE(Kind.FAILED, "not-finite", Reason.FAILED),
    /** The samples take more than the courier carries, or too many others wait for the client's node. */
    UNDELIVERABLE(Kind.FAILED, "undeliverable", Reason.FAILED),
    /** The worker died too often while the request waited. */
    GAVE_UP(Kind.FAILED, "gave-up", Reason.FAILED),
    /** Its node is leaving; another sampler, or its successor, would not refuse. */
    STOPPED(Kind.FAILED, "stopped", Reason.NOT_READY),
    NOT_READY(Kind.REFUSED, "not-ready", Reason.NOT_READY),
    FULL(Kind.REFUSED, "full", Reason.QUEUE_FULL),
    MALFORMED(Kind.REFUSED, "malformed", Reason.BAD_REQUEST),
    /** The deadline had passed on arrival. */
    LATE(Kind.REFUSED, "deadline", Reason.DEADLINE);

    /** Refused ones were never accepted; the others were. */
    enum Kind {
        CANCELLED("cancelled"),
        FAILED("failed"),
        REFUSED("refused");

        private final String key;

        Kind(String key) {
            this.key = key;
        }

        String key() {
            return key;
        }
    }

    private final Kind kind;
    private final String key;
    private final Reason reason;

    Ending(Kind kind, String key, Reason reason) {
        this.kind = kind;
        this.key = key;
        this.reason = reason;
    }

    Kind kind() {
        return kind;
    }

    /** Names the count of it, such as {@code failed-deadline}. */
    String key() {
        return kind.key() + "-" + key;
    }

    /** What the client is told. */
    Reason reason() {
        return reason;
    }
}
