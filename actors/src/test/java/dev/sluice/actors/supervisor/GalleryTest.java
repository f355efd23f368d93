package dev.sluice.actors.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.supervisor.PhaseSupervisor.Drawn;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.GenerationReply;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SamplerMessage.Generate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.LoggingTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.ManualTime;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class GalleryTest {
    private static final Duration DEADLINE = Duration.ofSeconds(5);
    private static ActorTestKit kit;

    private final TestProbe<RecorderMessage> recorder = kit.createTestProbe();
    private final TestProbe<Drawn> supervisor = kit.createTestProbe();
    private final TestProbe<SamplerMessage> sampler = kit.createTestProbe();
    private ActorRef<Gallery.Command> gallery;

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create(ManualTime.config());
    }

    @AfterAll
    static void shutDown() {
        kit.shutdownTestKit();
    }

    @AfterEach
    void stop() {
        kit.stop(gallery, Duration.ofSeconds(10));
    }

    private void open(int samples, int classes, int batch) {
        gallery = kit.spawn(Gallery.create(
                new Gallery.Settings(samples, classes, batch, DEADLINE, Set.of()),
                Courier.inThisJvm(),
                recorder.getRef(),
                supervisor.getRef()));
    }

    private void draw(int phase) {
        gallery.tell(new Gallery.Draw(phase, sampler.getRef()));
    }

    private List<Generate> asked(int requests) {
        List<Generate> asked = new ArrayList<>();
        for (int i = 0; i < requests; i++) {
            asked.add(sampler.expectMessageClass(Generate.class));
        }
        return asked;
    }

    /** Every sample is its seed and its label. */
    private static void answer(Generate asked) {
        float[] values = new float[2 * asked.seeds().size()];
        for (int i = 0; i < asked.seeds().size(); i++) {
            values[2 * i] = asked.seeds().get(i);
            values[2 * i + 1] = asked.label();
        }
        answer(asked, Tensor.of(values, asked.seeds().size(), 2));
    }

    private static void answer(Generate asked, Tensor samples) {
        asked.replyTo()
                .tell(new GenerationReply.Generated(asked.id(), samples, asked.seeds(), "toy", List.of(), 1, 1, 0, 1));
    }

    private static void refuse(Generate asked, String why) {
        asked.replyTo().tell(new GenerationReply.Refused(asked.id(), GenerationReply.Reason.FAILED, why));
    }

    private void expectGivenUp(int phase, String why, Runnable doing) {
        LoggingTestKit.warn("no sheet of samples after phase " + phase + ": " + why)
                .expect(kit.system(), () -> {
                    doing.run();
                    return null;
                });
        supervisor.expectMessage(new Drawn(phase));
    }

    @Test
    void withoutSamplesASheetIsDoneAtOnceAndNobodyIsAsked() {
        open(0, 3, 4);
        draw(0);
        draw(1);

        supervisor.expectMessage(new Drawn(0));
        supervisor.expectMessage(new Drawn(1));
        sampler.expectNoMessage(Duration.ofMillis(1));
        recorder.expectNoMessage(Duration.ofMillis(1));
    }

    @Test
    void anUnconditionalModelIsAskedForOneBatchAtATime() {
        open(5, 0, 4);
        draw(2);

        Generate first = asked(1).get(0);
        assertThat(first.seeds()).containsExactly(0L, 1L, 2L, 3L);
        assertThat(first.label()).isEqualTo(-1);
        assertThat(first.id()).startsWith("gallery-");
        assertThat(first.deadlineMillis()).isEqualTo(DEADLINE.toMillis());
        sampler.expectNoMessage(Duration.ofMillis(20));
        answer(first);
        Generate second = asked(1).get(0);
        assertThat(second.seeds()).containsExactly(4L);
        answer(second);

        recorder.expectMessage(
                new RecorderMessage.Grid(2, Tensor.of(new float[] {0, -1, 1, -1, 2, -1, 3, -1, 4, -1}, 5, 2)));
        supervisor.expectMessage(new Drawn(2));
    }

    @Test
    void classesTakeTurnsAndTheSheetIsInOrderHoweverTheAnswersCome() {
        open(6, 2, 4);
        draw(0);
        for (int batch : List.of(4, 2)) {
            List<Generate> asked = asked(batch);
            assertThat(asked).allMatch(request -> request.seeds().size() == 1);
            Collections.reverse(asked);
            asked.forEach(GalleryTest::answer);
        }

        recorder.expectMessage(
                new RecorderMessage.Grid(0, Tensor.of(new float[] {0, 0, 1, 1, 2, 0, 3, 1, 4, 0, 5, 1}, 6, 2)));
        supervisor.expectMessage(new Drawn(0));
    }

    @Test
    void sheetsAreDrawnOneAfterAnother() {
        open(2, 0, 4);
        draw(0);
        draw(1);
        Generate first = asked(1).get(0);
        sampler.expectNoMessage(Duration.ofMillis(20));

        answer(first);
        supervisor.expectMessage(new Drawn(0));
        answer(asked(1).get(0));

        supervisor.expectMessage(new Drawn(1));
        assertThat(recorder.expectMessageClass(RecorderMessage.Grid.class).phase())
                .isZero();
        assertThat(recorder.expectMessageClass(RecorderMessage.Grid.class).phase())
                .isEqualTo(1);
    }

    @Test
    void aRefusalGivesUpThisSheetAndDrawsTheNext() {
        open(2, 0, 4);
        draw(0);
        draw(1);
        Generate first = asked(1).get(0);

        expectGivenUp(0, "the sampler broke", () -> refuse(first, "the sampler broke"));

        answer(asked(1).get(0));
        supervisor.expectMessage(new Drawn(1));
        assertThat(recorder.expectMessageClass(RecorderMessage.Grid.class).phase())
                .isEqualTo(1);
    }

    @Test
    void aSamplerThatIsSilentPastItsDeadlineIsGivenUp() {
        open(2, 0, 4);
        draw(0);
        asked(1);

        expectGivenUp(0, "no answer", () -> ManualTime.get(kit.system()).timePasses(DEADLINE.plusSeconds(6)));
    }

    @Test
    void aSamplerThatDiesIsGivenUp() {
        open(2, 0, 4);
        draw(0);
        asked(1);
        sampler.stop();

        expectGivenUp(0, "no answer", () -> ManualTime.get(kit.system()).timePasses(DEADLINE.plusSeconds(6)));
    }

    @Test
    void anAnswerThatComesTwiceCountsOnce() {
        open(2, 2, 4);
        draw(0);
        List<Generate> asked = asked(2);
        answer(asked.get(0));
        answer(asked.get(0));
        recorder.expectNoMessage(Duration.ofMillis(20));

        answer(asked.get(1));

        recorder.expectMessage(new RecorderMessage.Grid(0, Tensor.of(new float[] {0, 0, 1, 1}, 2, 2)));
    }

    @Test
    void answersToASheetThatWasGivenUpAreNotTakenForTheNextOfTheSamePhase() {
        open(2, 2, 4);
        draw(0);
        draw(0);
        List<Generate> first = asked(2);
        expectGivenUp(0, "busy", () -> refuse(first.get(0), "busy"));
        List<Generate> second = asked(2);

        answer(first.get(1), Tensor.of(new float[] {9, 9}, 1, 2));
        second.forEach(GalleryTest::answer);

        recorder.expectMessage(new RecorderMessage.Grid(0, Tensor.of(new float[] {0, 0, 1, 1}, 2, 2)));
        supervisor.expectMessage(new Drawn(0));
    }

    @Test
    void fewerSamplesThanWereAskedForAreGivenUp() {
        open(3, 0, 4);
        draw(0);
        Generate request = asked(1).get(0);

        expectGivenUp(0, "FLOAT32[2, 2] came for 3 samples", () -> answer(request, Tensor.of(new float[4], 2, 2)));
    }

    @Test
    void moreSamplesThanWereAskedForAreGivenUp() {
        open(3, 0, 4);
        draw(0);
        Generate request = asked(1).get(0);

        expectGivenUp(0, "FLOAT32[4, 2] came for 3 samples", () -> answer(request, Tensor.of(new float[8], 4, 2)));
    }

    @Test
    void samplesOfSeveralSizesMakeNoSheet() {
        open(2, 2, 4);
        draw(0);
        List<Generate> asked = asked(2);
        answer(asked.get(0));

        expectGivenUp(0, "FLOAT32[1, 3] came for 1 samples", () -> answer(asked.get(1), Tensor.of(new float[3], 1, 3)));
    }

    @Test
    void samplesOfAnotherTypeMakeNoSheet() {
        open(2, 0, 4);
        draw(0);
        Generate request = asked(1).get(0);

        expectGivenUp(0, "INT64[2, 2] came for 2 samples", () -> answer(request, Tensor.of(new long[4], 2, 2)));
    }
}
