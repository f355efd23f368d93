package dev.sluice.actors.system;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.actors.node.SluiceProcess;
import dev.sluice.config.DeploymentSettings;
import dev.sluice.protocol.ExperimentStatus;
import dev.sluice.protocol.ExperimentStatus.State;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.ExperimentsMessage;
import dev.sluice.protocol.message.ExperimentsReply;
import dev.sluice.runtime.network.TorchNetworks;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Predicate;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.typed.ClusterSingleton;
import org.apache.pekko.cluster.typed.ClusterSingletonSettings;
import org.apache.pekko.cluster.typed.SingletonActor;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The keeper of experiments breaks in the middle of a run of a whole node. */
@Timeout(300)
class KeeperRestartIT {
    private static final Path HOME = Path.of(System.getProperty("sluice.home"));
    private static final String EXPERIMENT = """
            include classpath("experiments/quick.conf")
            experiment { name = kept, cycles = [2000, 2000], snapshot-every = 0, grid-samples = 0 }
            checkpoint.every = 5
            """;

    @TempDir
    Path folder;

    private static ExperimentsReply ask(
            SluiceProcess process,
            ActorRef<ExperimentsMessage> keeper,
            Function<ActorRef<ExperimentsReply>, ExperimentsMessage> question) {
        return AskPattern.<ExperimentsMessage, ExperimentsReply>ask(
                        keeper,
                        question::apply,
                        Duration.ofSeconds(15),
                        process.system().scheduler())
                .toCompletableFuture()
                .orTimeout(20, TimeUnit.SECONDS)
                .join();
    }

    private static ExperimentStatus await(
            SluiceProcess process, ActorRef<ExperimentsMessage> keeper, Predicate<ExperimentStatus> wanted) {
        return Awaitility.await()
                .atMost(Duration.ofSeconds(90))
                .pollInterval(Duration.ofMillis(200))
                .until(
                        () -> ((ExperimentsReply.Experiments) ask(process, keeper, ExperimentsMessage.GetAll::new))
                                .all()
                                .get(0),
                        wanted);
    }

    @Test
    void theRunGoesOnFromItsLastCheckpoint() {
        DeploymentSettings settings = DeploymentSettings.load(
                "one-process", List.of("serving.port=0", "node.runs=" + folder.resolve("runs")), HOME);
        try (SluiceProcess process = SluiceProcess.startNode(
                settings,
                Map.of("cpu", TorchNetworks.on("cpu", settings.engine().threads())),
                HOME)) {
            ActorRef<ExperimentsMessage> keeper = ClusterSingleton.get(process.system())
                    .init(SingletonActor.of(Behaviors.<ExperimentsMessage>empty(), "experiments")
                            .withSettings(ClusterSingletonSettings.create(process.system())
                                    .withRole(Role.CONTROL.key())));
            assertThat(ask(process, keeper, replyTo -> new ExperimentsMessage.Submit(EXPERIMENT, replyTo)))
                    .isInstanceOf(ExperimentsReply.Experiments.class);
            ExperimentStatus before =
                    await(process, keeper, status -> status.state() == State.TRAINING && status.cycle() > 10);

            // There is nobody to answer.
            keeper.tell(new ExperimentsMessage.GetAll(null));

            ExperimentStatus after = await(
                    process,
                    keeper,
                    status -> status.epoch() > before.epoch()
                            && status.state() == State.TRAINING
                            && status.cycle() > before.cycle() + 5);
            assertThat(after.run()).isEqualTo(before.run());
        }
    }
}
