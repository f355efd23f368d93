package dev.sluice.actors.sampler;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.protocol.message.GenerationReply;
import dev.sluice.protocol.message.SamplerMessage;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.apache.pekko.actor.Cancellable;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Scheduler;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import scala.concurrent.ExecutionContextExecutor;

/**
 * Asks samplers, of this node or of others, and takes their answers. An answer's samples may be larger than anything that
 * Artery carries, so they come by the courier, to one actor for all questions.
 *
 * <p>Thread-safe.
 */
public final class SamplerClient {
    /** Until an answer is given up; the sampler keeps the deadline itself, this is for one that is gone. */
    public static final Duration BEYOND_DEADLINE = Duration.ofSeconds(2);

    private final Scheduler scheduler;
    private final ExecutionContextExecutor executor;
    private final ActorRef<GenerationReply> answers;
    private final Map<String, CompletableFuture<GenerationReply>> open = new ConcurrentHashMap<>();

    /**
     * @param courier of this node
     * @param spawn starts the actor that takes the answers; called once
     */
    public SamplerClient(
            ActorSystem<?> system,
            Courier courier,
            Function<Behavior<GenerationReply>, ActorRef<GenerationReply>> spawn) {
        scheduler = system.scheduler();
        executor = system.executionContext();
        answers = spawn.apply(courier.intake(GenerationReply.class, Behaviors.receiveMessage(this::onAnswer)));
    }

    private Behavior<GenerationReply> onAnswer(GenerationReply reply) {
        Optional.ofNullable(open.get(reply.id())).ifPresent(waiting -> waiting.complete(reply));
        return Behaviors.same();
    }

    /**
     * Asks {@code sampler} for one sample a seed.
     *
     * @param id of this request and no other
     * @param label of the class, or -1
     * @param deadline that the sampler keeps
     * @return completes in the order in which answers arrive, on the thread of the one actor that takes them all: who does
     *     more with one than pass it on does so elsewhere. Fails with a {@link TimeoutException} when the sampler was silent
     *     for {@link #BEYOND_DEADLINE} more. Whoever knows better may complete it first
     * @throws IllegalArgumentException when a request called {@code id} is open
     */
    public CompletableFuture<GenerationReply> ask(
            ActorRef<SamplerMessage> sampler, String id, List<Long> seeds, int label, Duration deadline) {
        CompletableFuture<GenerationReply> answer = new CompletableFuture<>();
        if (open.putIfAbsent(id, answer) != null) {
            throw new IllegalArgumentException("a request called " + id + " is open");
        }
        Cancellable late = scheduler.scheduleOnce(
                deadline.plus(BEYOND_DEADLINE),
                () -> answer.completeExceptionally(new TimeoutException("no answer")),
                executor);
        answer.whenComplete((reply, failure) -> {
            open.remove(id);
            late.cancel();
        });
        sampler.tell(new SamplerMessage.Generate(id, seeds, label, deadline.toMillis(), answers));
        return answer;
    }
}
