package dev.sluice.protocol.message;

import java.time.Duration;
import org.apache.pekko.actor.typed.ActorRef;

/** What the cluster's one keeper of experiments understands; answered by {@link ExperimentsReply}. */
public sealed interface ExperimentsMessage {
    /** The longest that checking a submitted experiment may take, its teacher's trial and those before it included. */
    Duration CHECKED_WITHIN = Duration.ofSeconds(100);

    /**
     * Begin an experiment. Answered within {@link #CHECKED_WITHIN} when its teacher has been tried; not begun when it was not
     * until then.
     *
     * @param config HOCON, as of an experiment's file
     */
    record Submit(String config, ActorRef<ExperimentsReply> replyTo) implements ExperimentsMessage {}

    /** Tell of every experiment. */
    record GetAll(ActorRef<ExperimentsReply> replyTo) implements ExperimentsMessage {}

    /** End an experiment and what serves it; what it has made so far stays in its folder. */
    record Cancel(String name, ActorRef<ExperimentsReply> replyTo) implements ExperimentsMessage {}

    /** Never leaves the JVM. */
    non-sealed interface Local extends ExperimentsMessage {}
}
