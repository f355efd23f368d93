package dev.sluice.actors.experiments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.config.BadSettings;
import dev.sluice.config.DeploymentSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.run.BadRunFolder;
import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.ExperimentStatus;
import dev.sluice.protocol.ExperimentStatus.State;
import dev.sluice.protocol.event.RunEvent;
import dev.sluice.protocol.message.ExperimentsMessage;
import dev.sluice.protocol.message.ExperimentsReply;
import dev.sluice.protocol.message.FilesMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.apache.pekko.actor.ActorRefWithCell;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.ManualTime;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs that another control node began, and is gone. */
class ExperimentsTest {
    private static final Path TEACHER = Path.of(System.getProperty("sluice.home"), "teachers", "fashion.pt");

    /** The installation; nothing here is below it. */
    private static final Path HOME = Path.of(System.getProperty("sluice.home"));

    @TempDir
    Path folder;

    private ActorTestKit kit;
    private ManualTime time;
    private Path teacher;

    @BeforeEach
    void start() throws IOException {
        kit = ActorTestKit.create(ManualTime.config());
        time = ManualTime.get(kit.system());
        teacher = Files.copy(TEACHER, folder.resolve("teacher.pt"));
    }

    @AfterEach
    void shutDown() {
        kit.shutdownTestKit();
    }

    private DeploymentSettings node(int threads) {
        return DeploymentSettings.load(
                "one-process",
                List.of("node.runs=" + folder.resolve("runs"), "node.trial-within=0s", "engine.threads=" + threads),
                folder);
    }

    private Path begun(int threads) throws IOException {
        return new SubmittedRuns(folder.resolve("runs"))
                .make(Settings.submitted(quick(), node(threads), HOME))
                .root();
    }

    private ActorRef<ExperimentsMessage> experiments(int threads) {
        return experiments(threads, UnaryOperator.identity());
    }

    private ActorRef<ExperimentsMessage> experiments(int threads, UnaryOperator<Executor> readers) {
        TestProbe<FilesMessage> files = kit.createTestProbe();
        return kit.spawn(
                Experiments.create(node(threads), HOME, Courier.inThisJvm(), files.getRef(), readers),
                DispatcherSelector.blocking());
    }

    private List<ExperimentStatus> statuses(ActorRef<ExperimentsMessage> experiments) {
        return statuses(experiments, Duration.ofSeconds(10));
    }

    private List<ExperimentStatus> statuses(ActorRef<ExperimentsMessage> experiments, Duration within) {
        TestProbe<ExperimentsReply> client = kit.createTestProbe();
        experiments.tell(new ExperimentsMessage.GetAll(client.getRef()));
        return client.expectMessageClass(ExperimentsReply.Experiments.class, within)
                .all();
    }

    private ExperimentStatus status(ActorRef<ExperimentsMessage> experiments) {
        List<ExperimentStatus> all = statuses(experiments);
        assertThat(all).hasSize(1);
        return all.get(0);
    }

    private ExperimentStatus await(
            ActorRef<ExperimentsMessage> experiments, String what, Predicate<ExperimentStatus> wanted) {
        return Awaitility.await(what).atMost(Duration.ofSeconds(20)).until(() -> status(experiments), wanted);
    }

    private ExperimentStatus awaitBegun(ActorRef<ExperimentsMessage> experiments) {
        return await(
                experiments,
                "begun",
                status -> status.epoch() > 0 && status.message().isEmpty());
    }

    private ExperimentsReply submit(ActorRef<ExperimentsMessage> experiments, String text) {
        TestProbe<ExperimentsReply> client = kit.createTestProbe();
        experiments.tell(new ExperimentsMessage.Submit(text, client.getRef()));
        return client.receiveMessage(Duration.ofSeconds(10));
    }

    private ExperimentsReply cancel(ActorRef<ExperimentsMessage> experiments, String name) {
        TestProbe<ExperimentsReply> client = kit.createTestProbe();
        experiments.tell(new ExperimentsMessage.Cancel(name, client.getRef()));
        return client.receiveMessage(Duration.ofSeconds(10));
    }

    private String quick() {
        return "include classpath(\"experiments/quick.conf\"), experiment.teacher = \"" + teacher + '"';
    }

    private static boolean isTaken(Path run) throws IOException {
        Path epochs = RunFolder.open(run).epochs();
        if (Files.notExists(epochs)) {
            return false;
        }
        try (Stream<Path> claimed = Files.list(epochs)) {
            return claimed.findAny().isPresent();
        }
    }

