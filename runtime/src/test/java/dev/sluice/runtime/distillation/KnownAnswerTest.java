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

    private static Recipe recipe(Recipe.Schedule schedule, double rate) {
        return new Recipe(
                1,
                8,
                2,
                1,
                schedule,
                Recipe.Rollout.FULL,
                Recipe.Normaliser.KL,
                Recipe.CriticWeighting.CLAMPED,
                0.3,
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
        NetworkCard card = new NetworkCard(List.of(2), List.of("a", "b"), schedule, 0, List.of(), Map.of(), prediction);
        ExpertRef exact = networks.file("exact", card, exact(schedule, prediction, ANSWER));
        ExpertRef off = networks.file("off", card, exact(schedule, prediction, START));
        PhasePlan plan = new PhasePlan(List.of(1.0, 0.5, 0.0), List.of(0.0));
        PhaseSetting setting = new PhaseSetting(plan, 1, recipe(schedule, rate));
        try (GeneratorTraining generator = new GeneratorTraining(setting, networks, off, List.of(), Optional.empty());
                CriticTraining critic = new CriticTraining(setting, networks, off, Optional.empty());
                Network teacher = networks.open(exact)) {
            assertThat(mean(generator.rollOut(0, 0).xS())).isCloseTo(START, within(1e-4));
            for (int cycle = 0; cycle < cycles; cycle++) {
                for (int update = 0; update < 2; update++) {
                    GeneratorTraining.Samples samples = generator.rollOut(cycle, update);
                    critic.train(cycle, update, samples.xS(), samples.labels());
                }
                NoisySamples noisy = generator.rollOutScored(cycle);
                Tensor velocity = teacher.velocity(noisy.xT(), noisy.t(), noisy.labels());
                generator.step(cycle, critic.score(noisy, velocity).gradient());
            }
            assertThat(mean(generator.rollOut(cycles, 0).xS())).isCloseTo(ANSWER, within(0.06));
        }
    }

    private static double mean(Tensor x) {
        double sum = 0;
        for (int i = 0; i < x.size(); i++) {
            sum += x.floatAt(i);
        }
        return sum / x.size();
    }
}
