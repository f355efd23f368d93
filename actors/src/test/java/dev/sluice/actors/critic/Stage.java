package dev.sluice.actors.critic;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.fake.LinearNetworks;
import dev.sluice.actors.fake.SmallRun;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.runtime.distillation.CriticTraining;
import dev.sluice.runtime.distillation.PhaseSetting;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;

/** One fake-score critic on fake networks, among partners that the test plays. */
final class Stage {
    private static final Tensor LABELS = Tensor.of(new long[] {0, 1, 1}, SmallRun.BATCH);

    final LinearNetworks networks = new LinearNetworks();
    final ExpertRef teacherFile = networks.file("teacher", SmallRun.CARD, 0.5, -0.25, 0.125);
    final TestProbe<SupervisorMessage> supervisor;
    final TestProbe<GeneratorMessage> generator;
    final TestProbe<RecorderMessage> recorder;
    final ActorRef<CriticMessage> critic;
    private final ActorTestKit kit;

    Stage(ActorTestKit kit) {
        this(kit, Courier.inThisJvm());
    }

    Stage(ActorTestKit kit, Courier courier) {
        this.kit = kit;
        this.supervisor = kit.createTestProbe();
        this.generator = kit.createTestProbe();
        this.recorder = kit.createTestProbe();
        this.critic = kit.spawn(FakeScoreCritic.create(SmallRun.place(networks, SmallRun.WORK_WITHIN, courier)));
    }

    CriticMessage.BeginPhase begin(int epoch, int phase, Recipe recipe, int snapshotEvery) {
        return new CriticMessage.BeginPhase(
                epoch,
                phase,
                SmallRun.PLAN,
                recipe,
                teacherFile,
                Optional.empty(),
                snapshotEvery,
                generator.getRef(),
                recorder.getRef(),
                supervisor.getRef());
    }

    /** Begins phase 1 of this epoch at staleness 0 and waits until it is loaded. */
    void ready(int epoch) {
        ready(epoch, SmallRun.RECIPE);
    }

    void ready(int epoch, Recipe recipe) {
        critic.tell(begin(epoch, 1, recipe, 0));
        expectReady(epoch, 1);
    }

    void expectReady(int epoch, int phase) {
        supervisor.expectMessage(new SupervisorMessage.RoleReady(epoch, Role.CRITIC, phase, critic));
    }

    String expectFailed(int epoch) {
        SupervisorMessage.RoleFailed failed = supervisor.expectMessageClass(SupervisorMessage.RoleFailed.class);
        assertThat(failed.epoch()).isEqualTo(epoch);
        assertThat(failed.role()).isEqualTo(Role.CRITIC);
        return failed.cause();
    }

    /** Batch {@code update} of a cycle; no other is like it. */
    static CriticMessage.Samples samples(int epoch, int phase, int cycle, int update) {
        return new CriticMessage.Samples(epoch, phase, cycle, update, values(1 + 10 * cycle + update), LABELS);
    }

    static CriticMessage.Samples samples(int cycle, int update) {
        return samples(1, 1, cycle, update);
    }

    /** The batch of a cycle that is scored, with a teacher's word on it; no other is like it. */
    static CriticMessage.ScoredSamples scored(int epoch, int phase, int cycle) {
        NoisySamples noisy = new NoisySamples(
                values(2 + cycle),
                values(3 + cycle),
                values(4 + cycle),
                Tensor.of(new double[] {0.6, 0.75, 0.9}, SmallRun.BATCH),
                LABELS);
        return new CriticMessage.ScoredSamples(epoch, phase, cycle, noisy, values(5 + cycle));
    }

    static CriticMessage.ScoredSamples scored(int cycle) {
        return scored(1, 1, cycle);
    }

    private static Tensor values(int like) {
        float[] values = new float[SmallRun.BATCH * 2];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) Math.sin(like + 0.7 * i);
        }
        return Tensor.owning(values, SmallRun.BATCH, 2);
    }

    /** All of a cycle in the order that counts. */
    void tellCycle(int cycle) {
        for (int update = 0; update < SmallRun.CRITIC_UPDATES; update++) {
            critic.tell(samples(cycle, update));
        }
        critic.tell(scored(cycle));
    }

    /** What a critic of one thread answers to these cycles. */
    List<GeneratorMessage.Gradient> plain(int epoch, int cycles) {
        PhaseSetting setting = new PhaseSetting(SmallRun.PLAN, 1, SmallRun.RECIPE);
        List<GeneratorMessage.Gradient> answers = new ArrayList<>();
        try (CriticTraining training = new CriticTraining(setting, networks, teacherFile, Optional.empty())) {
            for (int cycle = 0; cycle < cycles; cycle++) {
                for (int update = 0; update < SmallRun.CRITIC_UPDATES; update++) {
                    CriticMessage.Samples batch = samples(cycle, update);
                    training.train(cycle, update, batch.xS(), batch.labels());
                }
                CriticMessage.ScoredSamples last = scored(cycle);
                CriticTraining.Scored result = training.score(last.noisy(), last.teacherVelocity());
                answers.add(new GeneratorMessage.Gradient(epoch, 1, cycle, result.gradient(), result.report()));
            }
        }
        return answers;
    }

    /** Everything that was told to the controller before this has been handled after it. */
    void settle(int epoch) {
        critic.tell(begin(epoch, 1, SmallRun.RECIPE, 0));
        expectReady(epoch, 1);
    }

    void expectNoGradient() {
        generator.expectNoMessage(Duration.ofMillis(20));
    }

    /** Stops the critic; nothing that it opened may be left then. */
    void stop() {
        networks.mend();
        kit.stop(critic, Duration.ofSeconds(10));
        assertThat(networks.left()).as("networks left open").isZero();
        assertThat(networks.graphsLeft()).as("graphs left").isZero();
    }
}