    @Test
    void goOnAtANodeWithAnotherNumberOfProcessors() throws IOException {
        Path run = begun(3);

        ExperimentStatus status = awaitBegun(experiments(2));

        assertThat(status.state()).isEqualTo(State.WAITING);
        assertThat(isTaken(run)).isTrue();
    }

    @Test
    void sayWhatIsInTheWayAndGoOnWhenItIsMended() throws IOException {
        Path run = begun(2);
        Files.delete(teacher);
        ActorRef<ExperimentsMessage> experiments = experiments(2);

        await(
                experiments,
                "the missing teacher",
                status -> status.message().startsWith("it cannot go on: ")
                        && status.message().contains(teacher + " must be a file"));
        Files.writeString(teacher, "half of a teacher");
        time.timePasses(Duration.ofSeconds(10));
        await(experiments, "the broken teacher", status -> status.message()
                .startsWith("it cannot go on: " + teacher + ": torn"));
        assertThat(isTaken(run)).isFalse();
        Files.delete(teacher);
        Files.copy(TEACHER, teacher);
        time.timePasses(Duration.ofSeconds(10));

        awaitBegun(experiments);
        assertThat(isTaken(run)).isTrue();
    }

    @Test
    void oneThatCannotGoOnAndIsCancelledStaysSoAfterARestart() throws IOException {
        Path run = begun(2);
        Files.delete(teacher);
        ActorRef<ExperimentsMessage> experiments = experiments(2);
        ExperimentStatus waiting =
                await(experiments, "cannot go on", status -> status.message().startsWith("it cannot go on"));
        assertThat(cancel(experiments, waiting.name())).isInstanceOf(ExperimentsReply.Experiments.class);
        Files.copy(TEACHER, teacher);
        time.timePasses(Duration.ofSeconds(10));

        assertThat(status(experiments).state()).isEqualTo(State.CANCELLED);
        assertThat(isTaken(run)).isFalse();
        kit.stop(experiments);
        assertThat(status(experiments(2)).state()).isEqualTo(State.CANCELLED);
    }

    @Test
    void aFolderThatCannotBeReadIsNamed() throws IOException {
        Path run = begun(2);
        Files.writeString(RunFolder.open(run).config(), "experiment {");

        ExperimentStatus status = status(experiments(2));

        assertThat(status.name()).isEqualTo(run.getFileName().toString());
        assertThat(status.state()).isEqualTo(State.FAILED);
        assertThat(status.message()).startsWith("its folder cannot be read: ");
    }

    @Test
    void oneFolderThatBreaksItsReaderHoldsUpNoOther() throws IOException {
        Path broken = begun(2);
        Files.writeString(RunFolder.open(broken).config(), "{a:".repeat(100_000));
        begun(2);

        ActorRef<ExperimentsMessage> experiments = experiments(2);

        assertThat(statuses(experiments)).hasSize(2).anySatisfy(status -> {
            assertThat(status.run()).isEqualTo(broken.toString());
            assertThat(status.message()).contains("it is nested too deep");
        });
        Awaitility.await().atMost(Duration.ofSeconds(20)).until(() -> statuses(experiments), all -> all.stream()
                .anyMatch(status -> status.epoch() > 0));
    }

    /** As a disk that does not answer. */
    @Test
    void oneFolderThatIsNeverReadHoldsUpNoOtherAndIsTakenUpWhenItIs() throws Exception {
        // The older, and so read first.
        Files.setLastModifiedTime(begun(2).resolve(".submitted"), FileTime.fromMillis(0));
        AtomicReference<Runnable> unanswered = new AtomicReference<>();
        UnaryOperator<Executor> slow = threads -> read -> {
            if (!unanswered.compareAndSet(null, read)) {
                threads.execute(read);
            }
        };
        Path other = new SubmittedRuns(folder.resolve("runs"))
                .make(Settings.submitted(quick() + ", experiment.name = other", node(2), HOME))
                .root();
        ActorRef<ExperimentsMessage> experiments = experiments(2, slow);

        Awaitility.await().atMost(Duration.ofSeconds(30)).untilAsserted(() -> {
            time.timePasses(Duration.ofSeconds(5));
            assertThat(statuses(experiments, Duration.ofSeconds(1)))
                    .anyMatch(status -> status.run().equals(other.toString()) && status.epoch() > 0);
        });
        assertThat(statuses(experiments)).hasSize(2).anySatisfy(status -> {
            assertThat(status.name()).isEqualTo("quick-1");
            assertThat(status.message()).isEqualTo("its folder is being read");
        });
        new Thread(unanswered.get(), "the disk answers").start();
        Awaitility.await()
                .atMost(Duration.ofSeconds(20))
                .until(
                        () -> statuses(experiments),
                        all -> all.size() == 2
                                && all.stream().allMatch(status -> status.epoch() > 0)
                                && all.stream().anyMatch(status -> status.name().equals("quick")));
    }

