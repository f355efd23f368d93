package dev.sluice.actors.sampler;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.delivery.QueueFullException;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.GenerationReply;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SamplerMessage.Generate;
import dev.sluice.protocol.wire.FrameTooLargeException;
import dev.sluice.runtime.sampling.MixturePlan;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * The sampler's requests from admission to answer: every one that is admitted is answered exactly once. Part of the
 * {@link Sampler} actor and used in its messages only.
 */
final class Requests {
    /** The scheduler takes no longer delay, and no client waits for that long. */
    private static final long LONGEST_DEADLINE_MILLIS = Duration.ofDays(1).toMillis();

    private static final String WAIT_TIMER = "wait-for-others";

    private record DeadlineOf(String id) {}

    /** The time of a request is up. */
    record DeadlinePassed(String id) implements SamplerMessage.Local {}

    /** The oldest request has waited for others long enough. */
    record WaitedForOthers() implements SamplerMessage.Local {}

    private final SamplerSettings settings;
    private final TimerScheduler<SamplerMessage> timers;
    private final LongSupplier nanoTime;
    private final Ledger ledger;
    private final Courier courier;
    private final Backlog backlog;
    private Batch running;
    private long batches;

    /** @param courier that samples go to their clients by */
    Requests(
            SamplerSettings settings,
            TimerScheduler<SamplerMessage> timers,
            LongSupplier nanoTime,
            Ledger ledger,
            Courier courier) {
        this.courier = courier;
        this.settings = settings;
        this.timers = timers;
        this.nanoTime = nanoTime;
        this.ledger = ledger;
        this.backlog = new Backlog(settings.queueLimit(), settings.maxBatch());
    }

    /** Requests that wait, those being computed not counted. */
    int waiting() {
        return backlog.size();
    }

    /** Requests that were accepted and are not answered yet. */
    int open() {
        return backlog.size() + (running == null ? 0 : running.members().size());
    }

    /** Answers a request that is not accepted. */
    void turnAway(Generate request, Ending ending, String message) {
        // Not refuse(): the deadline of that name may be another request's.
        new Pending(request, nanoTime.getAsLong()).refuse(ending.reason(), message);
        ledger.ended(ending);
    }

    /**
     * Queues the request, or refuses it at once.
     *
     * @return whether a batch should be begun now rather than when others have had the time to join
     */
    boolean admit(Generate request, MixturePlan mixture) {
        Optional<String> bad = whatIsWrongWith(request, mixture);
        if (bad.isPresent()) {
            turnAway(request, Ending.MALFORMED, bad.get());
            return false;
        }
        if (request.deadlineMillis() <= 0) {
            turnAway(request, Ending.LATE, "the deadline had passed on arrival");
            return false;
        }
        if (backlog.isFull()) {
            turnAway(request, Ending.FULL, "the queue is full: " + backlog.size() + " requests wait; try again later");
            return false;
        }
        Pending pending = new Pending(request, nanoTime.getAsLong());
        backlog.add(pending);
        ledger.accepted();
        long deadline = Math.min(request.deadlineMillis(), LONGEST_DEADLINE_MILLIS);
        timers.startSingleTimer(
                new DeadlineOf(pending.id()), new DeadlinePassed(pending.id()), Duration.ofMillis(deadline));
        if (backlog.fillsABatch() || settings.maxWait().isZero()) {
            return true;
        }
        if (running == null && !timers.isTimerActive(WAIT_TIMER)) {
            timers.startSingleTimer(WAIT_TIMER, new WaitedForOthers(), settings.maxWait());
        }
        return false;
    }

    private Optional<String> whatIsWrongWith(Generate request, MixturePlan mixture) {
        int samples = request.seeds().size();
        if (samples < 1 || samples > settings.maxBatch()) {
            return Optional.of(
                    "a request makes between 1 and " + settings.maxBatch() + " samples (max-batch), not " + samples);
        }
        if (backlog.contains(request.id()) || running != null && running.contains(request.id())) {
            return Optional.of("a request with the id " + request.id() + " is being served already");
        }
        List<String> classes = mixture.card().classNames();
        if (request.label() < -1 || request.label() >= classes.size()) {
            return Optional.of("there is no class " + request.label() + ": "
                    + mixture.card().name()
                    + (classes.isEmpty() ? " has no classes; leave it out" : " has " + Classes.list(classes)));
        }
        return Optional.empty();
    }

    /** The next batch to compute, when none is being computed and any request waits. */
    Optional<SamplerWorker.Run> nextBatch() {
        if (running != null || backlog.isEmpty()) {
            return Optional.empty();
        }
        timers.cancel(WAIT_TIMER);
        running = new Batch(++batches, nanoTime.getAsLong(), backlog.takeBatch());
        return Optional.of(running.order(settings));
    }

    /**
     * Refuses a request that waits or is being computed; any other id is ignored.
     *
     * @return the order to drop the batch, when it was the last that waited for it
     */
    Optional<SamplerWorker.Abandon> withdraw(String id, Ending ending, String message) {
        Optional<Pending> waiting = backlog.remove(id);
        if (waiting.isPresent()) {
            refuse(waiting.get(), ending, message);
            return Optional.empty();
        }
        Optional<Pending> computed = running == null ? Optional.empty() : running.remove(id);
        computed.ifPresent(pending -> refuse(pending, ending, message));
        return computed.isPresent() && running.isDeserted()
                ? Optional.of(new SamplerWorker.Abandon(running.id()))
                : Optional.empty();
    }

    /** Answers everybody in the batch {@code id}; any other is ignored. */
    void done(long id, MixturePlan by, Tensor samples) {
        if (running == null || running.id() != id) {
            return;
        }
        Batch batch = running;
        running = null;
        long now = nanoTime.getAsLong();
        long computed = (now - batch.startedAt()) / 1_000_000;
        for (Batch.Member member : batch.members()) {
            Pending pending = member.request();
            Tensor own = samples.rows(member.from(), member.to());
            if (!own.isFinite()) {
                refuse(pending, Ending.NOT_FINITE, by.version() + " made values that are not finite");
                continue;
            }
            GenerationReply.Generated answer = new GenerationReply.Generated(
                    pending.id(),
                    own,
                    pending.request().seeds(),
                    by.version(),
                    by.networks(),
                    by.nfe(),
                    batch.rows(),
                    (batch.startedAt() - pending.arrivedAt()) / 1_000_000,
                    computed);
            try {
                courier.deliver(pending.request().replyTo(), answer);
            } catch (FrameTooLargeException | QueueFullException e) {
                refuse(pending, Ending.UNDELIVERABLE, "the samples cannot be sent: " + e.getMessage());
                continue;
            }
            timers.cancel(new DeadlineOf(pending.id()));
            ledger.served(batch.id(), answer, now);
        }
    }

    /** The batch will not be done: whoever still waits for it is refused. */
    void lost(Ending ending, String message) {
        if (running != null) {
            running.members().forEach(member -> refuse(member.request(), ending, message));
            running = null;
        }
    }

    /** Refuses everybody. */
    void refuseAll(Ending ending, String message) {
        lost(ending, message);
        timers.cancel(WAIT_TIMER);
        backlog.takeAll().forEach(pending -> refuse(pending, ending, message));
    }

    private void refuse(Pending pending, Ending ending, String message) {
        timers.cancel(new DeadlineOf(pending.id()));
        pending.refuse(ending.reason(), message);
        ledger.ended(ending);
    }
}
