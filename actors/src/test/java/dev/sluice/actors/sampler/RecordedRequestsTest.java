package dev.sluice.actors.sampler;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.monitoring.check.RunCheck;
import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.event.RunEvent;
import dev.sluice.protocol.message.GenerationReply.Reason;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SamplerMessage.Serve;
import dev.sluice.protocol.message.SupervisorMessage.RoleReady;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.ManualTime;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What the sampler tells the run's recorder (docs/guarantees.md: served-live, requests-accounted).
 * Every test ends with all of it in a log that the checker reads.
 */
class RecordedRequestsTest {
    /** Nobody waits for others. */
    private static final SamplerSettings SETTINGS =
            new SamplerSettings(2, 4, Duration.ZERO, List.of(1, 2, 4), 1, Duration.ofMillis(100));

    private static ActorTestKit kit;
    private static ManualTime time;

    @TempDir
    Path folder;

    private final List<RecorderMessage.Event> told = new ArrayList<>();
    private Bench bench;
    /** That hears the sampler now; null when there is none. */
    private TestProbe<RecorderMessage> recorder;

    private boolean stopped;

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create(ManualTime.config());
        time = ManualTime.get(kit.system());
    }

    @AfterAll
    static void shutDown() {
        kit.shutdownTestKit();
    }

    @BeforeEach
    void serve() {
        bench = Bench.serving(kit, SETTINGS);
        recorder = bench.recorder;
    }

    @AfterEach
    void theCheckerAgrees() throws IOException {
        stop();
        if (recorder != null) {
            tellTheRest();
        }
        RunFolder run = RunFolder.create(folder.resolve("run"), "a = 1");
        try (EventLog log = new EventLog(run.events(), Clock.systemUTC())) {
            for (RecorderMessage.Event event : told) {
                log.append(event.event());
                if (event.type().equals("expert-published")) {
                    Files.writeString(
                            run.root().resolve("experts/" + event.fields().get("version") + ".pt"),
                            event.fields().get("sha256").toString());
                }
            }
        }
        RunCheck check = RunCheck.of(run, List.of(1), Files::readString);
        assertThat(check.violations()).as(told.toString()).isEmpty();
    }

    @Test
    void whatServesIsToldWhenItIsLoadedAndAtEverySwap() {
        Map<String, Object> loaded = expect("serving-changed");
        assertThat(loaded)
                .containsEntry("model-version", "toy@teacher")
                .containsEntry("experts", "teacher:" + bench.teacher.sha256())
                .containsEntry("teacher", bench.teacher.sha256())
                .containsEntry("epoch", 1L);
        assertThat(loaded.get("sampler").toString())
                .as("an actor of this name may come again, its number does not")
                .matches("pekko://.+/user/.+#-?\\d+");
        expectCounts(Map.of());

        ExpertRef first = publish(bench.expert(1));
        bench.swapIn(1, first);

        assertThat(expect("serving-changed"))
                .containsEntry("model-version", "toy@phase-1+teacher")
                .containsEntry("experts", "phase-1:" + first.sha256() + " teacher:" + bench.teacher.sha256())
                .containsEntry("sampler", loaded.get("sampler"));
        expectCounts(Map.of());
    }

    @Test
    void oneRequestASecondIsToldOfAndTheFirstAfterEverySwap() {
        expectLoaded();
        ask("first");
        ask("at the same time");
        bench.clock.addAndGet(999_999_999);
        ask("too early");
        bench.clock.addAndGet(1);
        ask("a second later");
        ExpertRef expert = publish(bench.expert(1));
        bench.swapIn(1, expert);
        ask("after the swap");
        ask("right after that");

        Map<String, Object> first = expect("request-served");
        assertThat(first)
                .containsEntry("request", "first")
                .containsEntry("model-version", "toy@teacher")
                .containsEntry("experts", "teacher:" + bench.teacher.sha256())
                .containsEntry("samples", 1L)
                .containsEntry("nfe", 8L)
                .containsEntry("batch", 1L)
                .containsEntry("batch-size", 1L)
                .containsEntry("queue-millis", 0L)
                .containsEntry("compute-millis", 0L);
        assertThat(expect("request-served")).containsEntry("request", "a second later");
        expect("serving-changed");
        expectCounts(Map.of("accepted", 4L, "served", 4L));
        assertThat(expect("request-served"))
                .containsEntry("request", "after the swap")
                .containsEntry("experts", "phase-1:" + expert.sha256() + " teacher:" + bench.teacher.sha256());
        stop();
        expectCounts(Map.of("accepted", 6L, "served", 6L, "last", true));
    }

    @Test
    void aSwapInTheMiddleOfTrafficIsToldBetweenTheBatchesThatItFellBetween() {
        expectLoaded();
        ExpertRef expert = publish(bench.expert(1));
        bench.occupy("before", 0, 1);
        bench.ask("waits", 0, 2);
        bench.orderSwap(1, expert);
        bench.networks.openGate();
        bench.expectSamplesWhileGated("before");
        bench.supervisor.receiveMessage();
        bench.expectSamplesWhileGated("waits");
        ask("after");

        assertThat(expect("request-served")).containsEntry("request", "before");
        expect("serving-changed");
        Map<String, Object> counts = expect("requests-counted");
        assertThat(counts).containsEntry("accepted", 2L);
        assertThat((long) counts.get("served") + (long) counts.get("open")).isEqualTo(2);
        assertThat(expect("request-served").get("model-version")).isEqualTo("toy@phase-1+teacher");
    }

    @Test
    void everyEndOfARequestIsCountedByItsReason() {
        expectLoaded();
        bench.occupy("cancelled in its batch", 0, 1);
        bench.askWithin(50, "late", 0, 1);
        bench.ask("cancelled while it waits", 0, 1);
        bench.ask("one too many", 0, 1);
        bench.expectRefused("one too many", Reason.QUEUE_FULL);
        bench.ask("no such class", 7, 1);
        bench.expectRefused("no such class", Reason.BAD_REQUEST);
        bench.askWithin(0, "late on arrival", 0, 1);
        bench.expectRefused("late on arrival", Reason.DEADLINE);
        time.timePasses(Duration.ofMillis(50));
        bench.expectRefused("late", Reason.DEADLINE);
        for (String id : List.of("cancelled while it waits", "cancelled in its batch", "nobody")) {
            bench.sampler.tell(new SamplerMessage.Cancel(id));
        }
        bench.expectRefused("cancelled while it waits", Reason.CANCELLED);
        bench.expectRefused("cancelled in its batch", Reason.CANCELLED);
        bench.ask("open", 0, 1);
        bench.status();

        time.timePasses(Ledger.COUNTED_WITHIN);

        expectCounts(Map.ofEntries(
                Map.entry("accepted", 4L),
                Map.entry("cancelled", 2L),
                Map.entry("cancelled-client-left", 2L),
                Map.entry("failed", 1L),
                Map.entry("failed-deadline", 1L),
                Map.entry("refused", 3L),
                Map.entry("refused-full", 1L),
                Map.entry("refused-malformed", 1L),
                Map.entry("refused-deadline", 1L),
                Map.entry("open", 1L)));
        bench.networks.openGate();
        bench.expectSamplesWhileGated("open");
        assertThat(expect("request-served")).containsEntry("request", "open");
    }

    @Test
    void countsAreToldTenSecondsAfterSomethingChangedAndNotOtherwise() {
        expectLoaded();
        time.timePasses(Duration.ofSeconds(30));
        bench.recorder.expectNoMessage(Duration.ZERO);
        ask("a");
        expect("request-served");
        ask("b");
        bench.status();
        time.timePasses(Duration.ofMillis(9_999));
        bench.recorder.expectNoMessage(Duration.ZERO);
        time.timePasses(Duration.ofMillis(1));
        expectCounts(Map.of("accepted", 2L, "served", 2L));
        time.timePasses(Duration.ofSeconds(30));
        bench.recorder.expectNoMessage(Duration.ZERO);
    }

    @Test
    void stoppingItFailsWhatIsOpenAndLeavesNothingUncounted() {
        bench.stop();
        // Time stands still here, so requests wait for others for ever.
        bench = Bench.serving(
                kit, new SamplerSettings(2, 4, Duration.ofSeconds(1), List.of(1, 2, 4), 1, Duration.ofMillis(100)));
        recorder = bench.recorder;
        expectLoaded();
        bench.ask("waits", 0, 1);
        bench.ask("waits too", 0, 1, 2);
        bench.status();

        stop();

        assertThat(tellTheRest())
                .containsEntry("accepted", 2L)
                .containsEntry("served", 0L)
                .containsEntry("failed-stopped", 2L)
                .containsEntry("open", 0L);
    }

    @Test
    void aWorkerThatDiesFailsItsBatchAndServesAgainWhenItIsBack() {
        expectLoaded();
        ExpertRef expert = publish(bench.expert(1, (x, t, label) -> {
            if (label == 2) {
                throw new IllegalStateException("CUDA error");
            }
            return label == 1 ? Float.NaN : x;
        }));
        bench.swapIn(1, expert);
        expect("serving-changed");
        expectCounts(Map.of());
        bench.ask("not finite", 1, 1);
        bench.expectRefused("not finite", Reason.FAILED);
        bench.ask("dies", 2, 1);
        bench.expectRefused("dies", Reason.FAILED);
        bench.ask("meanwhile", 0, 1);
        bench.expectRefused("meanwhile", Reason.NOT_READY);
        time.timePasses(Duration.ofMillis(100));

        assertThat(expect("serving-changed")).containsEntry("model-version", "toy@phase-1+teacher");
        expectCounts(Map.of(
                "accepted",
                2L,
                "failed",
                2L,
                "failed-not-finite",
                1L,
                "failed-error",
                1L,
                "refused",
                1L,
                "refused-not-ready",
                1L));
    }

    @Test
    void givingUpIsCounted() {
        expectLoaded();
        ExpertRef expert = publish(bench.expert(1, (x, t, label) -> {
            if (label == 2) {
                throw new IllegalStateException("CUDA error");
            }
            return x;
        }));
        bench.swapIn(1, expert);
        expect("serving-changed");
        expectCounts(Map.of());
        bench.networks.delete(expert);
        bench.occupy("dies", 2, 1);
        bench.ask("waits", 0, 2);
        bench.status();
        bench.networks.openGate();
        bench.expectRefused("dies", Reason.FAILED);
        bench.status();
        time.timePasses(Duration.ofMillis(100));

        bench.expectRefused("waits", Reason.FAILED);
        expectCounts(Map.of("accepted", 2L, "failed", 2L, "failed-error", 1L, "failed-gave-up", 1L));
    }

    @Test
    void aRecorderThatDiedCostsNoRequest() {
        expectLoaded();
        bench.recorder.stop();
        recorder = null;

        ask("a");
        bench.swapIn(1, bench.expert(1));
        ask("b");

        assertThat(bench.status().modelVersion()).isEqualTo("toy@phase-1+teacher");
    }

    @Test
    void theRecorderOfALaterOrderIsToldEverythingFromTheBeginning() {
        expectLoaded();
        ask("a");
        expect("request-served");
        bench.sampler.tell(serve(2, Optional.empty()));
        bench.expect(new RoleReady(2, Role.SAMPLER, 0, bench.sampler));
        ask("untold");
        recorder = kit.createTestProbe();
        bench.sampler.tell(serve(3, Optional.of(recorder.getRef())));
        bench.expect(new RoleReady(3, Role.SAMPLER, 0, bench.sampler));

        bench.recorder.expectNoMessage(Duration.ZERO);
        assertThat(expect("serving-changed")).containsEntry("epoch", 3L).containsEntry("model-version", "toy@teacher");
        assertThat(expect("requests-counted")).containsEntry("served", 2L);
    }

    private Serve serve(int epoch, Optional<ActorRef<RecorderMessage>> recorder) {
        Serve order = bench.serve(epoch);
        return new Serve(
                epoch,
                order.card(),
                order.plan(),
                order.schedule(),
                order.teacher(),
                order.teacherSteps(),
                order.guidance(),
                order.supervisor(),
                recorder);
    }

    private void ask(String id) {
        bench.ask(id, 0, 1);
        bench.expectSamplesWhileGated(id);
    }

    private void stop() {
        if (!stopped) {
            stopped = true;
            bench.stop();
        }
    }

    private void expectLoaded() {
        expect("serving-changed");
        expectCounts(Map.of());
    }

    /** As the supervisor tells it before it orders the swap. */
    private ExpertRef publish(ExpertRef expert) {
        Path file = folder.resolve(expert.sha256());
        try {
            Files.writeString(file, expert.sha256());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        told.add(RecorderMessage.Event.of(
                new RunEvent.ExpertPublished(1, phase(expert), expert.version(), expert.sha256(), file.toString())));
        return expert;
    }

    private static int phase(ExpertRef expert) {
        return Integer.parseInt(expert.version().replace("phase-", ""));
    }

    private Map<String, Object> expect(String type) {
        RecorderMessage.Event event = recorder.expectMessageClass(RecorderMessage.Event.class);
        assertThat(event.type()).as(event.toString()).isEqualTo(type);
        told.add(event);
        return event.fields();
    }

    /** Up to the last count, which this gives. */
    private Map<String, Object> tellTheRest() {
        while (told.isEmpty() || !isLast(told.get(told.size() - 1))) {
            told.add(recorder.expectMessageClass(RecorderMessage.Event.class));
        }
        return told.get(told.size() - 1).fields();
    }

    private static boolean isLast(RecorderMessage.Event event) {
        return Boolean.TRUE.equals(event.fields().get("last"));
    }

    /** @param counts those that are not 0 */
    private void expectCounts(Map<String, Object> counts) {
        Map<String, Object> found = expect("requests-counted");
        assertThat(found).containsAllEntriesOf(counts);
        assertThat(found).allSatisfy((name, value) -> {
            boolean isCount = value instanceof Long && !name.equals("epoch");
            assertThat(!isCount || counts.containsKey(name) || value.equals(0L))
                    .as("%s = %s", name, value)
                    .isTrue();
        });
    }
}