    @Test
    void anExperimentIsAnsweredBeforeItsTeacherIsHashed() {
        ActorRef<ExperimentsMessage> experiments = experiments(2);

        assertThat(submit(experiments, quick())).isInstanceOf(ExperimentsReply.Experiments.class);

        awaitBegun(experiments);
        assertThat(submit(experiments, quick()))
                .isInstanceOfSatisfying(ExperimentsReply.Rejected.class, rejected -> assertThat(rejected.reason())
                        .isEqualTo(ExperimentsReply.Reason.NAME_TAKEN));
    }

    /** As while a large teacher is hashed. */
    @Test
    void whoAsksIsAnsweredWhileASubmissionIsChecked() {
        List<Runnable> unanswered = new CopyOnWriteArrayList<>();
        ActorRef<ExperimentsMessage> experiments = experiments(2, threads -> unanswered::add);
        TestProbe<ExperimentsReply> submitter = kit.createTestProbe();

        experiments.tell(new ExperimentsMessage.Submit(quick(), submitter.getRef()));
        Awaitility.await().atMost(Duration.ofSeconds(10)).until(() -> !unanswered.isEmpty());

        assertThat(statuses(experiments, Duration.ofSeconds(1))).isEmpty();
        submitter.expectNoMessage(Duration.ofMillis(20));
        unanswered.get(0).run();
        assertThat(submitter.receiveMessage(Duration.ofSeconds(10))).isInstanceOf(ExperimentsReply.Experiments.class);
    }

    /** Each ended the keeper, or the process. */
    @Test
    void whateverIsSubmittedIsAnsweredAndNothingElseHappens() {
        ActorRef<ExperimentsMessage> experiments = experiments(2);
        submit(experiments, quick());
        ExperimentStatus before = awaitBegun(experiments);

        for (String text : List.of(
                "serving = ${x}",
                "experiment.timesteps = [null]",
                "{a:".repeat(3000) + '1' + "}".repeat(3000),
                "[".repeat(60_000),
                "a.".repeat(60_000) + "a = 1",
                "\0",
                "")) {
            assertThat(submit(experiments, text))
                    .as(text.substring(0, Math.min(20, text.length())))
                    .isInstanceOfSatisfying(ExperimentsReply.Rejected.class, rejected -> {
                        assertThat(rejected.reason()).isEqualTo(ExperimentsReply.Reason.INVALID);
                        assertThat(rejected.message()).hasSizeLessThanOrEqualTo(BadSettings.MOST_CHARACTERS);
                    });
        }
        assertThat(status(experiments).epoch()).as("not restarted").isEqualTo(before.epoch());
    }

    /** Only that it is a network that fits may be seen from outside. */
    @Test
    void filesThatAreNoTeachersAreRefusedWithTheSameWords() throws Exception {
        ActorRef<ExperimentsMessage> experiments = experiments(2);
        Path pipe = folder.resolve("pipe");
        assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor())
                .isZero();
        Path ofAPipe = Files.writeString(folder.resolve("of-a-pipe"), """
                {"format": "sluice-two-experts", "version": 1, "boundary": 0.5,
                 "high-noise": {"file": "pipe", "sha256": "%1$s", "size": 1},
                 "low-noise": {"file": "pipe", "sha256": "%1$s", "size": 1}}
                """.formatted("0".repeat(64)));
        List<Path> files = List.of(
                folder.resolve("none"),
                folder,
                pipe,
                ofAPipe,
                Path.of("/dev/zero"),
                Files.writeString(folder.resolve("secret"), "{ hunter2"),
                Files.writeString(folder.resolve("text"), "x"));

