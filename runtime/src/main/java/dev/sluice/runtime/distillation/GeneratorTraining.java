package dev.sluice.runtime.distillation;

import static dev.sluice.runtime.noise.Noise.Purpose.ROLLOUT_LABEL;
import static dev.sluice.runtime.noise.Noise.Purpose.ROLLOUT_START;
import static dev.sluice.runtime.noise.Noise.Purpose.ROLLOUT_STEP;
import static dev.sluice.runtime.noise.Noise.Purpose.SCORE_NOISE;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.checkpoint.StateFile;
import dev.sluice.runtime.network.Network;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.Networks;
import dev.sluice.runtime.network.TrainableNetwork;
import dev.sluice.runtime.network.TrainingState;
import dev.sluice.runtime.objective.Renoise;
import dev.sluice.runtime.rollout.Rollout;
import dev.sluice.runtime.store.RunFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The generator expert of one phase: rolls batches out through the frozen experts and itself, and steps on the gradients
 * that come back. Belongs to one thread; owns its networks.
 */
public final class GeneratorTraining implements AutoCloseable {
    private final PhaseSetting setting;
    private final ExpertRef teacher;
    private final List<Network> frozen = new ArrayList<>();
    private final TrainableNetwork generator;
    private final RunFiles files;
    /** Graphs of batches on their way, by cycle; valid while no step has been taken since. */
    private final Map<Integer, Pending> pending = new HashMap<>();

    /** Steps that moved the weights. */
    private long steps;

    private record Pending(Rollout.Walked walked, long atStep) {}

    /** A batch for the critic: x_s float32 [B, …] and labels int64 [B]. */
    public record Samples(Tensor xS, Tensor labels) {}

