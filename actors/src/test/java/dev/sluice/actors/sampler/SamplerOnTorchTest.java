package dev.sluice.actors.sampler;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.workbench.Workplace;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe.Schedule;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.GenerationReply;
import dev.sluice.protocol.message.GenerationReply.Generated;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.protocol.message.SupervisorMessage.RoleReady;
import dev.sluice.protocol.message.SupervisorMessage.SwapDone;
import dev.sluice.protocol.message.SupervisorMessage.SwapRefused;
import dev.sluice.runtime.network.Architecture;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.TorchNetworks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The sampler on real files, libtorch and the pinned thread that it has in a node. */
class SamplerOnTorchTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final List<String> CLASSES = List.of("a", "b");
    private static final PhasePlan PHASES = new PhasePlan(List.of(1.0, 0.75, 0.5, 0.0), List.of(0.5, 0.0));

    @TempDir
    Path store;

    private ExpertRef file(String version, NetworkCard card, long seed) throws IOException {
        Path file = store.resolve(version + ".pt");
        NetworkFile.create(file, new Architecture.VelocityMlp(64, 3), card, seed);
        return NetworkFile.reference(version, file);
    }

    @Test
    void aSeedIsTheSameSampleInAnyBatchAndTheFilesAreCheckedBeforeTheyServe() throws IOException {
        NetworkCard card = new NetworkCard(List.of(2), CLASSES, Schedule.RECTIFIED_FLOW, 0, List.of(), Map.of());
        ExpertRef teacher = file("teacher", card, 1);
        ExpertRef first = file("phase-1", card.ofExpert(1, PHASES.phase(1).timesteps(), Map.of()), 2);
        ExpertRef second = file("phase-2", card.ofExpert(2, PHASES.phase(2).timesteps(), Map.of()), 3);
        Files.write(Path.of(second.path()), new byte[] {1, 2, 3});
        ActorTestKit kit = ActorTestKit.create(
                "torch",
                ConfigFactory.parseResources("pekko-node.conf")
                        .withOnlyPath("sluice")
                        .withFallback(ConfigFactory.load()));
        try {
            TestProbe<SupervisorMessage> supervisor = kit.createTestProbe();
            TestProbe<GenerationReply> client = kit.createTestProbe();
            ActorRef<SamplerMessage> sampler = kit.spawn(Sampler.create(
                    Bench.SETTINGS,
                    new Workplace(
                            TorchNetworks.on("cpu", 1),
                            DispatcherSelector.fromConfig("sluice.pinned"),
                            PATIENCE,
                            Courier.inThisJvm())));
            sampler.tell(new SamplerMessage.Serve(
                    1,
                    new ModelCard("toy", List.of(2), CLASSES),
                    PHASES,
                    Schedule.RECTIFIED_FLOW,
                    teacher,
                    10,
                    2,
                    supervisor.getRef(),
                    Optional.empty()));
            supervisor.expectMessage(PATIENCE, new RoleReady(1, Role.SAMPLER, 0, sampler));

            sampler.tell(new SamplerMessage.SwapExpert(1, first, supervisor.getRef()));
            assertThat(supervisor.expectMessageClass(SwapDone.class, PATIENCE).expert())
                    .isEqualTo(first);
            sampler.tell(new SamplerMessage.SwapExpert(2, second, supervisor.getRef()));
            assertThat(supervisor
                            .expectMessageClass(SwapRefused.class, PATIENCE)
                            .reason())
                    .contains("not the file that phase-2 names: its SHA-256 is");

            Generated alone = generate(sampler, client, 7);
            Generated together = generate(sampler, client, 5, 7, 9);
            assertThat(together.modelVersion()).isEqualTo("toy@phase-1+teacher");
            assertThat(alone.samples().isFinite()).isTrue();
            assertThat(distance(alone.samples(), together.samples().rows(1, 2)))
                    .as("kernels may differ by batch size; nothing else may")
                    .isLessThan(1e-5);
            assertThat(distance(alone.samples(), together.samples().rows(0, 1))).isGreaterThan(0.01);
            assertThat(generate(sampler, client, 7).samples()).isEqualTo(alone.samples());
        } finally {
            kit.shutdownTestKit();
        }
    }

    private static Generated generate(
            ActorRef<SamplerMessage> sampler, TestProbe<GenerationReply> client, long... seeds) {
        List<Long> all = Arrays.stream(seeds).boxed().toList();
        sampler.tell(new SamplerMessage.Generate("request", all, 1, PATIENCE.toMillis(), client.getRef()));
        return client.expectMessageClass(Generated.class, PATIENCE);
    }

    private static double distance(Tensor a, Tensor b) {
        double most = 0;
        for (int i = 0; i < a.size(); i++) {
            most = Math.max(most, Math.abs(a.floatAt(i) - b.floatAt(i)));
        }
        return most;
    }
}
