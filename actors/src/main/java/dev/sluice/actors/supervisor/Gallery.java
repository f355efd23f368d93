package dev.sluice.actors.supervisor;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.sampler.SamplerClient;
import dev.sluice.protocol.DType;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.GenerationReply;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SamplerMessage;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.NavigableMap;
import java.util.Queue;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.stream.LongStream;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;

/**
 * Asks the sampler, as any client would, for the same seeds after every phase, so that the sheets can be compared image
 * by image. One batch at a time: real clients come in between.
 */
public final class Gallery extends AbstractBehavior<Gallery.Command> {
    /**
     * @param samples in a sheet; 0 draws none
     * @param classes that take turns; 0 for an unconditional model
     * @param batch samples asked for at a time
     * @param deadline of a request
     * @param drawn phases whose sheets are there from an earlier start of the run
     */
    public record Settings(int samples, int classes, int batch, Duration deadline, Set<Integer> drawn) {
        public Settings {
            drawn = Set.copyOf(drawn);
        }
    }

    /** What the gallery understands. */
    public sealed interface Command {}

    /** Draw what is served now, after {@code phase} phases; answered by {@link PhaseSupervisor.Drawn}. */
    public record Draw(int phase, ActorRef<SamplerMessage> sampler) implements Command {}

    private record Answered(Draw draw, int first, int count, GenerationReply reply) implements Command {}

    private final Settings settings;
    private final SamplerClient client;
    private final ActorRef<RecorderMessage> recorder;
    private final ActorRef<PhaseSupervisor.Drawn> supervisor;
    private final Queue<Draw> waiting = new ArrayDeque<>();
    /** Answers of the current sheet by their first sample; they may come in any order. */
    private final NavigableMap<Integer, Tensor> parts = new TreeMap<>();

    private int asked;
    private int answered;
    private Draw current;

    private Gallery(
            ActorContext<Command> context,
            Settings settings,
            Courier courier,
            ActorRef<RecorderMessage> recorder,
            ActorRef<PhaseSupervisor.Drawn> supervisor) {
        super(context);
        this.settings = settings;
        this.client = new SamplerClient(context.getSystem(), courier, answers -> context.spawn(answers, "answers"));
        this.recorder = recorder;
        this.supervisor = supervisor;
    }

    /** @param courier of this node, that samples come by */
    public static Behavior<Command> create(
            Settings settings,
            Courier courier,
            ActorRef<RecorderMessage> recorder,
            ActorRef<PhaseSupervisor.Drawn> supervisor) {
        return Behaviors.setup(context -> new Gallery(context, settings, courier, recorder, supervisor));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Draw.class, this::onDraw)
                .onMessage(Answered.class, this::onAnswered)
                .build();
    }

    private Behavior<Command> onDraw(Draw draw) {
        waiting.add(draw);
        beginNext();
        return this;
    }

    private void beginNext() {
        while (current == null && !waiting.isEmpty()) {
            current = waiting.remove();
            parts.clear();
            asked = 0;
            answered = 0;
            if (settings.samples() == 0 || settings.drawn().contains(current.phase())) {
                finish();
            } else {
                askOneBatch();
            }
        }
    }

    /** Requests for as many samples as share a batch: one a class, because a request names one class. */
    private void askOneBatch() {
        int until = Math.min(settings.samples(), asked + settings.batch());
        int perRequest = settings.classes() == 0 ? settings.batch() : 1;
        while (asked < until) {
            int count = Math.min(perRequest, until - asked);
            ask(asked, count);
            asked += count;
        }
    }

    private void ask(int first, int count) {
        Draw draw = current;
        int label = settings.classes() == 0 ? -1 : first % settings.classes();
        CompletionStage<GenerationReply> reply = client.ask(
                current.sampler(),
                "gallery-" + UUID.randomUUID(),
                LongStream.range(first, first + count).boxed().toList(),
                label,
                settings.deadline());
        getContext()
                .pipeToSelf(
                        reply,
                        (made, failure) -> new Answered(
                                draw,
                                first,
                                count,
                                failure == null
                                        ? made
                                        : new GenerationReply.Refused(
                                                "", GenerationReply.Reason.DEADLINE, failure.getMessage())));
    }

    private Behavior<Command> onAnswered(Answered message) {
        // By identity: answers to a sheet that was given up come while the next one is drawn.
        if (current == null || message.draw() != current) {
            return this;
        }
        if (message.reply() instanceof GenerationReply.Generated generated) {
            Tensor samples = generated.samples();
            if (!isAsAsked(samples, message.count())) {
                giveUp(samples + " came for " + message.count() + " samples");
                return this;
            }
            parts.put(message.first(), samples);
            answered += message.count();
            if (answered == settings.samples()) {
                recorder.tell(new RecorderMessage.Grid(current.phase(), together()));
                finish();
            } else if (answered == asked) {
                askOneBatch();
            }
        } else if (message.reply() instanceof GenerationReply.Refused refused) {
            giveUp(
                    refused.reason() == GenerationReply.Reason.NOT_READY
                            ? refused.message() + "; a run that goes on draws it then"
                            : refused.message());
        }
        return this;
    }

    /** As many as were asked for, and of one kind with those that came before. */
    private boolean isAsAsked(Tensor samples, int count) {
        Tensor like = parts.isEmpty() ? samples : parts.firstEntry().getValue();
        return samples.dtype() == DType.FLOAT32
                && samples.rank() > 0
                && samples.dim(0) == count
                && samples.sampleSize() == like.sampleSize();
    }

    private void giveUp(String why) {
        getContext().getLog().warn("no sheet of samples after phase {}: {}", current.phase(), why);
        finish();
    }

    private void finish() {
        supervisor.tell(new PhaseSupervisor.Drawn(current.phase()));
        current = null;
        beginNext();
    }

    private Tensor together() {
        Collection<Tensor> rows = parts.values();
        ByteBuffer bytes =
                ByteBuffer.allocate(rows.stream().mapToInt(Tensor::byteSize).sum());
        rows.forEach(part -> part.write(bytes));
        Tensor first = parts.firstEntry().getValue();
        long[] shape = first.shape();
        shape[0] = settings.samples();
        return Tensor.read(first.dtype(), shape, bytes.flip());
    }
}