        for (Path file : files) {
            ExperimentsReply reply = submit(
                    experiments, "include classpath(\"experiments/quick.conf\"), experiment.teacher = \"" + file + '"');

            assertThat(reply)
                    .isInstanceOfSatisfying(ExperimentsReply.Rejected.class, rejected -> assertThat(rejected.message())
                            .isEqualTo(
                                    "the configuration of the submitted experiment cannot be used:\n  - experiment.teacher = "
                                            + file
                                            + " is no teacher that the control node can use: put a network file there that it can"
                                            + " read, or name another; its log says what is wrong with this one"));
        }
    }

    @Test
    void aKeeperThatFailsGoesOnWithItsExperiments() throws IOException {
        ActorRef<ExperimentsMessage> experiments = experiments(2);
        submit(experiments, quick());
        ExperimentStatus before = awaitBegun(experiments);

        for (int times = 1; times <= 3; times++) {
            int epoch = before.epoch() + times;
            breakIt(experiments);
            Awaitility.await().atMost(Duration.ofSeconds(30)).untilAsserted(() -> {
                time.timePasses(Duration.ofSeconds(1));
                assertThat(statuses(experiments, Duration.ofSeconds(1)))
                        .singleElement()
                        .matches(status -> status.epoch() == epoch, "begun again");
            });
        }

        assertThat(status(experiments).run()).isEqualTo(before.run());
        // It holds the folder, once.
        assertThatThrownBy(() -> RunFolder.open(Path.of(before.run())).lock()).isInstanceOf(BadRunFolder.class);
        kit.stop(experiments);
        RunFolder.open(Path.of(before.run())).lock().close();
    }

    /** There is nobody to answer. */
    private static void breakIt(ActorRef<ExperimentsMessage> experiments) {
        experiments.tell(new ExperimentsMessage.GetAll(null));
    }

    @Test
    void oneThatIsCancelledAndSubmittedAgainAtOnceIsTakenUpOnce() throws IOException {
        ActorRef<ExperimentsMessage> experiments = experiments(2);
        submit(experiments, quick());
        ExperimentStatus first = awaitBegun(experiments);
        TestProbe<ExperimentsReply> client = kit.createTestProbe();

        experiments.tell(new ExperimentsMessage.Cancel(first.name(), client.getRef()));
        experiments.tell(new ExperimentsMessage.Submit(quick(), client.getRef()));
        client.expectMessageClass(ExperimentsReply.Experiments.class, Duration.ofSeconds(10));
        client.expectMessageClass(ExperimentsReply.Experiments.class, Duration.ofSeconds(10));
        ExperimentStatus second =
                await(experiments, "the second", status -> !status.run().equals(first.run()) && status.epoch() > 0);
        kit.stop(experiments);
        ActorRef<ExperimentsMessage> next = experiments(2);

        assertThat(await(next, "goes on", status -> status.epoch() > second.epoch())
                        .run())
                .isEqualTo(second.run());
        RunFolder.open(Path.of(first.run())).lock().close();
    }

    @Test
    void aFinishedRunThatIsNoLongerServedIsFinished() throws IOException {
        RunFolder run = RunFolder.open(begun(2));
        try (EventLog log = new EventLog(run.events(), Clock.systemUTC())) {
            log.append(new RunEvent.RunFinished(1, 3));
            log.append(new RunEvent.RunCancelled(1));
        }

        assertThat(status(experiments(2)).state()).isEqualTo(State.FINISHED);
    }

    @Test
    void nothingIsLeftOfARunThatWasForgotten() {
        ActorRef<ExperimentsMessage> experiments = experiments(2);
        for (int times = 0; times < 3; times++) {
            submit(experiments, quick());
            ExperimentStatus begun = awaitBegun(experiments);
            cancel(experiments, begun.name());
            time.timePasses(Duration.ofSeconds(3));
        }
        submit(experiments, quick());
        awaitBegun(experiments);
        time.timePasses(Duration.ofSeconds(3));

        Awaitility.await().atMost(Duration.ofSeconds(20)).untilAsserted(() -> {
            time.timePasses(Duration.ofSeconds(3));
            assertThat(children(experiments)).as("of the last one").isEqualTo(4);
        });
    }

    private static int children(ActorRef<ExperimentsMessage> experiments) {
        var cell = (ActorRefWithCell) Adapter.toClassic(experiments);
        return cell.underlying().childrenRefs().children().size();
    }
}
