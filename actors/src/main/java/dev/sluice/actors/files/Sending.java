package dev.sluice.actors.files;

import dev.sluice.protocol.message.FilesMessage;
import dev.sluice.protocol.message.FilesReply;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * Waits for what a file server says of a file that is on its way to it, for as long as bytes move, the server lives and
 * this node runs; one way or another its future is completed.
 */
final class Sending extends AbstractBehavior<Sending.Command> {
    sealed interface Command {}

    private record Replied(FilesReply reply) implements Command {}

    private record Look() implements Command {}

    private final CompletableFuture<FilesReply> outcome;
    private final AtomicLong sent;
    private final Duration quiet;
    private long sentBefore = -1;

    private Sending(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            ActorRef<FilesMessage> server,
            Function<ActorRef<FilesReply>, FilesMessage> question,
            CompletableFuture<FilesReply> outcome,
            AtomicLong sent,
            Duration quiet) {
        super(context);
        this.outcome = outcome;
        this.sent = sent;
        this.quiet = quiet;
        context.watch(server);
        timers.startTimerWithFixedDelay(new Look(), quiet);
        server.tell(question.apply(context.messageAdapter(FilesReply.class, Replied::new)));
    }

    /**
     * @param outcome the server's answer, or an IOException that says why there is none
     * @param sent bytes so far
     * @param quiet after which a transfer that does not move has failed; it may take twice that to notice
     */
    static Behavior<Command> create(
            ActorRef<FilesMessage> server,
            Function<ActorRef<FilesReply>, FilesMessage> question,
            CompletableFuture<FilesReply> outcome,
            AtomicLong sent,
            Duration quiet) {
        return Behaviors.setup(context ->
                Behaviors.withTimers(timers -> new Sending(context, timers, server, question, outcome, sent, quiet)));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Replied.class, replied -> {
                    outcome.complete(replied.reply());
                    return Behaviors.stopped();
                })
                .onMessage(Look.class, this::onLook)
                .onSignal(Terminated.class, gone -> fail("the file server is gone"))
                .onSignal(PostStop.class, stopped -> fail("this node is stopping"))
                .build();
    }

    private Behavior<Command> onLook(Look look) {
        long now = sent.get();
        if (now == sentBefore) {
            return fail("nothing moved for " + quiet.toMillis() + " ms");
        }
        sentBefore = now;
        return this;
    }

    private Behavior<Command> fail(String reason) {
        outcome.completeExceptionally(new IOException(reason));
        return Behaviors.stopped();
    }
}
