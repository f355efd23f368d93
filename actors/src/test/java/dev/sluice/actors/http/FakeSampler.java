package dev.sluice.actors.http;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.GenerationReply;
import dev.sluice.protocol.message.GenerationReply.Generated;
import dev.sluice.protocol.message.GenerationReply.Reason;
import dev.sluice.protocol.message.GenerationReply.Refused;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SamplerMessage.Generate;
import dev.sluice.protocol.message.SamplerStatus;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/** A sampler that says what the test wants it to. */
final class FakeSampler {
    static final ModelCard FASHION = new ModelCard("fashion", List.of(1, 2, 3), List.of("Trouser", "T-shirt/top", "0"));
    static final ModelCard POINTS = new ModelCard("points", List.of(2), List.of());
    static final ExpertRef FIRST = new ExpertRef("phase-1", "aa", 1, "/secret/phase-1.pt");
    static final ExpertRef TEACHER = new ExpertRef("teacher", "bb", 1, "/secret/teacher.pt");

    /** Everything that was asked of it but its status. */
    final BlockingQueue<SamplerMessage> told = new LinkedBlockingQueue<>();

    /** Null: no answer. */
    volatile SamplerStatus status = serving(FASHION);
    /** Null: no answer. */
    volatile Function<Generate, GenerationReply> answer = this::made;

    /** How often its status was asked for. */
    volatile int asked;

    private volatile Generate last;

    static SamplerStatus serving(ModelCard card) {
        return new SamplerStatus(
                true, Optional.of(card), card.name() + "@phase-1+teacher", List.of(FIRST, TEACHER), 78, 0);
    }

    Behavior<SamplerMessage> behavior() {
        return Behaviors.receiveMessage(message -> {
            if (message instanceof SamplerMessage.GetStatus question) {
                asked++;
                if (status != null) {
                    question.replyTo().tell(status);
                }
                return Behaviors.same();
            }
            if (message instanceof Generate request) {
                last = request;
            }
            told.add(message);
            if (message instanceof SamplerMessage.Cancel cancelled && last.id().equals(cancelled.id())) {
                last.replyTo().tell(new Refused(last.id(), Reason.CANCELLED, "the request was cancelled"));
            }
            if (message instanceof Generate request && answer != null) {
                request.replyTo().tell(answer.apply(request));
            }
            return Behaviors.same();
        });
    }

    /** Samples whose values are their seed over 4. */
    GenerationReply made(Generate request) {
        List<Integer> shape = status.card().orElseThrow().sampleShape();
        int size = shape.stream().reduce(1, (a, b) -> a * b);
        int n = request.seeds().size();
        float[] values = new float[n * size];
        for (int i = 0; i < values.length; i++) {
            values[i] = request.seeds().get(i / size) / 4f;
        }
        long[] batch = IntStream.concat(IntStream.of(n), shape.stream().mapToInt(d -> d))
                .asLongStream()
                .toArray();
        return new Generated(
                request.id(),
                Tensor.of(values, batch),
                request.seeds(),
                status.modelVersion(),
                status.experts(),
                78,
                5,
                12,
                34);
    }

    /** Answers the request that it was silent on. */
    void answerNow() {
        last.replyTo().tell(made(last));
    }

    void refuse(Reason reason, String message) {
        answer = request -> new Refused(request.id(), reason, message);
    }

    Generate generated() throws InterruptedException {
        return (Generate) Objects.requireNonNull(told.poll(20, TimeUnit.SECONDS), "nothing was asked of the sampler");
    }
}
