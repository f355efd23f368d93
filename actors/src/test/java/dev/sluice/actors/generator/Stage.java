package dev.sluice.actors.generator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.fake.LinearNetworks;
import dev.sluice.actors.fake.SmallRun;
import dev.sluice.protocol.CriticReport;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.protocol.message.TeacherMessage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;

/** One generator expert on fake networks, among partners that the test plays. */
final class Stage {
    static final CriticReport REPORT = new CriticReport(List.of(0.25, 0.5), 0.125, 0);

    final LinearNetworks networks = new LinearNetworks();
    final ExpertRef teacherFile = networks.file("teacher", SmallRun.CARD, 0.5, -0.25, 0.125);
    final TestProbe<SupervisorMessage> supervisor;
    final TestProbe<CriticMessage> critic;
    final List<TestProbe<TeacherMessage>> teachers;
    final ActorRef<GeneratorMessage> generator;
    private final ActorTestKit kit;

    Stage(ActorTestKit kit) {
        this(kit, SmallRun.WORK_WITHIN);
    }

    Stage(ActorTestKit kit, Duration workWithin) {
        this(kit, workWithin, Courier.inThisJvm());
    }

    Stage(ActorTestKit kit, Duration workWithin, Courier courier) {
        this.kit = kit;
        this.supervisor = kit.createTestProbe();
        this.critic = kit.createTestProbe();
        this.teachers = List.of(kit.createTestProbe(), kit.createTestProbe());
        this.generator = kit.spawn(GeneratorExpert.create(SmallRun.place(networks, workWithin, courier)));
    }

    GeneratorMessage.BeginPhase begin(int epoch, int phase, Recipe recipe, ExpertRef... frozen) {
        return new GeneratorMessage.BeginPhase(
                epoch,
                phase,
                SmallRun.PLAN,
                recipe,
                teacherFile,
                List.of(frozen),
                Optional.empty(),
                critic.getRef(),
                supervisor.getRef());
    }

    /** Begins phase 1 of epoch 1 and waits until it is loaded. */
    void ready(Recipe recipe) {
        generator.tell(begin(1, 1, recipe));
        expectReady(1, 1);
        useTeachers(1);
    }

    void useTeachers(int epoch) {
        generator.tell(new GeneratorMessage.UseTeachers(
                epoch, teachers.stream().map(TestProbe::getRef).toList()));
    }

    void expectReady(int epoch, int phase) {
        supervisor.expectMessage(new SupervisorMessage.RoleReady(epoch, Role.GENERATOR, phase, generator));
    }

    String expectFailed(int epoch) {
        SupervisorMessage.RoleFailed failed = supervisor.expectMessageClass(SupervisorMessage.RoleFailed.class);
        assertThat(failed.epoch()).isEqualTo(epoch);
        assertThat(failed.role()).isEqualTo(Role.GENERATOR);
        assertThat(failed.actor()).isEqualTo(generator);
        return failed.cause();
    }

    void run(int cycles) {
        generator.tell(new GeneratorMessage.Run(1, 1, cycles));
    }

    /** The K batches of a cycle as the critic gets them and the one that a teacher gets. */
    NoisySamples expectCycle(int cycle) {
        for (int update = 0; update < SmallRun.CRITIC_UPDATES; update++) {
            CriticMessage.Samples samples = critic.expectMessageClass(CriticMessage.Samples.class);
            assertThat(List.of(samples.epoch(), samples.phase(), samples.cycle(), samples.update()))
                    .isEqualTo(List.of(1, 1, cycle, update));
        }
        return expectScore(cycle).noisy();
    }

    TeacherMessage.Score expectScore(int cycle) {
        TeacherMessage.Score score =
                teachers.get(cycle % teachers.size()).expectMessageClass(TeacherMessage.Score.class);
        assertThat(List.of(score.epoch(), score.phase(), score.cycle())).isEqualTo(List.of(1, 1, cycle));
        return score;
    }

    /** A gradient that no other cycle has. */
    static Tensor gradient(int cycle) {
        float[] values = new float[SmallRun.BATCH * 2];
        for (int i = 0; i < values.length; i++) {
            values[i] = 0.5f * (i + 1) - cycle;
        }
        return Tensor.owning(values, SmallRun.BATCH, 2);
    }

    void answer(int cycle) {
        answer(1, 1, cycle, gradient(cycle));
    }

    void answer(int epoch, int phase, int cycle, Tensor gradient) {
        generator.tell(new GeneratorMessage.Gradient(epoch, phase, cycle, gradient, REPORT));
    }

    SupervisorMessage.CycleCommitted expectCommitted(int cycle) {
        SupervisorMessage.CycleCommitted committed =
                supervisor.expectMessageClass(SupervisorMessage.CycleCommitted.class);
        assertThat(List.of(
                        committed.epoch(),
                        committed.report().phase(),
                        committed.report().cycle()))
                .isEqualTo(List.of(1, 1, cycle));
        return committed;
    }

    /** Everything that was told to the controller before this has been handled after it. */
    void settle(int epoch, int phase, Recipe recipe, ExpertRef... frozen) {
        generator.tell(begin(epoch, phase, recipe, frozen));
        expectReady(epoch, phase);
    }

    /** Nothing more is on its way to critic or teachers; call it when workbench or controller have answered since. */
    void expectNothingForwarded() {
        critic.expectNoMessage(Duration.ofMillis(20));
        teachers.forEach(teacher -> teacher.expectNoMessage(Duration.ofMillis(1)));
    }

    ExpertRef publish(Path file) {
        generator.tell(new GeneratorMessage.Publish(1, 1, file.toString()));
        SupervisorMessage.ExpertPublished published =
                supervisor.expectMessageClass(SupervisorMessage.ExpertPublished.class);
        assertThat(List.of(published.epoch(), published.phase())).isEqualTo(List.of(1, 1));
        return published.expert();
    }

    /** Stops the generator; nothing that it opened may be left then. */
    void stop() {
        networks.mend();
        kit.stop(generator, Duration.ofSeconds(10));
        assertThat(networks.left()).as("networks left open").isZero();
        assertThat(networks.graphsLeft()).as("graphs left").isZero();
    }
}
