package dev.sluice.runtime.distillation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.FormulaNetworks;
import dev.sluice.runtime.network.FormulaNetworks.Call;
import dev.sluice.runtime.network.FormulaNetworks.Opened;
import dev.sluice.runtime.network.FormulaNetworks.Term;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFileException;
import dev.sluice.runtime.noise.Noise;
import dev.sluice.runtime.noise.Noise.Purpose;
import dev.sluice.runtime.rollout.Rollout;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class GeneratorTrainingTest {
    private static final long SEED = 7;
    /** Of the scored batch of cycle 0: after two batches for the critic. */
    private static final long SCORED = 2;

    private static final Tensor GRADIENT = Toy.gaussian(1);

    private final FormulaNetworks networks = new FormulaNetworks();
    private final ExpertRef teacher = networks.file("teacher", Toy.CARD, Toy.WEIGHTS);
    private final ExpertRef first = networks.file(
            "phase-1",
            Toy.CARD.ofExpert(1, Toy.PLAN.phase(1).timesteps(), Map.of()),
            Map.of(Term.X, 0.9, Term.LABEL, 0.5));

    /** Phase 1 of one step, from 1 to 0.5. */
    private GeneratorTraining oneStep() {
        return phaseOne(Toy.SINGLE_STEPS, Recipe.Rollout.ONE_STEP, SEED);
    }

    private GeneratorTraining phaseOne(PhasePlan plan, Recipe.Rollout rollout, long seed) {
        return new GeneratorTraining(
                new PhaseSetting(plan, 1, Toy.recipe(rollout, seed)), networks, teacher, List.of(), Optional.empty());
    }

    private static PhaseSetting secondPhase() {
        return new PhaseSetting(Toy.PLAN, 2, Toy.recipe(Recipe.Rollout.SGTS, SEED));
    }

    private GeneratorTraining secondGenerator() {
        return new GeneratorTraining(secondPhase(), networks, teacher, List.of(first), Optional.empty());
    }

    private static double velocity(Map<Term, Double> weights, double x, double t, long label) {
        double sum = 0;
        for (Map.Entry<Term, Double> weight : weights.entrySet()) {
            sum += weight.getValue() * weight.getKey().value(x, t, label);
        }
        return sum;
    }

    private static Tensor noise(long key) {
        return new Noise(SEED, 1).gaussian(Purpose.ROLLOUT_START, key, 8, 2);
    }

    private static long[] labels(long key) {
        return new Noise(SEED, 1).integers(Purpose.ROLLOUT_LABEL, key, 8, 2);
    }

    /** ∂⟨g, x_s⟩/∂θ where x_s = x − v(x, 1)/2, whatever the weights: the velocity is linear in them. */
    private static Map<Term, Double> slopes(long key, Tensor gradient) {
        Map<Term, Double> slopes = new EnumMap<>(Term.class);
        Tensor x = noise(key);
        for (int i = 0; i < 16; i++) {
            for (Term term : Toy.WEIGHTS.keySet()) {
                double value = term.value(x.floatAt(i), 1, labels(key)[i / 2]);
                slopes.merge(term, -0.5 * gradient.floatAt(i) * value, Double::sum);
            }
        }
        return slopes;
    }

    private static void assertMoved(GeneratorTraining generator, Map<Term, Double> from, Map<Term, Double> slopes) {
        Map<Term, Double> now = Toy.byTerm(generator.weights());
        for (Term term : from.keySet()) {
            assertThat(now.get(term))
                    .as(term.name())
                    .isCloseTo(from.get(term) - Toy.GENERATOR_RATE * slopes.get(term), within(1e-9));
        }
    }

    @Test
    void aScoredBatchIsNoiseWalkedToTheBoundaryAndRenoised() {
        try (GeneratorTraining generator = oneStep()) {
            NoisySamples noisy = generator.rollOutScored(0);

            double[] uniform = new Noise(SEED, 1).uniform(Purpose.SCORE_TIME, SCORED, 8);
            Tensor epsilon = new Noise(SEED, 1).gaussian(Purpose.SCORE_NOISE, SCORED, 8, 2);
            Tensor x = noise(SCORED);
            assertThat(noisy.labels().toLongs()).containsExactly(labels(SCORED));
            for (int i = 0; i < 16; i++) {
                double v = velocity(Toy.WEIGHTS, x.floatAt(i), 1, labels(SCORED)[i / 2]);
                double xS = x.floatAt(i) - 0.5 * v;
                double t = 0.52 + uniform[i / 2] * (0.98 - 0.52);
                double alpha = (1 - t) / 0.5;
                double sigma = Math.sqrt(t * t - alpha * alpha * 0.25);
                assertThat(noisy.t().doubleAt(i / 2)).isCloseTo(t, within(1e-12));
                assertThat((double) noisy.xS().floatAt(i)).isCloseTo(xS, within(1e-6));
                assertThat((double) noisy.x0().floatAt(i)).isCloseTo(x.floatAt(i) - v, within(1e-6));
                assertThat((double) noisy.xT().floatAt(i))
                        .isCloseTo(alpha * xS + sigma * epsilon.floatAt(i), within(1e-6));
            }
        }
    }

    @Test
    void anUpdateMovesTheWeightsDownTheGradientOnTheSamples() {
        try (GeneratorTraining generator = oneStep()) {
            generator.rollOutScored(0);

            double norm = generator.step(0, GRADIENT);

            Map<Term, Double> slopes = slopes(SCORED, GRADIENT);
            assertMoved(generator, Toy.WEIGHTS, slopes);
            double squares = slopes.values().stream().mapToDouble(g -> g * g).sum();
            assertThat(norm).isCloseTo(Math.sqrt(squares), within(1e-9));
            assertThat(networks.openGraphs()).isZero();
        }
    }

    @Test
    void aBatchForTheCriticIsRolledOutWithoutAGraphAndWithTheWeightsAsTheyAre() {
        try (GeneratorTraining generator = oneStep()) {
            GeneratorTraining.Samples before = generator.rollOut(1, 1);
            assertThat(generator.rollOut(1, 1)).as("a function of its place").isEqualTo(before);
            assertThat(generator.rollOut(1, 0)).isNotEqualTo(before);
            assertThat(before.labels().toLongs()).containsExactly(labels(4));
            generator.rollOutScored(0);
            generator.step(0, GRADIENT);

            GeneratorTraining.Samples after = generator.rollOut(1, 1);

            Map<Term, Double> weights = Toy.byTerm(generator.weights());
            for (int i = 0; i < 16; i++) {
                double x = noise(4).floatAt(i);
                assertThat((double) before.xS().floatAt(i))
                        .isCloseTo(x - 0.5 * velocity(Toy.WEIGHTS, x, 1, labels(4)[i / 2]), within(1e-6));
                assertThat((double) after.xS().floatAt(i))
                        .isCloseTo(x - 0.5 * velocity(weights, x, 1, labels(4)[i / 2]), within(1e-6));
            }
            assertThat(networks.calls())
                    .filteredOn(Call::graph)
                    .as("the scored batch's")
                    .hasSize(1);
        }
    }

    /** Two batches are on their way; the second's graph dies with the first's step. */
    @Test
    void aBatchOlderThanTheWeightsIsRolledOutAgainFromTheSameNoiseWithTheWeightsOfTheStep() {
        try (GeneratorTraining generator = phaseOne(Toy.PLAN, Recipe.Rollout.FULL, SEED)) {
            generator.rollOutScored(0);
            Tensor stale = generator.rollOutScored(1).xS();
            generator.step(0, GRADIENT);
            Map<String, Tensor> weights = generator.weights();
            networks.calls().clear();

            generator.step(1, GRADIENT);

            assertThat(networks.calls()).hasSize(2).allMatch(Call::graph);
            assertThat(networks.calls().get(0).x()).as("the noise of cycle 1").isEqualTo(noise(5));
            assertThat(networks.openGraphs()).isZero();
            // A generator whose teacher stands where the first step led takes the same second step.
            ExpertRef there = networks.file("there", Toy.CARD, Toy.byTerm(weights));
            try (GeneratorTraining fresh = new GeneratorTraining(
                    new PhaseSetting(Toy.PLAN, 1, Toy.recipe(Recipe.Rollout.FULL, SEED)),
                    networks,
                    there,
                    List.of(),
                    Optional.empty())) {
                assertThat(fresh.rollOutScored(1).xS()).isNotEqualTo(stale);
                fresh.step(1, GRADIENT);
                assertThat(generator.weights()).isEqualTo(fresh.weights()).isNotEqualTo(weights);
            }
        }
    }

    @Test
    void aBatchAsYoungAsTheWeightsIsNotRolledOutAgain() {
        try (GeneratorTraining generator = oneStep()) {
            generator.rollOutScored(0);
            generator.rollOutScored(1);
            networks.calls().clear();
            assertThat(generator.step(0, Toy.full(Float.NaN))).isNaN();
            assertThat(generator.step(1, GRADIENT)).isFinite();

            assertThat(networks.calls()).as("the skipped step killed no graph").isEmpty();
            assertMoved(generator, Toy.WEIGHTS, slopes(5, GRADIENT));
        }
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void aGradientThatIsNotFiniteIsSkipped(float bad) {
        try (GeneratorTraining generator = oneStep()) {
            float[] gradient = GRADIENT.toFloats();
            gradient[3] = bad;
            generator.rollOutScored(0);

            assertThat(generator.step(0, Tensor.of(gradient, 8, 2))).isNaN();
            assertThat(Toy.byTerm(generator.weights())).isEqualTo(Toy.WEIGHTS);
            assertThat(networks.openGraphs()).isZero();

            generator.rollOutScored(1);
            generator.step(1, GRADIENT);
            assertMoved(generator, Toy.WEIGHTS, slopes(5, GRADIENT));
        }
    }

    @Test
    void aGradientThatTurnsNonFiniteInTheNetworkIsSkippedTooAndNotTakenForAStep() {
        try (GeneratorTraining generator = oneStep()) {
            generator.rollOutScored(0);
            generator.rollOutScored(1);
            networks.calls().clear();
            networks.poison();
            assertThat(generator.step(0, GRADIENT)).isNaN();
            assertThat(Toy.byTerm(generator.weights())).isEqualTo(Toy.WEIGHTS);

            generator.step(1, GRADIENT);
            assertThat(networks.calls()).as("its graph is alive").isEmpty();
            assertMoved(generator, Toy.WEIGHTS, slopes(5, GRADIENT));
        }
    }

    @Test
    void aGradientOfAnotherShapeLeavesNothingBehindForTheNextStep() {
        try (GeneratorTraining generator = oneStep()) {
            generator.rollOutScored(0);
            assertThatThrownBy(() -> generator.step(0, GRADIENT.rows(0, 4))).isInstanceOf(RuntimeException.class);
            assertThat(networks.openGraphs()).isZero();

            generator.rollOutScored(1);
            generator.step(1, GRADIENT);
            assertMoved(generator, Toy.WEIGHTS, slopes(5, GRADIENT));
        }
    }

    @Test
    void aGradientNobodyWaitsForIsRefused() {
        try (GeneratorTraining generator = oneStep()) {
            generator.rollOutScored(0);
            generator.step(0, GRADIENT);
            for (int cycle : new int[] {0, 1}) {
                assertThatThrownBy(() -> generator.step(cycle, GRADIENT))
                        .as("one that came before, one that was never rolled out")
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessage("cycle " + cycle + " has no batch waiting for a gradient");
            }
        }
    }

    @Test
    void aBatchRolledOutTwiceWaitsOnceAndClosingFreesWhatStillWaits() {
        GeneratorTraining generator = secondGenerator();
        generator.rollOutScored(0);
        generator.rollOutScored(0);
        generator.rollOutScored(1);
        assertThat(networks.openGraphs()).isEqualTo(2);

        generator.close();
        assertThat(networks.openGraphs()).isZero();
        assertThat(networks.openNetworks()).isZero();
    }

    @Test
    void frozenExpertsWalkTheNoiseToThePhasesStartWithoutGraphs() {
        try (GeneratorTraining generator = secondGenerator()) {
            Tensor noise = new Noise(SEED, 2).gaussian(Purpose.ROLLOUT_START, SCORED, 8, 2);
            NoisySamples noisy = generator.rollOutScored(0);

            List<Call> calls = networks.calls();
            assertThat(calls).extracting(Call::network).containsExactly("phase-1", "phase-1", "teacher");
            assertThat(calls).extracting(Call::graph).containsExactly(false, false, true);
            assertThat(calls).extracting(call -> call.t().doubleAt(0)).containsExactly(1.0, 0.5, 0.25);
            assertThat(calls).extracting(Call::labels).containsOnly(noisy.labels());
            assertThat(calls.get(0).x()).isEqualTo(noise);
            Tensor atStart = Rollout.through(
                    secondPhase().schedule(), networks.open(first), Toy.PLAN.phase(1), noise, noisy.labels());
            assertThat(calls.get(2).x()).isEqualTo(atStart);
        }
    }

    @Test
    void everyPhaseStartsFromTheTeacherWithTheGeneratorsOptimizerAndAverage() {
        try (GeneratorTraining generator = secondGenerator()) {
            assertThat(networks.opened())
                    .containsExactly(new Opened("teacher", AdamWSettings.ofPaper(Toy.GENERATOR_RATE), Toy.EMA));
            assertThat(Toy.byTerm(generator.weights())).isEqualTo(Toy.WEIGHTS);
        }
    }

    @Test
    void expertsThatDoNotFitThePlanAreRefusedAndEverythingIsClosed() {
        ExpertRef other = networks.file("other", Toy.CARD.ofExpert(1, List.of(1.0, 0.25), Map.of()), Toy.WEIGHTS);
        NetworkCard curved =
                new NetworkCard(List.of(2), List.of(), Recipe.Schedule.VARIANCE_PRESERVING, 0, List.of(), Map.of());
        ExpertRef missing = new ExpertRef("missing", "", 0, "/store/missing.pt");

        assertThatThrownBy(() -> new GeneratorTraining(secondPhase(), networks, teacher, List.of(), Optional.empty()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("phase 2 needs the experts before it, got 0");
        assertThatThrownBy(
                        () -> new GeneratorTraining(secondPhase(), networks, teacher, List.of(other), Optional.empty()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("distil that phase again");
        assertThatThrownBy(() -> new GeneratorTraining(
                        secondPhase(),
                        networks,
                        networks.file("curved", curved, Toy.WEIGHTS),
                        List.of(first),
                        Optional.empty()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("set the recipe's schedule to the teacher's");
        assertThatThrownBy(() ->
                        new GeneratorTraining(secondPhase(), networks, teacher, List.of(missing), Optional.empty()))
                .isInstanceOf(NetworkFileException.class);
        assertThat(networks.openNetworks()).isZero();
    }

    /** Within four deviations of a quarter of 4,000. */
    @Test
    void sgtsTruncatesAtEveryStepEquallyOften() {
        PhasePlan plan = new PhasePlan(List.of(1.0, 0.9, 0.75, 0.5, 0.0), List.of(0.0));
        int[] lengths = new int[5];
        try (GeneratorTraining generator = phaseOne(plan, Recipe.Rollout.SGTS, SEED)) {
            for (int cycle = 0; cycle < 4000; cycle++) {
                networks.calls().clear();
                generator.rollOut(cycle, 0);
                lengths[networks.calls().size()]++;
                assertThat(networks.calls())
                        .extracting(call -> call.t().doubleAt(0))
                        .isEqualTo(plan.timesteps().subList(0, networks.calls().size()));
            }
        }
        assertThat(lengths[0]).isZero();
        for (int steps = 1; steps <= 4; steps++) {
            assertThat((double) lengths[steps]).isCloseTo(1000, within(110.0));
        }
    }

    @Test
    void publishesTheAverageWithItsTimestepsAndWhereItComesFrom(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("expert.pt");
        Map<Term, Double> expected = new EnumMap<>(Toy.WEIGHTS);
        try (GeneratorTraining generator = oneStep()) {
            for (int cycle = 0; cycle < 4; cycle++) {
                generator.rollOutScored(cycle);
                generator.step(cycle, cycle == 2 ? Toy.full(Float.NaN) : GRADIENT);
                if (cycle != 2) {
                    Map<Term, Double> now = Toy.byTerm(generator.weights());
                    expected.replaceAll((term, mean) -> Toy.EMA * mean + (1 - Toy.EMA) * now.get(term));
                }
            }
            generator.publish(file, Map.of("host", "here"));

            assertThat(networks.weights(file)).isNotEqualTo(Toy.byTerm(generator.weights()));
        }
        expected.forEach((term, mean) ->
                assertThat(networks.weights(file).get(term)).as(term.name()).isCloseTo(mean, within(1e-12)));
        NetworkCard card = networks.card(file);
        assertThat(card.phase()).isEqualTo(1);
        assertThat(card.timesteps()).containsExactly(1.0, 0.5);
        assertThat(card.sampleShape()).isEqualTo(Toy.CARD.sampleShape());
        assertThat(card.classNames()).isEqualTo(Toy.CARD.classNames());
        assertThat(card.provenance())
                .containsEntry("host", "here")
                .containsEntry("teacher-sha256", teacher.sha256())
                .containsEntry(
                        "recipe", Toy.recipe(Recipe.Rollout.ONE_STEP, SEED).toString())
                .as("the skipped one is no step")
                .containsEntry("steps", "3");
    }

    private List<Map<String, Tensor>> trained(Recipe.Rollout rollout, long seed) {
        List<Map<String, Tensor>> weights = new ArrayList<>();
        try (GeneratorTraining generator = phaseOne(Toy.PLAN, rollout, seed)) {
            for (int cycle = 0; cycle < 5; cycle++) {
                generator.rollOutScored(cycle);
                generator.step(cycle, GRADIENT);
                weights.add(generator.weights());
            }
        }
        return weights;
    }

    @ParameterizedTest
    @EnumSource(names = {"SGTS", "FULL"})
    void equalSeedsTrainAlikeAndOthersDoNot(Recipe.Rollout rollout) {
        assertThat(trained(rollout, 1)).isEqualTo(trained(rollout, 1)).isNotEqualTo(trained(rollout, 2));
    }
}
