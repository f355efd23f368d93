package dev.sluice.runtime.rollout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.FormulaNetworks;
import dev.sluice.runtime.network.FormulaNetworks.Call;
import dev.sluice.runtime.network.FormulaNetworks.Term;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.TrainableNetwork;
import dev.sluice.runtime.noise.Noise;
import dev.sluice.runtime.objective.Velocity;
import dev.sluice.runtime.sampling.Mixture;
import dev.sluice.runtime.sampling.MixturePlan;
import dev.sluice.runtime.schedule.NoiseSchedule;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Rollouts of networks in closed form: which steps carry the gradient, and whether it is the right one. */
class RolloutTest {
    private static final NoiseSchedule RECTIFIED_FLOW = NoiseSchedule.of(Recipe.Schedule.RECTIFIED_FLOW);
    private static final PhasePlan PLAN = new PhasePlan(List.of(1.0, 0.9, 0.75, 0.5, 0.25, 0.0), List.of(0.25, 0.0));
    /** Four steps, and not to 0: a jump from 1, 0.9, 0.75 or 0.5 to 0.25. */
    private static final PhasePlan.Phase PHASE = PLAN.phase(1);

    private static final Map<Term, Double> WEIGHTS =
            Map.of(Term.X, 0.6, Term.T_X, -0.4, Term.SINE_X, 0.8, Term.ONE, 0.2, Term.LABEL, -0.3);
    private static final int BATCH = 6;
    private static final Tensor NOISE = gaussian(1);
    private static final Tensor GRADIENT = gaussian(2);
    private static final Tensor LABELS = Tensor.of(new long[] {0, 1, 2, 2, 1, 0}, BATCH);

    private final FormulaNetworks networks = new FormulaNetworks();

    private static Tensor gaussian(long step) {
        return new Noise(5, 0).gaussian(Noise.Purpose.ROLLOUT_START, step, BATCH, 2);
    }

    private static NetworkCard card(Recipe.Schedule schedule) {
        return new NetworkCard(List.of(2), List.of("a", "b"), schedule, 0, List.of(), Map.of());
    }

    private TrainableNetwork network(Map<Term, Double> weights) {
        ExpertRef ref = networks.file("generator", card(Recipe.Schedule.RECTIFIED_FLOW), weights);
        return networks.openForTraining(ref, AdamWSettings.ofPaper(1), 0);
    }

    private static Rollout.Path sgts(int step) {
        return Rollout.Path.of(Recipe.Rollout.SGTS, PHASE, (step + 0.5) / PHASE.steps());
    }

    private static Rollout.Path full() {
        return Rollout.Path.of(Recipe.Rollout.FULL, PHASE, 0.5);
    }

    private static double dot(Tensor a, Tensor b) {
        double sum = 0;
        for (int i = 0; i < a.size(); i++) {
            sum += (double) a.floatAt(i) * b.floatAt(i);
        }
        return sum;
    }

    @Test
    void oneStepIsTheWholePhase() {
        PhasePlan.Phase phase = PLAN.phase(2);

        assertThat(Rollout.Path.of(Recipe.Rollout.ONE_STEP, phase, 0.99))
                .isEqualTo(new Rollout.Path(List.of(0.25), List.of(0.0), 0));
        assertThatThrownBy(() -> Rollout.Path.of(Recipe.Rollout.ONE_STEP, PHASE, 0.5))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("rollout one-step needs phases of one step; phase 1 has 4: use sgts or full, or add"
                        + " boundaries");
    }

    @Test
    void sgtsWalksToTheChosenStepAndJumpsFromItToTheBoundary() {
        assertThat(sgts(0)).isEqualTo(new Rollout.Path(List.of(1.0), List.of(0.25), 0));
        assertThat(sgts(1)).isEqualTo(new Rollout.Path(List.of(1.0, 0.9), List.of(0.9, 0.25), 1));
        assertThat(sgts(2)).isEqualTo(new Rollout.Path(List.of(1.0, 0.9, 0.75), List.of(0.9, 0.75, 0.25), 2));
        assertThat(sgts(3)).isEqualTo(new Rollout.Path(List.of(1.0, 0.9, 0.75, 0.5), List.of(0.9, 0.75, 0.5, 0.25), 3));
    }

    @Test
    void sgtsGivesEveryStepAnEqualPartOfTheChoices() {
        double smallest = 0x1p-33;
        assertThat(List.of(smallest, 0.25 - smallest, 0.25, 0.5 - smallest, 0.5, 0.75, 1 - smallest))
                .extracting(choice ->
                        Rollout.Path.of(Recipe.Rollout.SGTS, PHASE, choice).firstWithGradient())
                .containsExactly(0, 0, 1, 1, 2, 3, 3);
    }

