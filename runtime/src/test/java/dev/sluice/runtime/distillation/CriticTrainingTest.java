package dev.sluice.runtime.distillation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.CriticReport;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Recipe.CriticWeighting;
import dev.sluice.protocol.Recipe.Normaliser;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.FormulaNetworks;
import dev.sluice.runtime.network.FormulaNetworks.Opened;
import dev.sluice.runtime.network.FormulaNetworks.Term;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.noise.Noise;
import dev.sluice.runtime.objective.Linear;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class CriticTrainingTest {
    private static final Tensor X_S = Toy.gaussian(1);
    private static final Tensor LABELS = Tensor.of(new long[] {0, 1, 1, 0, 1, 0, 0, 1}, 8);
    private static final long SEED = 7;

    private final FormulaNetworks networks = new FormulaNetworks();
    private final ExpertRef teacher = networks.file("teacher", Toy.CARD, Toy.WEIGHTS);

    private static Recipe recipe(Normaliser normaliser) {
        return Toy.recipe(Recipe.Rollout.ONE_STEP, SEED, normaliser, CriticWeighting.CLAMPED, 0.02, 1);
    }

    /** Phase 1, whose boundary is 0.5. */
    private CriticTraining critic(Recipe recipe) {
        return new CriticTraining(new PhaseSetting(Toy.SINGLE_STEPS, 1, recipe), networks, teacher, Optional.empty());
    }

    private CriticTraining critic() {
        return critic(recipe(Normaliser.KL));
    }

    private static NoisySamples noisy(double t) {
        double[] times = new double[8];
        Arrays.fill(times, t);
        return new NoisySamples(X_S, Toy.gaussian(2), Toy.gaussian(3), Tensor.of(times, 8), LABELS);
    }

    @Test
    void startsFromTheTeacherWithTheCriticsOptimizerAndNoAverage() {
        try (CriticTraining critic = critic()) {
            assertThat(networks.opened())
                    .containsExactly(new Opened("teacher", AdamWSettings.ofPaper(Toy.CRITIC_RATE), 0));
            assertThat(Toy.byTerm(critic.weights())).isEqualTo(Toy.WEIGHTS);
        }
        assertThat(networks.openNetworks()).isZero();
    }

    @Test
    void refusesATeacherOfAnotherForwardProcessAndClosesIt() {
        NetworkCard card =
                new NetworkCard(List.of(2), List.of(), Recipe.Schedule.VARIANCE_PRESERVING, 0, List.of(), Map.of());
        ExpertRef other = networks.file("other", card, Toy.WEIGHTS);
        PhaseSetting setting = new PhaseSetting(Toy.SINGLE_STEPS, 1, recipe(Normaliser.KL));

        assertThatThrownBy(() -> new CriticTraining(setting, networks, other, Optional.empty()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("set the recipe's schedule to the teacher's");
        assertThat(networks.opened()).as("it had been opened").hasSize(1);
        assertThat(networks.openNetworks()).isZero();
    }

    /** Eq 13 as the paper writes it, and 1/c² on the velocity error; s = α_s = σ_s = 1/2. */
    @ParameterizedTest
    @CsvSource({"CLAMPED, 1", "CLAMPED, 5", "UNIT_VARIANCE, 1", "UNIT_VARIANCE, 5"})
    void anUpdateMovesTheWeightsDownEq13(CriticWeighting weighting, double shift) {
        int cycle = 4;
        int update = 1;
        long key = cycle * 3 + update;
        double[] uniform = new Noise(SEED, 1).uniform(Noise.Purpose.CRITIC_TIME, key, 8);
        Tensor epsilon = new Noise(SEED, 1).gaussian(Noise.Purpose.CRITIC_NOISE, key, 8, 2);
        double first = 0.5 / (shift - (shift - 1) * 0.5) + 0.02;
        double loss = 0;
        Map<Term, Double> expected = new EnumMap<>(Toy.WEIGHTS);
        for (int i = 0; i < 16; i++) {
            long label = LABELS.longAt(i / 2);
            double before = first + uniform[i / 2] * (1 - first);
            double t = shift * before / (1 + (shift - 1) * before);
            double alphaTS = (1 - t) / 0.5;
            double sigmaTS = Math.sqrt(t * t - alphaTS * alphaTS * 0.25);
            double xT = alphaTS * X_S.floatAt(i) + sigmaTS * epsilon.floatAt(i);
            double fake = 0;
            for (Term term : Term.values()) {
                fake += Toy.WEIGHTS.getOrDefault(term, 0.0) * term.value(xT, t, label);
            }
            double ofNoise = (0.25 * t + (1 - t) * 0.25) / 0.25;
            double scaledError = sigmaTS * fake - (ofNoise * epsilon.floatAt(i) - sigmaTS / 0.5 * X_S.floatAt(i));
            double weight = weighting == CriticWeighting.CLAMPED
                    ? Math.min(1 / (sigmaTS * sigmaTS), 10)
                    : 1 / (ofNoise * ofNoise);
            loss += weight * scaledError * scaledError / 16;
            for (Term term : Toy.WEIGHTS.keySet()) {
                double slope = weight * 2 * scaledError * sigmaTS * term.value(xT, t, label) / 16;
                expected.merge(term, -Toy.CRITIC_RATE * slope, Double::sum);
            }
        }

        double meanLoss = loss;
        Recipe recipe = Toy.recipe(Recipe.Rollout.ONE_STEP, SEED, Normaliser.KL, weighting, 0.02, shift);
        try (CriticTraining critic = critic(recipe)) {
            critic.train(cycle, update, X_S, LABELS);

            Map<Term, Double> moved = Toy.byTerm(critic.weights());
            for (Term term : Toy.WEIGHTS.keySet()) {
                assertThat(moved.get(term)).as(term.name()).isCloseTo(expected.get(term), within(1e-6));
                assertThat(moved.get(term)).isNotCloseTo(Toy.WEIGHTS.get(term), within(1e-5));
            }
            assertThat(networks.openGraphs()).isZero();
            assertThat(report(critic).losses()).hasSize(1).first().satisfies(value -> assertThat(value)
                    .isCloseTo(meanLoss, within(1e-5 * meanLoss)));
        }
    }

    /** ε − x_s on the same draws, unweighted. */
    @Test
    void theWrongTargetIsTrainedOnWhenAskedFor() {
        double[] uniform = new Noise(SEED, 1).uniform(Noise.Purpose.CRITIC_TIME, 0, 8);
        Tensor epsilon = new Noise(SEED, 1).gaussian(Noise.Purpose.CRITIC_NOISE, 0, 8, 2);
        double loss = 0;
        for (int i = 0; i < 16; i++) {
            double t = 0.52 + uniform[i / 2] * 0.48;
            double alphaTS = (1 - t) / 0.5;
            double sigmaTS = Math.sqrt(t * t - alphaTS * alphaTS * 0.25);
            double xT = alphaTS * X_S.floatAt(i) + sigmaTS * epsilon.floatAt(i);
            double error = -(epsilon.floatAt(i) - X_S.floatAt(i));
            for (Term term : Term.values()) {
                error += Toy.WEIGHTS.getOrDefault(term, 0.0) * term.value(xT, t, LABELS.longAt(i / 2));
            }
            loss += error * error / 16;
        }

        try (CriticTraining critic = critic(Toy.without(Recipe.Ablation.WRONG_TARGET, recipe(Normaliser.KL)))) {
            critic.train(0, 0, X_S, LABELS);

            assertThat(report(critic).losses().get(0)).isCloseTo(loss, within(1e-5));
        }
    }

    private static CriticReport report(CriticTraining critic) {
        return critic.score(noisy(0.8), Toy.gaussian(4)).report();
    }

    /** Samples of the point mass 0.7 at x_s: the velocity to learn is (x − 0.7)/t, not that of ε − x_s. */
    @ParameterizedTest
    @EnumSource
    void learnsTheVelocityOfTheWholeProcessFromSamplesAtTheBoundary(CriticWeighting weighting) {
        ExpertRef ignorant = networks.file("ignorant", Toy.CARD, Map.of(Term.X_OVER_T, 1.0, Term.ONE_OVER_T, 0.0));
        Recipe recipe = Toy.recipe(Recipe.Rollout.ONE_STEP, SEED, Normaliser.KL, weighting, 0.02, 1);
        PhaseSetting setting = new PhaseSetting(Toy.SINGLE_STEPS, 1, recipe);
        int cycles = 4000;
        double sum = 0;
        try (CriticTraining critic = new CriticTraining(setting, networks, ignorant, Optional.empty())) {
            for (int cycle = 0; cycle < cycles; cycle++) {
                Tensor xS = Linear.combine(0.5, Toy.full(0.7f), 0.5, Toy.gaussian(100 + cycle));
                critic.train(cycle, 0, xS, LABELS);
                if (cycle >= cycles / 4) {
                    sum += Toy.byTerm(critic.weights()).get(Term.ONE_OVER_T);
                }
            }
        }

        assertThat(sum / (cycles * 3 / 4.0)).isCloseTo(-0.7, within(0.05));
    }

    @Test
    void theGradientIsEq10s() {
        try (CriticTraining critic = critic()) {
            NoisySamples noisy = noisy(0.8);
            Tensor velocity = Toy.gaussian(4);

            CriticTraining.Scored scored = critic.score(noisy, velocity);

            // w = (1 − t)/t · (1 − t)/(1 − s), mean over the batch.
            double weight = 0.2 / 0.8 * 0.2 / 0.5 / 8;
            for (int i = 0; i < 16; i++) {
                double x = noisy.xT().floatAt(i);
                double fake = 0.6 * x - 0.4 * 0.8 * x + 0.8 * Math.sin(x) + 0.2 - 0.3 * LABELS.longAt(i / 2);
                assertThat((double) scored.fakeVelocity().floatAt(i)).isCloseTo(fake, within(1e-6));
                assertThat((double) scored.gradient().floatAt(i))
                        .isCloseTo(weight * (velocity.floatAt(i) - fake), within(1e-7));
                assertThat((double) critic.toData(noisy, velocity).floatAt(i))
                        .isCloseTo(x - 0.8 * velocity.floatAt(i), within(1e-6));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aFakeThatAgreesWithTheTeacherGivesNoGradientAndNoExcess(Normaliser normaliser) {
        try (CriticTraining critic = critic(recipe(normaliser))) {
            NoisySamples noisy = noisy(0.8);
            Tensor velocity = critic.score(noisy, Toy.gaussian(4)).fakeVelocity();

            CriticTraining.Scored agreed = critic.score(noisy, velocity);

            for (int i = 0; i < 16; i++) {
                assertThat(agreed.gradient().floatAt(i)).isZero();
            }
            assertThat(agreed.report().excess()).isZero();
        }
    }

    /** Both losses by hand at t = 0.8, s = 0.5: α_{t|s} = 0.4, σ_{t|s}² = 0.6, weight 1, c = 1/σ_{t|s}. */
    @Test
    void theExcessIsTheFakesLossMinusTheTeachersOnTheSameNoise() {
        try (CriticTraining critic = critic()) {
            NoisySamples noisy = noisy(0.8);
            Tensor velocity = Toy.gaussian(4);
            CriticTraining.Scored scored = critic.score(noisy, velocity);
            double expected = 0;
            for (int i = 0; i < 16; i++) {
                double sigma = Math.sqrt(0.6);
                double epsilon = (noisy.xT().floatAt(i) - 0.4 * X_S.floatAt(i)) / sigma;
                double target = epsilon / sigma - 2 * X_S.floatAt(i);
                expected += Math.pow(scored.fakeVelocity().floatAt(i) - target, 2) / 16;
                expected -= Math.pow(velocity.floatAt(i) - target, 2) / 16;
            }
            assertThat(scored.report().excess()).isCloseTo(expected, within(1e-5));
        }
    }

    @Test
    void aReportCoversTheUpdatesSinceTheOneBefore() {
        try (CriticTraining critic = critic()) {
            critic.train(0, 0, X_S, LABELS);
            critic.train(0, 1, X_S, LABELS);
            assertThat(report(critic).losses()).hasSize(2).allMatch(Double::isFinite);
            critic.train(1, 0, Toy.full(Float.NaN), LABELS);
            CriticReport second = report(critic);
            assertThat(second.losses()).containsExactly(Double.NaN);
            assertThat(second.skipped()).isEqualTo(1);
            CriticReport third = report(critic);
            assertThat(third.losses()).isEmpty();
            assertThat(third.skipped()).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({"NaN", "Infinity", "3e38"})
    void aBatchWithoutAFiniteLossMovesNothingAndIsCounted(float value) {
        try (CriticTraining critic = critic()) {
            critic.train(0, 0, Toy.full(value), LABELS);
            assertThat(Toy.byTerm(critic.weights())).isEqualTo(Toy.WEIGHTS);
            assertThat(networks.openGraphs()).isZero();
            CriticReport report = report(critic);
            assertThat(report.skipped()).isEqualTo(1);
            assertThat(report.losses()).hasSize(1).noneMatch(Double::isFinite);
        }
    }

    @Test
    void aGradientThatIsNotFiniteMovesNothingAndIsCountedAndTheNextUpdateIsAsIfItHadNotBeen() {
        try (CriticTraining hit = critic();
                CriticTraining spared = critic()) {
            networks.poison();
            hit.train(0, 0, X_S, LABELS);
            assertThat(Toy.byTerm(hit.weights())).isEqualTo(Toy.WEIGHTS);
            assertThat(report(hit).skipped()).isEqualTo(1);

            hit.train(0, 1, X_S, LABELS);
            spared.train(0, 1, X_S, LABELS);
            assertThat(hit.weights()).isEqualTo(spared.weights());
            assertThat(report(hit).skipped()).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aTeacherThatIsNotFiniteGivesAGradientThatTheGeneratorWillSkip(Normaliser normaliser) {
        try (CriticTraining critic = critic(recipe(normaliser))) {
            for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
                float[] velocity = Toy.gaussian(4).toFloats();
                velocity[5] = bad;
                assertThat(critic.score(noisy(0.8), Tensor.of(velocity, 8, 2)).gradient())
                        .matches(gradient -> !gradient.isFinite(), "is not finite");
            }
            assertThat(Toy.byTerm(critic.weights())).isEqualTo(Toy.WEIGHTS);
        }
    }

    private Map<String, Tensor> trained(long seed) {
        try (CriticTraining critic = critic(Toy.recipe(Recipe.Rollout.ONE_STEP, seed))) {
            for (int cycle = 0; cycle < 5; cycle++) {
                critic.train(cycle, 0, X_S, LABELS);
                critic.train(cycle, 1, X_S, LABELS);
            }
            return critic.weights();
        }
    }

    @Test
    void equalSeedsTrainAlikeAndOthersDoNot() {
        assertThat(trained(1)).isEqualTo(trained(1)).isNotEqualTo(trained(2));
    }
}
