package dev.sluice.runtime.distillation;

import dev.sluice.protocol.CycleReport;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.Guidance;
import dev.sluice.runtime.network.Network;
import dev.sluice.runtime.network.Networks;
import dev.sluice.runtime.objective.Magnitude;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Phased DMD in one thread: the reference that the actor system must equal bit for bit at staleness 0
 * (docs/guarantees.md: exact), and that the benchmarks measure it against.
 *
 * <p>The order inside a cycle: K times roll out and update the critic; roll out the batch to score; teacher; critic;
 * generator step. Because the generator does not move in between, rolling all K batches out first gives the same.
 */
public final class PlainLoop {
    private final Networks networks;
    private final ExpertRef teacher;
    private final PhasePlan plan;
    private final Recipe recipe;

    public PlainLoop(Networks networks, ExpertRef teacher, PhasePlan plan, Recipe recipe) {
        this.networks = networks;
        this.teacher = teacher;
        this.plan = plan;
        this.recipe = recipe;
    }

    /**
     * Runs every phase and writes its expert as {@code phase-<k>.pt} into {@code folder}.
     *
     * @param cycles generator updates of every phase
     * @param onCycle hears of every cycle
     * @return the experts, noisiest first
     * @throws IllegalArgumentException before anything is trained, when {@code cycles} is not one number a phase or one
     *     of the phases does not fit the recipe
     */
    public List<ExpertRef> run(List<Integer> cycles, Path folder, Consumer<CycleReport> onCycle) throws IOException {
        if (cycles.size() != plan.phaseCount()) {
            throw new IllegalArgumentException(
                    "cycles " + cycles + " must be one number for each of the plan's " + plan.phaseCount() + " phases");
        }
        List<PhaseSetting> settings = new ArrayList<>();
        for (int k = 1; k <= plan.phaseCount(); k++) {
            settings.add(new PhaseSetting(plan, k, recipe, networks.expertsOf(teacher)));
        }
        List<ExpertRef> experts = new ArrayList<>();
        try (Network frozenTeacher = networks.open(teacher)) {
            for (PhaseSetting setting : settings) {
                int k = setting.number();
                try (GeneratorTraining generator =
                                new GeneratorTraining(setting, networks, teacher, experts, Optional.empty());
                        CriticTraining critic = new CriticTraining(setting, networks, teacher, Optional.empty())) {
                    for (int cycle = 0; cycle < cycles.get(k - 1); cycle++) {
                        onCycle.accept(cycle(k, cycle, generator, critic, frozenTeacher));
                    }
                    experts.add(generator.publish(folder.resolve("phase-" + k + ".pt"), Map.of()));
                }
            }
        }
        return experts;
    }

    private CycleReport cycle(
            int phase, int cycle, GeneratorTraining generator, CriticTraining critic, Network frozenTeacher) {
        for (int update = 0; update < recipe.criticUpdates(); update++) {
            GeneratorTraining.Samples samples = generator.rollOut(cycle, update);
            critic.train(cycle, update, samples.xS(), samples.labels());
        }
        NoisySamples noisy = generator.rollOutScored(cycle);
        Tensor velocity = Guidance.velocity(frozenTeacher, recipe.guidance(), noisy.xT(), noisy.t(), noisy.labels());
        CriticTraining.Scored scored = critic.score(noisy, velocity);
        double norm = generator.step(cycle, scored.gradient());
        return new CycleReport(
                phase, cycle, scored.report(), Magnitude.mean(scored.gradient()), norm, Double.isFinite(norm));
    }
}