    /**
     * Loads a phase's networks: the generator starts from the teacher (of two experts, from the phase's own) or goes on
     * from a saved state, the finished experts are frozen.
     *
     * @param experts of the phases before this one, noisiest first
     * @param from empty for the phase's beginning
     * @throws IllegalArgumentException when they are not the plan's, or the teacher's schedule is not the recipe's
     * @throws dev.sluice.runtime.network.NetworkFileException when a file is missing, torn or altered
     * @throws dev.sluice.runtime.checkpoint.CheckpointException when the state's is
     */
    public GeneratorTraining(
            PhaseSetting setting,
            Networks networks,
            ExpertRef teacher,
            List<ExpertRef> experts,
            Optional<StateRef> from) {
        if (experts.size() != setting.number() - 1) {
            throw new IllegalArgumentException(
                    "phase " + setting.number() + " needs the experts before it, got " + experts.size());
        }
        this.setting = setting.under(networks.expertsOf(teacher));
        this.teacher = teacher;
        files = networks.files();
        generator = networks.openForTraining(
                this.setting.generatorStart(teacher),
                setting.recipe().generatorOptimizer(),
                setting.recipe().emaDecay());
        try {
            setting.requireTeacher(generator.card());
            for (ExpertRef expert : experts) {
                frozen.add(networks.open(expert));
                setting.requireExpert(
                        frozen.size(), frozen.get(frozen.size() - 1).card(), generator.card());
            }
            if (from.isPresent()) {
                TrainingState state = StateFile.read(from.get(), files);
                generator.restore(state);
                steps = state.steps();
            }
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /** Batch {@code update} (0..K−1) of a cycle for the critic, rolled out with the weights as they are. */
    public Samples rollOut(int cycle, int update) {
        long key = setting.batchKey(cycle, update);
        Tensor labels = labels(key);
        Tensor x = Rollout.sample(setting.schedule(), generator, path(key), start(key, labels), labels);
        return new Samples(x, labels);
    }

    /** The batch of a cycle that is scored: rolled out with its graph kept, and re-noised. */
    public NoisySamples rollOutScored(int cycle) {
        Rollout.Walked walked = walk(cycle);
        Pending before = pending.put(cycle, new Pending(walked, steps));
        if (before != null) {
            before.walked().close();
        }
        long key = setting.batchKey(cycle, setting.recipe().criticUpdates());
        Tensor t = setting.scoreTimes(key);
        Tensor epsilon = setting.noise().gaussian(SCORE_NOISE, key, walked.xS().shape());
        Tensor xT = Renoise.to(setting.schedule(), setting.s(), t, walked.xS(), epsilon);
        return new NoisySamples(walked.xS(), walked.x0(), xT, t, labels(key));
    }

    /**
     * One optimizer step on the gradient that came back for a cycle's scored batch. When steps were taken since it was
     * rolled out (staleness above 0) its graph is dead, and the forward pass is repeated with the same noise.
     *
     * @param gradient on x_s, float32 [B, …]
     * @return the parameters' gradient norm before clipping; not finite when the step was skipped
     */
    public double step(int cycle, Tensor gradient) {
        Pending batch = pending.remove(cycle);
        if (batch == null) {
            throw new IllegalStateException("cycle " + cycle + " has no batch waiting for a gradient");
        }
        Rollout.Walked walked = batch.walked();
        if (!gradient.isFinite()) {
            walked.close();
            return Double.NaN;
        }
        if (batch.atStep() != steps) {
            walked.close();
            walked = walk(cycle);
        }
        try (Rollout.Walked used = walked) {
            used.backward(gradient);
        } catch (RuntimeException e) {
            // A gradient through several evaluations may have been gathered in part.
            generator.discardGradients();
            throw e;
        }
        double norm = generator.step(setting.recipe().generatorOptimizer().learningRate());
        if (Double.isFinite(norm)) {
            steps++;
        }
        return norm;
    }

    /**
     * Writes the averaged expert with its timesteps inside.
     *
     * @param file in the store; it is there when this returns
     * @param provenance added to what the phase knows of itself
     * @return the expert as version {@code phase-<k>}
     */
    public ExpertRef publish(Path file, Map<String, String> provenance) throws IOException {
        Map<String, String> all = new HashMap<>(provenance);
        all.put("teacher-sha256", teacher.sha256());
        setting.experts()
                .ifPresent(two -> all.put(
                        "teacher-expert", setting.generatorStart(teacher).version()));
        all.put("recipe", setting.recipe().toString());
        all.put("steps", Long.toString(steps));
        NetworkCard card =
                generator.card().ofExpert(setting.number(), setting.phase().timesteps(), all);
        return files.write(file, local -> {
            generator.writeAverage(local, card);
            return NetworkFile.reference("phase-" + setting.number(), local);
        });
    }

    /**
     * Writes everything that this phase goes on from, at a cycle boundary: no batch may be on its way.
     *
     * @param file in the store; it is there when this returns
     * @param cycle that comes next
     * @throws IllegalStateException when a batch is on its way
     */
    public StateRef save(Path file, int cycle) throws IOException {
        if (!pending.isEmpty()) {
            throw new IllegalStateException("cycles " + pending.keySet() + " are on their way: not a cycle boundary");
        }
        return files.write(
                file, local -> StateFile.write(local, Role.GENERATOR, setting.number(), cycle, generator.state()));
    }

    /** The weights as they are trained, by name. */
    public Map<String, Tensor> weights() {
        return generator.weights();
    }

    private Rollout.Walked walk(int cycle) {
        long key = setting.batchKey(cycle, setting.recipe().criticUpdates());
        Tensor labels = labels(key);
        return Rollout.walk(setting.schedule(), generator, path(key), start(key, labels), labels);
    }

    private Tensor labels(long key) {
        int classes = generator.card().classNames().size();
        int batch = setting.recipe().batch();
        return Tensor.of(
                classes == 0 ? new long[batch] : setting.noise().integers(ROLLOUT_LABEL, key, batch, classes), batch);
    }

    /** Noise, walked by the frozen experts to where this phase starts. */
    private Tensor start(long key, Tensor labels) {
        Tensor x = setting.noise()
                .gaussian(
                        ROLLOUT_START,
                        key,
                        generator.card().batchShape(setting.recipe().batch()));
        List<PhasePlan.Phase> phases = setting.plan().phases();
        for (int k = 0; k < frozen.size(); k++) {
            x = Rollout.through(setting.schedule(), frozen.get(k), phases.get(k), x, labels);
        }
        return x;
    }

    private Rollout.Path path(long key) {
        double choice = setting.noise().uniform(ROLLOUT_STEP, key, 1)[0];
        return Rollout.Path.of(setting.recipe().rollout(), setting.phase(), choice);
    }

    @Override
    public void close() {
        pending.values().forEach(p -> p.walked().close());
        pending.clear();
        frozen.forEach(Network::close);
        generator.close();
    }
}
