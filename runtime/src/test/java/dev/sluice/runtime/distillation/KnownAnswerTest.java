package dev.sluice.runtime.distillation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.FormulaNetworks;
import dev.sluice.runtime.network.FormulaNetworks.Term;
import dev.sluice.runtime.network.Network;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.objective.Prediction;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Teachers whose data are one point, of every prediction and on both schedules: a generator and a fake that start
 * somewhere else are pulled there.
 */
class KnownAnswerTest {
    private static final double ANSWER = 0.4;
    private static final double START = -0.2;

    private final FormulaNetworks networks = new FormulaNetworks();

    /** The exact network of the point {@code m}, by the equations in {@link Prediction}. */
    private static Map<Term, Double> exact(Recipe.Schedule schedule, Prediction prediction, double m) {
        boolean flow = schedule == Recipe.Schedule.RECTIFIED_FLOW;
        Map<Term, Double> terms = new HashMap<>();
        if (prediction != Prediction.DATA) {
            terms.put(flow ? Term.X_OVER_T : Term.X_OVER_SINE, 1.0);
            terms.put(flow ? Term.ONE_OVER_T_LESS_ONE : Term.COTANGENT, -m);
        }
        if (prediction != Prediction.NOISE) {
            terms.put(Term.ONE, prediction == Prediction.DATA ? m : -m);
        }
        return terms;
    }

    private static Recipe recipe(Recipe.Schedule schedule, double rate, double margin) {
        return new Recipe(
                1,
                8,
                2,
                1,
                schedule,
                Recipe.Rollout.FULL,
                Recipe.Normaliser.KL,
                Recipe.CriticWeighting.CLAMPED,
                margin,
                1,
                AdamWSettings.ofPaper(rate),
                AdamWSettings.ofPaper(rate),
                0,
                0,
                Recipe.Ablation.NONE);
    }

    @ParameterizedTest
    @CsvSource({
        "RECTIFIED_FLOW, VELOCITY, 0.02, 400",
        "RECTIFIED_FLOW, NOISE, 0.002, 1200",
        "RECTIFIED_FLOW, DATA, 0.02, 400",
        "VARIANCE_PRESERVING, VELOCITY, 0.02, 400",
        "VARIANCE_PRESERVING, NOISE, 0.002, 1200",
        "VARIANCE_PRESERVING, DATA, 0.02, 400",
    })
    void theGeneratorComesToTheTeachersPoint(Recipe.Schedule schedule, Prediction prediction, double rate, int cycles) {
        distil(schedule, prediction, rate, cycles, new PhasePlan(List.of(1.0, 0.5, 0.0), List.of(0.0)), 1);
    }

    /** On a schedule that preserves variance, a phase that ends above the data and the one that goes on from it. */
    @ParameterizedTest
    @CsvSource({"VELOCITY, 0.02, 3000", "NOISE, 0.003, 6000", "DATA, 0.02, 3000"})
    void soItDoesInEachPhaseOfTheVariancePreservingSchedule(Prediction prediction, double rate, int cycles) {
        PhasePlan plan = new PhasePlan(List.of(1.0, 0.75, 0.5, 0.25, 0.0), List.of(0.5, 0.0));
        distil(Recipe.Schedule.VARIANCE_PRESERVING, prediction, rate, cycles, plan, 1);
        distil(Recipe.Schedule.VARIANCE_PRESERVING, prediction, rate, cycles, plan, 2);
    }

    private void distil(
            Recipe.Schedule schedule, Prediction prediction, double rate, int cycles, PhasePlan plan, int phase) {
        NetworkCard card = new NetworkCard(List.of(2), List.of("a", "b"), schedule, 0, List.of(), Map.of(), prediction);
        ExpertRef exact = networks.file("exact", card, exact(schedule, prediction, ANSWER));
        ExpertRef off = networks.file("off", card, exact(schedule, prediction, START));
        PhaseSetting setting =
                new PhaseSetting(plan, phase, recipe(schedule, rate, plan.phaseCount() == 1 ? 0.3 : 0.1));
        // The second phase's samples start where an exact expert of the first leaves them.
        List<ExpertRef> before = phase == 1
                ? List.of()
                : List.of(networks.file(
                        "phase-1",
                        new NetworkCard(
                                card.sampleShape(),
                                card.classNames(),
                                schedule,
                                1,
                                plan.phase(1).timesteps(),
                                Map.of(),
                                prediction),
                        exact(schedule, prediction, ANSWER)));
        try (GeneratorTraining generator = new GeneratorTraining(setting, networks, off, before, Optional.empty());
                CriticTraining critic = new CriticTraining(setting, networks, off, Optional.empty());
                Network teacher = networks.open(exact)) {
            assertThat(answer(generator, setting)).isCloseTo(START, within(0.06));
            for (int cycle = 0; cycle < cycles; cycle++) {
                for (int update = 0; update < 2; update++) {
                    GeneratorTraining.Samples samples = generator.rollOut(cycle, update);
                    critic.train(cycle, update, samples.xS(), samples.labels());
                }
                NoisySamples noisy = generator.rollOutScored(cycle);
                Tensor velocity = teacher.velocity(noisy.xT(), noisy.t(), noisy.labels());
                generator.step(cycle, critic.score(noisy, velocity).gradient());
            }
            assertThat(answer(generator, setting)).as("phase %d", phase).isCloseTo(ANSWER, within(0.06));
        }
    }

    /**
     * The point that the generator's samples stand for: E[x_s] = α_s·m. Not its weights, of which a velocity network has
     * more than a phase's timesteps determine. The mean of 8,000 numbers, their noise 0.011 at s = 0.5.
     */
    private static double answer(GeneratorTraining generator, PhaseSetting setting) {
        double sum = 0;
        int count = 0;
        for (int cycle = 0; cycle < 500; cycle++) {
            Tensor x = generator.rollOut(cycle, 0).xS();
            for (int i = 0; i < x.size(); i++) {
                sum += x.floatAt(i);
                count++;
            }
        }
        return sum / count / setting.schedule().alpha(setting.s());
    }
}
