package dev.sluice.actors.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.actors.fake.SmallRun;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.FilesMessage;
import dev.sluice.runtime.checkpoint.CheckpointException;
import dev.sluice.runtime.checkpoint.StateFile;
import dev.sluice.runtime.distillation.CriticTraining;
import dev.sluice.runtime.distillation.GeneratorTraining;
import dev.sluice.runtime.distillation.PhaseSetting;
import dev.sluice.runtime.network.Architecture;
import dev.sluice.runtime.network.Network;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.NetworkFileException;
import dev.sluice.runtime.network.Networks;
import dev.sluice.runtime.network.StoredNetworks;
import dev.sluice.runtime.network.TorchNetworks;
import dev.sluice.runtime.network.TwoExpertsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Trainers on a node without the store, under a teacher of two experts: they notice nothing of it. */
class StreamedTrainingTest {
    private static final PhaseSetting SETTING = new PhaseSetting(SmallRun.PLAN, 1, SmallRun.RECIPE);

    @TempDir
    Path folder;

    private final Networks torch = TorchNetworks.on("cpu", 1);
    private TwoNodes nodes;
    private ExpertRef teacher;

    @BeforeEach
    void start() throws IOException {
        nodes = new TwoNodes(folder);
        Path teachers = Files.createDirectories(folder.resolve("control/teachers/parts"))
                .getParent();
        Path high = teachers.resolve("parts/high.pt");
        Path low = teachers.resolve("parts/low.pt");
        NetworkFile.create(high, new Architecture.VelocityMlp(16, 2), SmallRun.CARD, 1);
        NetworkFile.create(low, new Architecture.VelocityMlp(16, 2), SmallRun.CARD, 2);
        Path both = teachers.resolve("both.json");
        TwoExpertsFile.join(both, 0.5, high, low);
        teacher = NetworkFile.reference("teacher", both);
        ActorRef<FilesMessage> server = nodes.serve();
        server.tell(new FileServer.ServeTeacher(both));
    }

    @AfterEach
    void stop() {
        nodes.close();
    }

    private record Pair(GeneratorTraining generator, CriticTraining critic, Network teacher) implements AutoCloseable {
        void run(int from, int to) {
            for (int cycle = from; cycle < to; cycle++) {
                for (int update = 0; update < SmallRun.CRITIC_UPDATES; update++) {
                    GeneratorTraining.Samples samples = generator.rollOut(cycle, update);
                    critic.train(cycle, update, samples.xS(), samples.labels());
                }
                NoisySamples noisy = generator.rollOutScored(cycle);
                Tensor velocity = teacher.velocity(noisy.xT(), noisy.t(), noisy.labels());
                generator.step(cycle, critic.score(noisy, velocity).gradient());
            }
        }

        @Override
        public void close() {
            teacher.close();
            critic.close();
            generator.close();
        }
    }

    private Pair pair(Networks networks, Optional<StateRef> generator, Optional<StateRef> critic) {
        return new Pair(
                new GeneratorTraining(SETTING, networks, teacher, List.of(), generator),
                new CriticTraining(SETTING, networks, teacher, critic),
                networks.open(teacher));
    }

    @Test
    void whatOneNodeSavesAnotherGoesOnFromBitForBit() throws IOException {
        Path checkpoint = nodes.run.resolve("checkpoints/phase-1-cycle-2");
        StateRef generator;
        StateRef critic;
        Map<String, Tensor> undisturbed;
        Map<String, Tensor> undisturbedCritic;
        try (StreamedFiles one = nodes.files();
                Pair pair = pair(new StoredNetworks(torch, one), Optional.empty(), Optional.empty())) {
            pair.run(0, 2);
            generator = pair.generator().save(checkpoint.resolve("generator.safetensors"), 2);
            critic = pair.critic().save(checkpoint.resolve("critic.safetensors"), 2);
            pair.run(2, 4);
            undisturbed = pair.generator().weights();
            undisturbedCritic = pair.critic().weights();
        }
        assertThat(generator.path())
                .isEqualTo(checkpoint.resolve("generator.safetensors").toString());
        assertThat(StateFile.read(generator).steps()).isEqualTo(2);

        Path expert = nodes.run.resolve("experts/phase-1.pt");
        ExpertRef published;
        Path other = folder.resolve("another/cache");
        try (StreamedFiles two = StreamedFiles.start(nodes.worker.system(), other, TwoNodes.SETTINGS)) {
            Networks networks = new StoredNetworks(torch, two);
            try (Pair pair = pair(networks, Optional.of(generator), Optional.of(critic))) {
                pair.run(2, 4);
                assertThat(pair.generator().weights()).isEqualTo(undisturbed);
                assertThat(pair.critic().weights()).isEqualTo(undisturbedCritic);
                published = pair.generator().publish(expert, Map.of());
            }
            assertThat(published).isEqualTo(NetworkFile.reference("phase-1", expert));
        }
        try (StreamedFiles one = nodes.files();
                Network served = new StoredNetworks(torch, one).open(published)) {
            assertThat(served.card().phase()).isEqualTo(1);
            assertThat(served.card().provenance()).containsEntry("teacher-sha256", teacher.sha256());
        }
    }

    @Test
    void aTeacherOfTwoExpertsAnswersAsItDoesBesideTheStore() throws IOException {
        Tensor x = Tensor.of(new float[] {0.5f, -1, 2, 0.25f}, 2, 2);
        Tensor t = Tensor.of(new double[] {0.9, 0.1}, 2);
        Tensor labels = Tensor.of(new long[] {0, 1}, 2);
        try (StreamedFiles files = nodes.files();
                Network here = new StoredNetworks(torch, files).open(teacher);
                Network there = torch.open(teacher)) {
            assertThat(here.velocity(x, t, labels)).isEqualTo(there.velocity(x, t, labels));
            assertThat(here.card()).isEqualTo(there.card());
            assertThat(new StoredNetworks(torch, files).expertsOf(teacher)).isEqualTo(torch.expertsOf(teacher));
        }
    }

    @Test
    void whatCannotBeHadIsToldInTheStoresTerms() throws IOException {
        ExpertRef gone = teacher.at(folder.resolve("control/teachers/gone.pt").toString());
        StateRef state = new StateRef(
                dev.sluice.protocol.Role.CRITIC,
                1,
                2,
                "0".repeat(64),
                1,
                nodes.run
                        .resolve("checkpoints/phase-1-cycle-2/critic.safetensors")
                        .toString());
        try (StreamedFiles files = nodes.files()) {
            Networks networks = new StoredNetworks(torch, files);
            assertThatThrownBy(() -> networks.open(gone))
                    .isInstanceOf(NetworkFileException.class)
                    .hasMessageStartingWith(gone.path() + ": cannot be had: cannot fetch " + gone.path());
            assertThatThrownBy(() -> new CriticTraining(SETTING, networks, teacher, Optional.of(state)))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("cannot be had: cannot fetch " + state.path())
                    .hasMessageContaining("there is no such file");
        }
    }
}
