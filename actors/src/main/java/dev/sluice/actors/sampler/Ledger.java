package dev.sluice.actors.sampler;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.event.RunEvent;
import dev.sluice.protocol.message.GenerationReply.Generated;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SamplerMessage.Serve;
import dev.sluice.runtime.sampling.MixturePlan;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * Counts the sampler's requests and tells the run's recorder who served them, so that a request is
 * counted in one place. Part of the {@link Sampler} actor and used in its messages only.
 *
 * <p>Everything is told in the order of its happening: a request that follows {@code serving-changed} in the log was
 * computed by what that event names. Counts are of this actor's whole life, also of the time before it had a recorder.
 * Nobody waits for the recorder; what is told to a dead one is lost, and nothing else is.
 */
final class Ledger {
    /** From the first request that no count has told of to the count that does. */
    static final Duration COUNTED_WITHIN = Duration.ofSeconds(10);

    /** Between two requests that are told of one by one. */
    static final Duration SAMPLED_EVERY = Duration.ofSeconds(1);

    /** The counts are due. */
    record CountDue() implements SamplerMessage.Local {}

    private static final CountDue COUNT_DUE = new CountDue();

    private final Supplier<String> sampler;
    private final TimerScheduler<SamplerMessage> timers;
    private final Tally tally = new Tally();
    private Optional<ActorRef<RecorderMessage>> recorder = Optional.empty();
    private int epoch;
    private Optional<Long> lastSampledAt = Optional.empty();

    /** @param sampler names this actor and no other, of any node and any time */
    Ledger(Supplier<String> sampler, TimerScheduler<SamplerMessage> timers) {
        this.sampler = sampler;
        this.timers = timers;
    }

    /** From now on the recorder of this order is told, or nobody when it names none. */
    void follow(Serve order) {
        recorder = order.recorder();
        epoch = order.epoch();
    }

    void accepted() {
        tally.accepted();
        countSoon();
    }

    void ended(Ending ending) {
        tally.ended(ending);
        countSoon();
    }

    /**
     * One request of batch {@code batch} was answered. Told of by itself when it is the first since what serves changed
     * or since {@link #SAMPLED_EVERY}.
     *
     * @param now when the batch was done, by the sampler's clock, nanoseconds
     */
    void served(long batch, Generated answer, long now) {
        tally.served();
        countSoon();
        if (lastSampledAt.isPresent() && now - lastSampledAt.get() < SAMPLED_EVERY.toNanos()) {
            return;
        }
        lastSampledAt = Optional.of(now);
        tell(name -> new RunEvent.RequestServed(
                epoch,
                name,
                answer.id(),
                answer.modelVersion(),
                names(answer.experts()),
                answer.seeds().size(),
                answer.nfe(),
                batch,
                answer.batchSize(),
                answer.queueMillis(),
                answer.computeMillis()));
    }

    /**
     * From the next batch on {@code by} serves.
     *
     * @param open as of {@link #counted}
     */
    void servingChanged(MixturePlan by, int open) {
        lastSampledAt = Optional.empty();
        tell(name -> new RunEvent.ServingChanged(
                epoch, name, by.version(), names(by.networks()), by.teacher().sha256()));
        counted(open);
    }

    /** @param open requests that were accepted and are not answered yet */
    void counted(int open) {
        tellCounts(open, false);
    }

    /** There will be no more. */
    void countedLast(int open) {
        tellCounts(open, true);
    }

    private void tellCounts(int open, boolean last) {
        timers.cancel(COUNT_DUE);
        Map<String, Long> counts = tally.counts();
        counts.put("open", (long) open);
        tell(name -> new RunEvent.RequestsCounted(epoch, name, counts, last));
    }

    private void countSoon() {
        if (recorder.isPresent() && !timers.isTimerActive(COUNT_DUE)) {
            timers.startSingleTimer(COUNT_DUE, COUNT_DUE, COUNTED_WITHIN);
        }
    }

    /** @param event makes it, given the sampler's name */
    private void tell(Function<String, RunEvent> event) {
        recorder.ifPresent(to -> to.tell(RecorderMessage.Event.of(event.apply(sampler.get()))));
    }

    /** {@code version:sha256} of each, noisiest part first; an event has no lists. */
    private static String names(List<ExpertRef> experts) {
        return experts.stream().map(e -> e.version() + ":" + e.sha256()).collect(Collectors.joining(" "));
    }
}
