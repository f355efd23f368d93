package dev.sluice.actors.experiments;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.config.DeploymentSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.ExperimentStatus;
import dev.sluice.protocol.ExperimentStatus.State;
import dev.sluice.protocol.message.ExperimentsMessage;
import dev.sluice.protocol.message.ExperimentsReply;
import dev.sluice.protocol.message.FilesMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.ManualTime;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs that another control node began, and is gone. */
class ExperimentsTest {
    private static final Path TEACHER = Path.of(System.getProperty("sluice.home"), "teachers", "fashion.pt");

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
                "one-process", List.of("node.runs=" + folder.resolve("runs"), "engine.threads=" + threads), folder);
    }

    private Path begun(int threads) throws IOException {
        String text = "include classpath(\"experiments/quick.conf\"), experiment.teacher = \"" + teacher + '"';
        return new SubmittedRuns(folder.resolve("runs"))
                .make(Settings.submitted(text, node(threads), folder))
                .root();
    }

    private ActorRef<ExperimentsMessage> experiments(int threads) {
        TestProbe<FilesMessage> files = kit.createTestProbe();
        return kit.spawn(
                Experiments.create(node(threads), folder, Courier.inThisJvm(), files.getRef()),
                DispatcherSelector.blocking());
    }

    private ExperimentStatus status(ActorRef<ExperimentsMessage> experiments) {
        TestProbe<ExperimentsReply> client = kit.createTestProbe();
        experiments.tell(new ExperimentsMessage.GetAll(client.getRef()));
        List<ExperimentStatus> all = client.expectMessageClass(
                        ExperimentsReply.Experiments.class, Duration.ofSeconds(10))
                .all();
        assertThat(all).hasSize(1);
        return all.get(0);
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

        ExperimentStatus status = status(experiments(2));

        assertThat(status.message()).isEmpty();
        assertThat(status.state()).isEqualTo(State.WAITING);
        assertThat(isTaken(run)).isTrue();
    }

    @Test
    void sayWhatIsInTheWayAndGoOnWhenItIsMended() throws IOException {
        Path run = begun(2);
        Files.delete(teacher);
        ActorRef<ExperimentsMessage> experiments = experiments(2);

        assertThat(status(experiments).message())
                .startsWith("it cannot go on: ")
                .contains(teacher + " must be a file");
        Files.writeString(teacher, "half of a teacher");
        time.timePasses(Duration.ofSeconds(10));
        assertThat(status(experiments).message())
                .startsWith("it cannot go on: ")
                .contains(teacher.toString());
        assertThat(isTaken(run)).isFalse();
        Files.delete(teacher);
        Files.copy(TEACHER, teacher);
        time.timePasses(Duration.ofSeconds(10));

        assertThat(status(experiments).message()).isEmpty();
        assertThat(isTaken(run)).isTrue();
    }

    @Test
    void oneThatWasCancelledMeanwhileStays() throws IOException {
        Path run = begun(2);
        Files.delete(teacher);
        ActorRef<ExperimentsMessage> experiments = experiments(2);
        ExperimentStatus waiting = status(experiments);
        TestProbe<ExperimentsReply> client = kit.createTestProbe();
        experiments.tell(new ExperimentsMessage.Cancel(waiting.name(), client.getRef()));
        client.expectMessageClass(ExperimentsReply.Experiments.class);
        Files.copy(TEACHER, teacher);
        time.timePasses(Duration.ofSeconds(10));

        assertThat(status(experiments).state()).isEqualTo(State.CANCELLED);
        assertThat(isTaken(run)).isFalse();
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
}
