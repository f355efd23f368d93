package dev.sluice.runtime.distillation;

import static dev.sluice.runtime.noise.Noise.Purpose.CRITIC_NOISE;

import dev.sluice.protocol.CriticReport;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.checkpoint.StateFile;
import dev.sluice.runtime.network.Networks;
import dev.sluice.runtime.network.TrainableNetwork;
import dev.sluice.runtime.objective.CriticLoss;
import dev.sluice.runtime.objective.Renoise;
import dev.sluice.runtime.objective.ScoreGradient;
import dev.sluice.runtime.objective.Velocity;
import dev.sluice.runtime.schedule.NoiseSchedule;
import dev.sluice.runtime.store.RunFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The fake score of one phase: learns the generator's distribution on the subinterval, and turns its disagreement with
 * the teacher into the gradient on x_s. Belongs to one thread; owns its network.
 */
public final class CriticTraining implements AutoCloseable {
    private final PhaseSetting setting;
    private final TrainableNetwork fake;
    private final RunFiles files;
    private final List<Double> losses = new ArrayList<>();
    private int skipped;

    /**
     * What a scored batch gives.
     *
     * @param gradient on x_s, float32 [B, …]
     * @param report of the cycle that this batch ends
     * @param fakeVelocity F(x_t, t), float32 [B, …]
     */
    public record Scored(Tensor gradient, CriticReport report, Tensor fakeVelocity) {}

    /**
     * Loads the fake score: the teacher's weights, never the previous phase's, or a saved state of this phase; of a
     * teacher of two experts, those that the phase's re-noise times touch.
     *
     * @param from empty for the phase's beginning
     * @throws dev.sluice.runtime.network.NetworkFileException when the teacher's file is missing, torn or altered
     * @throws dev.sluice.runtime.checkpoint.CheckpointException when the state's is
     */
    public CriticTraining(PhaseSetting setting, Networks networks, ExpertRef teacher, Optional<StateRef> from) {
        this.setting = setting.under(networks.expertsOf(teacher));
        this.files = networks.files();
        this.fake = networks.openForTraining(
                this.setting.fakeStart(teacher), setting.recipe().criticOptimizer(), 0);
        try {
            setting.requireTeacher(fake.card());
            from.ifPresent(ref -> fake.restore(StateFile.read(ref, files)));
        } catch (RuntimeException e) {
            fake.close();
            throw e;
        }
    }

    /**
     * One update on batch {@code update} (0..K−1) of a cycle, Eq 13; left out and counted when it is not finite.
     *
     * @param xS float32 [B, …]
     * @param labels int64 [B]
     */
    public void train(int cycle, int update, Tensor xS, Tensor labels) {
        Recipe recipe = setting.recipe();
        NoiseSchedule schedule = setting.schedule();
        long key = setting.batchKey(cycle, update);
        Tensor t = setting.criticTimes(key);
        Tensor epsilon = setting.noise().gaussian(CRITIC_NOISE, key, xS.shape());
        Tensor xT = Renoise.to(schedule, setting.s(), t, xS, epsilon);
        try (TrainableNetwork.Pass pass = fake.forward(xT, t, labels)) {
            CriticLoss loss = loss(t, pass.velocity(), xS, epsilon);
            boolean stepped = Double.isFinite(loss.value());
            if (stepped) {
                pass.backward(loss.gradient());
                stepped = Double.isFinite(fake.step(recipe.criticOptimizer().learningRate()));
            }
            skipped += stepped ? 0 : 1;
            losses.add(loss.value());
        }
    }

    /** Scores the cycle's last batch and begins a new report. */
    public Scored score(NoisySamples noisy, Tensor teacherVelocity) {
        Recipe recipe = setting.recipe();
        NoiseSchedule schedule = setting.schedule();
        Tensor believed = fake.velocity(noisy.xT(), noisy.t(), noisy.labels());
        Tensor gradient =
                ScoreGradient.of(recipe.normaliser(), schedule, setting.s(), noisy, teacherVelocity, believed);
        CriticReport report = new CriticReport(losses, excess(noisy, teacherVelocity, believed), skipped);
        losses.clear();
        skipped = 0;
        return new Scored(gradient, report, believed);
    }

    /** The fake's loss minus the teacher's on the same batch: the target's own noise is in both. */
    private double excess(NoisySamples noisy, Tensor teacherVelocity, Tensor believed) {
        Tensor epsilon = Renoise.noiseBetween(setting.schedule(), setting.s(), noisy.t(), noisy.xS(), noisy.xT());
        return loss(noisy.t(), believed, noisy.xS(), epsilon).value()
                - loss(noisy.t(), teacherVelocity, noisy.xS(), epsilon).value();
    }

    private CriticLoss loss(Tensor t, Tensor velocity, Tensor xS, Tensor epsilon) {
        Recipe recipe = setting.recipe();
        return recipe.ablation() == Recipe.Ablation.WRONG_TARGET
                ? CriticLoss.plain(velocity, xS, epsilon)
                : CriticLoss.of(recipe.criticWeighting(), setting.schedule(), setting.s(), t, velocity, xS, epsilon);
    }

    /** E[x_0 | x_t] as a velocity has it, for the pictures. */
    public Tensor toData(NoisySamples noisy, Tensor velocity) {
        return Velocity.toData(setting.schedule(), noisy.xT(), noisy.t(), velocity);
    }

    /**
     * Writes everything that this phase goes on from, at a cycle boundary: after a scored batch, before the next update.
     *
     * @param cycle that comes next
     * @throws IllegalStateException in the middle of a cycle
     */
    public StateRef save(Path file, int cycle) throws IOException {
        if (!losses.isEmpty()) {
            throw new IllegalStateException(
                    losses.size() + " updates since the last scored batch: not a cycle boundary");
        }
        return files.write(file, local -> StateFile.write(local, Role.CRITIC, setting.number(), cycle, fake.state()));
    }

    /** The fake's weights, by name. */
    public Map<String, Tensor> weights() {
        return fake.weights();
    }

    @Override
    public void close() {
        fake.close();
    }
}
