package dev.sluice.actors.recorder;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.config.ExperimentSettings;
import dev.sluice.config.Method;
import dev.sluice.monitoring.progress.Progress;
import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.CriticReport;
import dev.sluice.protocol.CycleReport;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.event.RunEvent;
import dev.sluice.protocol.message.RecorderMessage;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.apache.pekko.Done;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.LoggingTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RecorderTest {
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2026-02-03T04:05:06Z"), ZoneOffset.UTC);

    private static ActorTestKit kit;

    @TempDir
    Path temp;

    private final LinkedBlockingQueue<String> shown = new LinkedBlockingQueue<>();
    private RunFolder folder;
    private ActorRef<RecorderMessage> recorder;

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create();
    }

    @AfterAll
    static void stop() {
        kit.shutdownTestKit();
    }

    @BeforeEach
    void spawn() {
        folder = RunFolder.create(temp.resolve("run"), "");
        recorder = kit.spawn(
                Recorder.create(folder, new Shown(shown), experiment(), CLOCK), DispatcherSelector.blocking());
    }

    @Test
    void eventsGoInTheLogInTheirOrder() throws IOException {
        tell(new RunEvent.RunFinished(1, 7));
        tell(new RunEvent.PhaseEnded(1, 2, 3));
        flush();

        assertThat(Files.readString(folder.events())).isEqualTo("""
                        {"at":"2026-02-03T04:05:06Z","type":"run-finished","epoch":1,"seconds":7}
                        {"at":"2026-02-03T04:05:06Z","type":"phase-ended","cycles":3,"epoch":1,"phase":2}
                        """);
    }

    @Test
    void cyclesGoInTheMetricsAndMoveTheBar() throws IOException {
        tell(new RunEvent.PhaseBegun(1, 1, 1, 0.5, 0, 3));
        recorder.tell(cycle(1, 0, true));
        recorder.tell(cycle(2, 0, false));
        recorder.tell(cycle(2, 1, true));
        flush();

        assertThat(Files.readAllLines(folder.metrics()))
                .hasSize(4)
                .element(2)
                .isEqualTo("2,0,1.5,1.25,0.5,0.0625,3.0,false,0");
        assertThat(shown)
                .containsExactly(
                        "begin distil toy 5",
                        "advance 1 phase 1/2, critic 1.25, excess 0.500, gradient 0.0625",
                        "advance 4 phase 2/2, critic 1.25, excess 0.500, gradient 0.0625, step skipped",
                        "advance 5 phase 2/2, critic 1.25, excess 0.500, gradient 0.0625",
                        "close");
    }

    @Test
    void cyclesThatAreRunAgainAfterTheEndAreShownToo() {
        recorder.tell(cycle(2, 1, true));
        recorder.tell(cycle(2, 0, true));
        flush();

        assertThat(shown).element(3).isEqualTo("begin distil toy 5");
        assertThat(shown).last().asString().startsWith("advance 4 ");
    }

    @Test
    void aSnapshotShowsTeacherCriticAndGeneratorSideBySide() throws IOException {
        recorder.tell(new RecorderMessage.Snapshot(1, 20, images(4, -1), images(4, 0), images(4, 1)));
        flush();

        BufferedImage sheet = ImageIO.read(
                folder.root().resolve("samples/phase-1-cycle-20.png").toFile());
        double[] thirds = {brightness(sheet, 0), brightness(sheet, 1), brightness(sheet, 2)};
        assertThat(thirds[1]).isGreaterThan(thirds[0] + 20);
        assertThat(thirds[2]).isGreaterThan(thirds[1] + 20);
    }

    /** Mean red of one third of a sheet, from the left. */
    private static double brightness(BufferedImage sheet, int third) {
        int width = sheet.getWidth() / 3;
        return IntStream.range(third * width, (third + 1) * width)
                .flatMap(x -> IntStream.range(0, sheet.getHeight()).map(y -> sheet.getRGB(x, y) >> 16 & 0xff))
                .average()
                .orElseThrow();
    }

    @Test
    void aGridHasTheColumnsOfTheExperiment() throws IOException {
        recorder.tell(new RecorderMessage.Grid(0, images(20, 1)));
        flush();

        BufferedImage grid = ImageIO.read(folder.grid(0).toFile());
        assertThat(grid.getWidth()).as("10 columns, 2 rows").isGreaterThan(2 * grid.getHeight());
    }

    @Test
    void pointsAreDrawnToo() {
        Tensor points = Tensor.of(new float[] {0, 0, 1, 1, -1, 2}, 3, 2);
        recorder.tell(new RecorderMessage.Snapshot(4, 100, points, points, points));
        flush();

        assertThat(folder.snapshot(4, 100)).isNotEmptyFile();
    }

    @Test
    void picturesThatCannotBeWrittenAreToldOnceAndTheRestGoesOn() throws IOException {
        Path samples = folder.grid(1).getParent();
        Files.delete(samples);
        Files.writeString(samples, "a file where the folder was");

        LoggingTestKit.error("cannot write " + folder.grid(1))
                .withCustom(logged -> logged.throwable().isEmpty())
                .withOccurrences(1)
                .expect(kit.system(), () -> {
                    recorder.tell(new RecorderMessage.Grid(1, images(1, 0)));
                    recorder.tell(new RecorderMessage.Grid(2, images(1, 0)));
                    flush();
                    return Done.getInstance();
                });
        Files.delete(samples);
        Files.createDirectory(samples);
        recorder.tell(new RecorderMessage.Grid(3, images(1, 0)));
        flush();

        assertThat(folder.grid(3)).isNotEmptyFile();
        List<RunEvent> events = events();
        assertThat(events).hasSize(2);
        assertThat(events.get(0)).isInstanceOfSatisfying(RunEvent.RecordingFailed.class, failed -> {
            assertThat(failed.file()).isEqualTo("samples/after-phase-1.png");
            assertThat(failed.cause()).isNotBlank();
        });
        assertThat(events.get(1)).isEqualTo(new RunEvent.RecordingResumed("samples/after-phase-3.png", 2));
        assertThat(shown)
                .singleElement()
                .asString()
                .startsWith("note cannot write " + folder.grid(1) + ": its folder ")
                .doesNotContain("Exception");
    }

    @Test
    void aPictureThatCannotBeDrawnDoesNotStopTheRecorder() throws IOException {
        recorder.tell(new RecorderMessage.Grid(1, Tensor.of(new float[27], 1, 3, 3, 3, 1)));
        tell(new RunEvent.RunCancelled(1));
        flush();

        assertThat(events()).hasSize(2).first().isInstanceOf(RunEvent.RecordingFailed.class);
        assertThat(events()).last().isEqualTo(new RunEvent.RunCancelled(1));
    }

    @Test
    void eventsThatCannotBeWrittenAreCounted() throws IOException {
        Files.createDirectory(folder.events());

        LoggingTestKit.error("cannot write " + folder.events())
                .withOccurrences(1)
                .expect(kit.system(), () -> {
                    tell(new RunEvent.RunCancelled(1));
                    tell(new RunEvent.RunCancelled(2));
                    recorder.tell(cycle(1, 0, true));
                    flush();
                    return Done.getInstance();
                });
        Files.delete(folder.events());
        tell(new RunEvent.RunCancelled(3));
        flush();

        assertThat(events())
                .containsExactly(new RunEvent.RunCancelled(3), new RunEvent.RecordingResumed("events.jsonl", 2));
        assertThat(Files.readAllLines(folder.metrics())).hasSize(2);
    }

    @Test
    void anotherRecorderGoesOnWithTheFolder() throws IOException {
        tell(new RunEvent.RunCancelled(1));
        recorder.tell(cycle(1, 0, true));
        flush();
        kit.stop(recorder);
        assertThat(shown).last().isEqualTo("close");

        recorder = kit.spawn(Recorder.create(RunFolder.open(folder.root()), new Shown(shown), experiment(), CLOCK));
        tell(new RunEvent.RunCancelled(2));
        recorder.tell(cycle(1, 1, true));
        flush();

        assertThat(events()).containsExactly(new RunEvent.RunCancelled(1), new RunEvent.RunCancelled(2));
        assertThat(Files.readAllLines(folder.metrics())).hasSize(3);
    }

    /** What a sampler of a node that lies, or of another version, says. */
    @Test
    void whatIsNoEventIsNotRecorded() throws IOException {
        for (RecorderMessage.Event odd : List.of(
                new RecorderMessage.Event("run-finished", Map.of("epoch", 1L)),
                new RecorderMessage.Event("run-finished", Map.of("epoch", 1L, "seconds", "x")),
                new RecorderMessage.Event("nothing-known", Map.of()))) {
            recorder.tell(odd);
        }
        tell(new RunEvent.RunCancelled(1));
        flush();

        assertThat(events()).containsExactly(new RunEvent.RunCancelled(1));
        assertThat(shown).isEmpty();
    }

    private void tell(RunEvent event) {
        recorder.tell(RecorderMessage.Event.of(event));
    }

    private List<RunEvent> events() throws IOException {
        return EventLog.read(folder.events()).of(RunEvent.class);
    }

    private void flush() {
        TestProbe<Done> probe = kit.createTestProbe();
        recorder.tell(new RecorderMessage.Flush(probe.getRef()));
        probe.receiveMessage();
    }

    private static RecorderMessage.Cycle cycle(int phase, int cycle, boolean stepped) {
        CriticReport critic = new CriticReport(List.of(1.0, 1.5), 0.5, 0);
        return new RecorderMessage.Cycle(new CycleReport(phase, cycle, critic, 0.0625, 3, stepped), 1500);
    }

    private static Tensor images(int n, float level) {
        float[] pixels = new float[n * 28 * 28];
        Arrays.fill(pixels, level);
        return Tensor.owning(pixels, n, 1, 28, 28);
    }

    private static ExperimentSettings experiment() {
        Recipe recipe = new Recipe(
                1,
                8,
                2,
                1,
                Recipe.Schedule.RECTIFIED_FLOW,
                Recipe.Rollout.SGTS,
                Recipe.Normaliser.PER_SAMPLE,
                Recipe.CriticWeighting.CLAMPED,
                0.02,
                1,
                AdamWSettings.ofPaper(1e-4),
                AdamWSettings.ofPaper(1e-4),
                0.98,
                0,
                Recipe.Ablation.NONE);
        PhasePlan plan = new PhasePlan(List.of(1.0, 0.5, 0.0), List.of(0.5, 0.0));
        return new ExperimentSettings(
                "toy", Path.of("/teacher.pt"), Method.AS_CONFIGURED, plan, List.of(3, 2), recipe, 4, 2, 20, 10);
    }

    private record Shown(LinkedBlockingQueue<String> lines) implements Progress {
        @Override
        public void begin(String task, long total, long before) {
            lines.add("begin " + task + " " + total);
        }

        @Override
        public void advance(long done, String message) {
            lines.add("advance " + done + " " + message);
        }

        @Override
        public void note(String line) {
            lines.add("note " + line);
        }

        @Override
        public void close() {
            lines.add("close");
        }
    }
}