    @Test
    void fullTakesEveryStepWithGradient() {
        assertThat(full()).isEqualTo(new Rollout.Path(List.of(1.0, 0.9, 0.75, 0.5), List.of(0.9, 0.75, 0.5, 0.25), 0));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void sgtsKeepsTheGraphOfTheChosenStepAlone(int step) {
        try (Rollout.Walked walked = Rollout.walk(RECTIFIED_FLOW, network(WEIGHTS), sgts(step), NOISE, LABELS)) {
            assertThat(networks.calls())
                    .extracting(Call::graph)
                    .containsExactlyElementsOf(IntStream.rangeClosed(0, step)
                            .mapToObj(i -> i == step)
                            .toList());
            assertThat(networks.openGraphs()).isEqualTo(1);
            walked.backward(GRADIENT);
            assertThat(networks.openGraphs()).isZero();
        }
    }

    @Test
    void fullKeepsEveryGraphUntilItIsUsedOrClosed() {
        TrainableNetwork network = network(WEIGHTS);
        try (Rollout.Walked walked = Rollout.walk(RECTIFIED_FLOW, network, full(), NOISE, LABELS)) {
            assertThat(networks.calls()).hasSize(4).allMatch(Call::graph);
            assertThat(networks.openGraphs()).isEqualTo(4);
            walked.backward(GRADIENT);
            assertThat(networks.openGraphs()).isZero();
        }
        Rollout.walk(RECTIFIED_FLOW, network, full(), NOISE, LABELS).close();
        assertThat(networks.openGraphs()).as("closed without having been used").isZero();
    }

    @Test
    void aWalkThatFailsOnTheWayFreesTheGraphsThatItHas() {
        TrainableNetwork network = network(WEIGHTS);
        Rollout.Path broken = new Rollout.Path(List.of(1.0, 0.9), List.of(0.9), 0);

        assertThatThrownBy(() -> Rollout.walk(RECTIFIED_FLOW, network, broken, NOISE, LABELS))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThat(networks.calls()).as("it had begun").isNotEmpty();
        assertThat(networks.openGraphs()).isZero();
    }

    @Test
    void everyEvaluationSeesItsTimeAndTheLabels() {
        Rollout.sample(RECTIFIED_FLOW, network(WEIGHTS), full(), NOISE, LABELS);

        assertThat(networks.calls())
                .extracting(call -> call.t().toDoubles())
                .containsExactly(sixTimes(1.0), sixTimes(0.9), sixTimes(0.75), sixTimes(0.5));
        assertThat(networks.calls()).extracting(Call::labels).containsOnly(LABELS);
        assertThat(networks.calls()).extracting(Call::graph).containsOnly(false);
    }

    private static double[] sixTimes(double t) {
        return new double[] {t, t, t, t, t, t};
    }

    /** The gradient of ⟨g, x_s⟩ with respect to every weight, by central differences. */
    private Map<String, Double> differences(ToDoubleFunction<TrainableNetwork> loss) {
        double h = 1e-2;
        Map<String, Double> slopes = new HashMap<>();
        for (Term term : WEIGHTS.keySet()) {
            Map<Term, Double> above = new HashMap<>(WEIGHTS);
            Map<Term, Double> below = new HashMap<>(WEIGHTS);
            above.merge(term, h, Double::sum);
            below.merge(term, -h, Double::sum);
            slopes.put(
                    term.name(), (loss.applyAsDouble(network(above)) - loss.applyAsDouble(network(below))) / (2 * h));
        }
        return slopes;
    }

    /** The gradient that a walk leaves in the weights: what one step of rate 1 moves them by. */
    private Map<String, Double> gathered(NoiseSchedule schedule, Rollout.Path path) {
        TrainableNetwork network = network(WEIGHTS);
        try (Rollout.Walked walked = Rollout.walk(schedule, network, path, NOISE, LABELS)) {
            walked.backward(GRADIENT);
        }
        network.step(1);
        Map<String, Double> moved = new HashMap<>();
        network.weights()
                .forEach((name, weight) -> moved.put(name, WEIGHTS.get(Term.valueOf(name)) - weight.doubleAt(0)));
        return moved;
    }

    private static double largestDifference(Map<String, Double> a, Map<String, Double> b) {
        assertThat(a.keySet()).isEqualTo(b.keySet());
        return a.keySet().stream()
                .mapToDouble(name -> Math.abs(a.get(name) - b.get(name)))
                .max()
                .orElseThrow();
    }

    @ParameterizedTest
    @EnumSource
    void theGradientThroughAllStepsIsThatOfFiniteDifferences(Recipe.Schedule kind) {
        NoiseSchedule schedule = NoiseSchedule.of(kind);
        Map<String, Double> expected =
                differences(network -> dot(GRADIENT, Rollout.sample(schedule, network, full(), NOISE, LABELS)));

        assertThat(largestDifference(gathered(schedule, full()), expected)).isLessThan(1e-3);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void theGradientOfSgtsIsThatOfTheChosenStepWithItsInputHeldFast(int step) {
        Rollout.Path before = new Rollout.Path(
                PHASE.timesteps().subList(0, step), PHASE.timesteps().subList(1, step + 1), step);
        Tensor input = Rollout.sample(RECTIFIED_FLOW, network(WEIGHTS), before, NOISE, LABELS);
        Rollout.Path jump = new Rollout.Path(List.of(PHASE.timesteps().get(step)), List.of(PHASE.boundary()), 0);
        Map<String, Double> expected =
                differences(network -> dot(GRADIENT, Rollout.sample(RECTIFIED_FLOW, network, jump, input, LABELS)));
        Map<String, Double> throughAll = differences(
                network -> dot(GRADIENT, Rollout.sample(RECTIFIED_FLOW, network, sgts(step), NOISE, LABELS)));

        assertThat(largestDifference(gathered(RECTIFIED_FLOW, sgts(step)), expected))
                .isLessThan(1e-3);
        if (step > 0) {
            assertThat(largestDifference(throughAll, expected))
                    .as("a gradient through the steps before would be seen")
                    .isGreaterThan(1e-2);
        }
    }

    @Test
    void theDataThatAWalkNamesIsItsLastEvaluations() {
        TrainableNetwork network = network(WEIGHTS);
        try (Rollout.Walked walked = Rollout.walk(RECTIFIED_FLOW, network, sgts(2), NOISE, LABELS)) {
            Call last = networks.calls().get(2);
            assertThat(last.t().doubleAt(0)).isEqualTo(0.75);
            Tensor velocity = network.velocity(last.x(), last.t(), LABELS);
            assertThat(walked.x0()).isEqualTo(Velocity.toData(RECTIFIED_FLOW, last.x(), last.t(), velocity));
            assertThat(walked.xS())
                    .isEqualTo(Solver.step(RECTIFIED_FLOW, 0.75, 0.25).apply(last.x(), velocity));
        }
    }

    @ParameterizedTest
    @EnumSource
    void theSamplersStepsAreTheTrainingRolloutsBitForBit(Recipe.Schedule kind) {
        NetworkCard card = card(kind);
        ExpertRef teacher = networks.file("teacher", card, Map.of());
        ExpertRef first = networks.file("phase-1", card.ofExpert(1, PHASE.timesteps(), Map.of()), WEIGHTS);
        ExpertRef second = networks.file(
                "phase-2",
                card.ofExpert(2, PLAN.phase(2).timesteps(), Map.of()),
                Map.of(Term.SINE_X, 1.0, Term.X, 2.0));
        ModelCard model = new ModelCard("toy", card.sampleShape(), card.classNames());
        MixturePlan plan = new MixturePlan(model, PLAN, kind, teacher, 10, 1, List.of(first, second));
        long[] seeds = {1, 2, 3, 4, 5, 6};
        float[] noise = new float[2 * seeds.length];
        for (int i = 0; i < seeds.length; i++) {
            Tensor row = new Noise(seeds[i], 0).gaussian(Noise.Purpose.SERVING, 0, 1, 2);
            noise[2 * i] = row.floatAt(0);
            noise[2 * i + 1] = row.floatAt(1);
        }
        Tensor start = Tensor.of(noise, seeds.length, 2);
        NoiseSchedule schedule = NoiseSchedule.of(kind);

        Tensor atBoundary = Rollout.through(schedule, networks.open(first), PHASE, start, LABELS);
        Rollout.Path last = Rollout.Path.of(Recipe.Rollout.ONE_STEP, PLAN.phase(2), 0.5);
        try (Mixture mixture = Mixture.open(plan, networks);
                Rollout.Walked full = Rollout.walk(schedule, networks.open(first), full(), start, LABELS);
                Rollout.Walked sgts = Rollout.walk(schedule, networks.open(first), sgts(3), start, LABELS);
                Rollout.Walked trained = Rollout.walk(schedule, networks.open(second), last, atBoundary, LABELS)) {
            assertThat(List.of(full.xS(), sgts.xS()))
                    .as("with and without graphs, and however many")
                    .containsOnly(atBoundary);
            assertThat(mixture.sample(seeds, new long[] {0, 1, -1, -1, 1, 0}, seeds.length))
                    .isEqualTo(trained.xS());
        }
    }

    @Test
    void theClosedFormOfAStepIsRight() {
        Tensor x = Tensor.of(new float[] {0.5f, -1}, 1, 2);
        Tensor label = Tensor.of(new long[] {1}, 1);
        Rollout.Path jump = new Rollout.Path(List.of(0.5), List.of(0.25), 0);

        Tensor there = Rollout.sample(RECTIFIED_FLOW, network(WEIGHTS), jump, x, label);

        for (int i = 0; i < 2; i++) {
            double at = x.floatAt(i);
            double velocity = 0.6 * at - 0.4 * 0.5 * at + 0.8 * Math.sin(at) + 0.2 - 0.3;
            assertThat((double) there.floatAt(i)).isCloseTo(at - 0.25 * velocity, within(1e-6));
        }
    }
}
