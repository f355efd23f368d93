package dev.sluice.actors.experiments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.config.DeploymentSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.ExperimentStatus;
import dev.sluice.protocol.ExperimentStatus.State;
import dev.sluice.protocol.message.ExperimentsMessage;
import dev.sluice.protocol.message.ExperimentsReply;
import dev.sluice.protocol.message.FilesMessage;
import dev.sluice.runtime.checkpoint.Deaths;
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

/** Runs that the control node's process died with, over and over. */
class KilledRunsTest {
    private static final Path TEACHER = Path.of(System.getProperty("sluice.home"), "teachers", "fashion.pt");
    private static final int MOST = 2;

    @TempDir
    Path folder;

    private ActorTestKit kit;

    @BeforeEach
    void start() {
        kit = ActorTestKit.create(ManualTime.config());
    }

    @AfterEach
    void shutDown() {
        kit.shutdownTestKit();
    }

    private DeploymentSettings node() {
        return DeploymentSettings.load(
                "one-process",
                List.of("node.runs=" + folder.resolve("runs"), "node.trial-within=0s", "engine.threads=2"),
                folder);
    }

    private RunFolder begun() throws IOException {
        String text = "include classpath(\"experiments/quick.conf\"), experiment.teacher = \"" + TEACHER
                + "\", supervision.restarts = " + MOST;
        return new SubmittedRuns(folder.resolve("runs")).make(Settings.submitted(text, node(), folder));
    }

    private ActorRef<ExperimentsMessage> experiments() {
        TestProbe<FilesMessage> files = kit.createTestProbe();
        return kit.spawn(
                Experiments.create(node(), folder, Courier.inThisJvm(), files.getRef()), DispatcherSelector.blocking());
    }

    private ExperimentStatus status(ActorRef<ExperimentsMessage> experiments) {
        TestProbe<ExperimentsReply> client = kit.createTestProbe();
        experiments.tell(new ExperimentsMessage.GetAll(client.getRef()));
        return client.expectMessageClass(ExperimentsReply.Experiments.class, Duration.ofSeconds(10))
                .all()
                .get(0);
    }

    private static long epochs(RunFolder run) throws IOException {
        try (Stream<Path> claimed = Files.list(run.epochs())) {
            return claimed.count();
        }
    }

    @Test
    void areTakenUpUntilTheCapAndThenFailedForGood() throws IOException {
        RunFolder run = begun();
        Deaths deaths = new Deaths(run.deaths());
        for (int i = 0; i < MOST; i++) {
            deaths.begin(MOST);
        }
        ActorRef<ExperimentsMessage> again = experiments();
        await().untilAsserted(
                        () -> assertThat(deaths.file()).content().contains("\"deaths\":" + MOST, "\"underWay\":true"));
        assertThat(status(again).state()).isEqualTo(State.WAITING);
        kit.stop(again, Duration.ofSeconds(10));
        await().untilAsserted(() -> assertThat(deaths.file()).content().contains("\"underWay\":false"));
        assertThat(deaths.begin(MOST).times())
                .as("a keeper that ends in order adds none")
                .isEqualTo(MOST);

        ActorRef<ExperimentsMessage> keeper = experiments();
        await().untilAsserted(() -> {
            // It looks again for runs whose lock another had.
            ManualTime.get(kit.system()).timePasses(Duration.ofSeconds(1));
            assertThat(status(keeper).state()).isEqualTo(State.FAILED);
        });
        assertThat(status(keeper).message()).startsWith("the process died 3 times with no checkpoint kept between");
        await().untilAsserted(() ->
                assertThat(run.events()).content().contains("\"run-failed\"", "the process died 3 times"));
        kit.stop(keeper, Duration.ofSeconds(10));
        long claimed = epochs(run);

        ExperimentStatus after = status(experiments());
        assertThat(after.state()).isEqualTo(State.FAILED);
        assertThat(after.message()).startsWith("the process died 3 times");
        assertThat(epochs(run)).isEqualTo(claimed);
    }
}
