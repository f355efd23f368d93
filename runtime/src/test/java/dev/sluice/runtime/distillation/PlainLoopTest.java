package dev.sluice.runtime.distillation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.CycleReport;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.Architecture;
import dev.sluice.runtime.network.FormulaNetworks;
import dev.sluice.runtime.network.FormulaNetworks.Call;
import dev.sluice.runtime.network.FormulaNetworks.Opened;
import dev.sluice.runtime.network.FormulaNetworks.Term;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.Networks;
import dev.sluice.runtime.network.TorchNetworks;
import dev.sluice.runtime.network.TrainableNetwork;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlainLoopTest {
    @TempDir
    Path folder;

    private final FormulaNetworks networks = new FormulaNetworks();
    private final ExpertRef teacher = networks.file("teacher", Toy.CARD, Toy.WEIGHTS);
    private final List<CycleReport> reports = new ArrayList<>();

    private static Recipe guided(Recipe.Rollout rollout, long seed, double guidance, double rate) {
        return new Recipe(
                seed,
                8,
                2,
                guidance,
                Recipe.Schedule.RECTIFIED_FLOW,
                rollout,
                Recipe.Normaliser.BATCH,
                Recipe.CriticWeighting.CLAMPED,
                0.02,
                1,
                AdamWSettings.ofPaper(rate),
                AdamWSettings.ofPaper(rate),
                0.9,
                0,
                Recipe.Ablation.NONE);
    }

    private List<ExpertRef> run(PhasePlan plan, Recipe recipe, List<Integer> cycles) throws IOException {
        return new PlainLoop(networks, teacher, plan, recipe).run(cycles, folder, reports::add);
    }

    @Test
    void aCycleTrainsTheCriticOnFreshBatchesThenScoresOneAndStepsTheGenerator() throws IOException {
        run(Toy.SINGLE_STEPS, guided(Recipe.Rollout.ONE_STEP, 1, 2, 0.01), List.of(2, 1));

        // Generator's batch and critic's update, twice; scored batch; teacher, guided in one call; fake.
        List<Boolean> cycle = List.of(false, true, false, true, true, false, false);
        List<Integer> rows = List.of(8, 8, 8, 8, 8, 16, 8);
        List<Call> calls = networks.calls();
        assertThat(calls.subList(0, 7)).extracting(Call::graph).isEqualTo(cycle);
        assertThat(calls.subList(0, 7)).extracting(call -> call.x().dim(0)).isEqualTo(rows);
        assertThat(calls.subList(7, 14)).extracting(Call::graph).isEqualTo(cycle);
        assertThat(calls.subList(0, 14)).extracting(Call::network).containsOnly("teacher");
        assertThat(calls.get(5).x().rows(0, 8))
                .as("teacher and fake at the same samples")
                .isEqualTo(calls.get(6).x());
        assertThat(calls.get(5).labels().toLongs())
                .as("half of them without a class")
                .endsWith(2, 2, 2, 2, 2, 2, 2, 2);
        // Phase 2: the frozen expert walks each of the generator's three batches to its start.
        assertThat(calls.subList(14, calls.size()))
                .extracting(Call::network)
                .containsExactly(
                        "phase-1", "teacher", "teacher", "phase-1", "teacher", "teacher", "phase-1", "teacher",
                        "teacher", "teacher");
        assertThat(networks.openGraphs()).isZero();
        assertThat(networks.openNetworks()).isZero();
    }

    @Test
    void everyPhaseStartsGeneratorAndFakeFromTheTeacherAndReportsItsCycles() throws IOException {
        Recipe recipe = Toy.recipe(Recipe.Rollout.SGTS, 1);

        List<ExpertRef> experts = run(Toy.PLAN, recipe, List.of(3, 2));

        Opened generator = new Opened("teacher", recipe.generatorOptimizer(), Toy.EMA);
        Opened fake = new Opened("teacher", recipe.criticOptimizer(), 0);
        assertThat(networks.opened()).containsExactly(generator, fake, generator, fake);
        assertThat(reports).extracting(CycleReport::phase).containsExactly(1, 1, 1, 2, 2);
        assertThat(reports).extracting(CycleReport::cycle).containsExactly(0, 1, 2, 0, 1);
        assertThat(reports)
                .allMatch(CycleReport::stepped)
                .allMatch(report -> report.gradientNorm() > 0 && report.gradientMagnitude() > 0)
                .allMatch(report -> report.critic().losses().size() == 2);
        assertThat(experts).extracting(ExpertRef::version).containsExactly("phase-1", "phase-2");
        for (int k = 1; k <= 2; k++) {
            NetworkCard card = networks.card(Path.of(experts.get(k - 1).path()));
            assertThat(card.phase()).isEqualTo(k);
            assertThat(card.timesteps()).isEqualTo(Toy.PLAN.phase(k).timesteps());
        }
    }

    @Test
    void aSkippedStepIsReportedAsOne() throws IOException {
        Map<Term, Double> broken = Map.of(Term.X, Double.NaN);
        ExpertRef nan = networks.file("nan", Toy.CARD, broken);

        new PlainLoop(networks, nan, Toy.SINGLE_STEPS, Toy.recipe(Recipe.Rollout.ONE_STEP, 1))
                .run(List.of(1, 0), folder, reports::add);

        assertThat(reports).hasSize(1);
        assertThat(reports.get(0).stepped()).isFalse();
        assertThat(reports.get(0).gradientNorm()).isNaN();
        assertThat(reports.get(0).critic().skipped()).isEqualTo(2);
    }

    @Test
    void refusesWhatDoesNotFitBeforeAnythingIsOpened() {
        assertThatThrownBy(() -> run(Toy.PLAN, Toy.recipe(Recipe.Rollout.SGTS, 1), List.of(3)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("cycles [3] must be one number for each of the plan's 2 phases");
        PhasePlan twoStepsAtTheEnd = new PhasePlan(List.of(1.0, 0.5, 0.25, 0.0), List.of(0.5, 0.0));
        assertThatThrownBy(() -> run(twoStepsAtTheEnd, Toy.recipe(Recipe.Rollout.ONE_STEP, 1), List.of(3, 3)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("rollout one-step needs phases of one step; phase 2 has 2");
        assertThat(networks.calls()).isEmpty();
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void closesEverythingWhenItsListenerFails() {
        PlainLoop loop = new PlainLoop(networks, teacher, Toy.PLAN, Toy.recipe(Recipe.Rollout.FULL, 1));

        assertThatThrownBy(() -> loop.run(List.of(3, 2), folder, report -> {
                    throw new IllegalStateException("no more");
                }))
                .hasMessage("no more");
        assertThat(networks.calls()).isNotEmpty();
        assertThat(networks.openNetworks()).isZero();
        assertThat(networks.openGraphs()).isZero();
    }

    /** A teacher of the point mass 0.4, a generator and a fake that start at the point mass −0.2. */
    @Test
    void aGeneratorThatIsOffIsPulledToTheTeachersPointMass() throws IOException {
        ExpertRef exact = networks.file("exact", Toy.CARD, Map.of(Term.X_OVER_T, 1.0, Term.ONE_OVER_T, -0.4));
        PhasePlan plan = new PhasePlan(List.of(1.0, 0.0), List.of(0.0));
        PhaseSetting setting = new PhaseSetting(
                plan,
                1,
                Toy.recipe(Recipe.Rollout.ONE_STEP, 1, Recipe.Normaliser.KL, Recipe.CriticWeighting.CLAMPED, 0.3, 1));
        ExpertRef off = networks.file("off", Toy.CARD, Map.of(Term.X_OVER_T, 1.0, Term.ONE_OVER_T, 0.2));
        double before;
        double after;
        try (GeneratorTraining generator = new GeneratorTraining(setting, networks, off, List.of(), Optional.empty());
                CriticTraining critic = new CriticTraining(setting, networks, off, Optional.empty());
                TrainableNetwork frozen = networks.open(exact)) {
            before = generator.rollOut(0, 0).xS().floatAt(0);
            train(generator, critic, frozen, 400);
            after = -Toy.byTerm(generator.weights()).get(Term.ONE_OVER_T);
        }
        assertThat(before).isCloseTo(-0.2, within(1e-6));
        assertThat(after).isCloseTo(0.4, within(0.05));
    }

    /**
     * The four methods of the paper's Fig 1 on two points of mass: each pulls a generator that is off to the teacher's
     * point, by the method's own phases and steps.
     */
    @ParameterizedTest
    @CsvSource({"FULL, 0", "SGTS, 0", "FULL, 0.5", "SGTS, 0.5"})
    void everyMethodPullsItsLastExpertToTheTeachersPointMass(Recipe.Rollout rollout, double boundary)
            throws IOException {
        ExpertRef exact = networks.file("exact", Toy.CARD, Map.of(Term.X_OVER_T, 1.0, Term.ONE_OVER_T, -0.4));
        List<Double> boundaries = boundary == 0 ? List.of(0.0) : List.of(boundary, 0.0);
        PhasePlan plan = new PhasePlan(List.of(1.0, 0.75, 0.5, 0.25, 0.0), boundaries);
        Recipe recipe = Toy.recipe(rollout, 1, Recipe.Normaliser.KL, Recipe.CriticWeighting.CLAMPED, 0.2, 1);
        ExpertRef off = networks.file("off", Toy.CARD, Map.of(Term.X_OVER_T, 1.0, Term.ONE_OVER_T, 0.2));
        List<ExpertRef> experts = new ArrayList<>();
        for (int phase = 1; phase <= plan.phaseCount(); phase++) {
            PhaseSetting setting = new PhaseSetting(plan, phase, recipe);
            try (GeneratorTraining generator =
                            new GeneratorTraining(setting, networks, off, experts, Optional.empty());
                    CriticTraining critic = new CriticTraining(setting, networks, off, Optional.empty());
                    TrainableNetwork frozen = networks.open(exact)) {
                train(generator, critic, frozen, 600);
                assertThat(-Toy.byTerm(generator.weights()).get(Term.ONE_OVER_T))
                        .as("phase %d", phase)
                        .isCloseTo(0.4, within(0.06));
                Path file = folder.resolve("phase-" + phase + ".pt");
                generator.publish(file, Map.of());
                experts.add(new ExpertRef(
                        "phase-" + phase, "sha", 1, file.toAbsolutePath().toString()));
            }
        }
    }

    private static void train(
            GeneratorTraining generator, CriticTraining critic, TrainableNetwork teacher, int cycles) {
        for (int cycle = 0; cycle < cycles; cycle++) {
            for (int update = 0; update < 2; update++) {
                GeneratorTraining.Samples samples = generator.rollOut(cycle, update);
                critic.train(cycle, update, samples.xS(), samples.labels());
            }
            NoisySamples noisy = generator.rollOutScored(cycle);
            Tensor velocity = teacher.velocity(noisy.xT(), noisy.t(), noisy.labels());
            generator.step(cycle, critic.score(noisy, velocity).gradient());
        }
    }

    private record Trained(List<CycleReport> reports, List<byte[]> experts, List<Map<String, Tensor>> weights) {}

    /** Two phases of the real thing: perceptrons on libtorch. */
    private Trained onTorch(String name, long seed) throws IOException {
        Networks torch = TorchNetworks.on("cpu", 1);
        Path file = folder.resolve("teacher.pt");
        NetworkFile.create(file, new Architecture.VelocityMlp(16, 2), Toy.CARD, 1);
        Path out = Files.createDirectory(folder.resolve(name));
        List<CycleReport> heard = new ArrayList<>();
        List<ExpertRef> experts = new PlainLoop(
                        torch,
                        NetworkFile.reference("teacher", file),
                        Toy.PLAN,
                        guided(Recipe.Rollout.SGTS, seed, 2, 1e-3))
                .run(List.of(4, 3), out, heard::add);
        List<byte[]> bytes = new ArrayList<>();
        List<Map<String, Tensor>> weights = new ArrayList<>();
        for (ExpertRef expert : experts) {
            bytes.add(Files.readAllBytes(Path.of(expert.path())));
            try (TrainableNetwork opened = torch.openForTraining(expert, AdamWSettings.ofPaper(1), 0)) {
                weights.add(opened.weights());
            }
        }
        return new Trained(heard, bytes, weights);
    }

    @Test
    void onLibtorchEqualSeedsGiveEqualExpertsBitForBitAndOthersDoNot() throws IOException {
        Trained first = onTorch("first", 1);
        Trained second = onTorch("second", 1);
        Trained other = onTorch("other", 2);

        assertThat(first.reports()).hasSize(7).allMatch(CycleReport::stepped);
        assertThat(second.reports()).isEqualTo(first.reports());
        assertThat(other.reports()).isNotEqualTo(first.reports());
        for (int k = 0; k < 2; k++) {
            assertThat(second.experts().get(k)).isEqualTo(first.experts().get(k));
            // Not the files, whose cards name the seed.
            assertThat(other.weights().get(k)).isNotEqualTo(first.weights().get(k));
        }
        assertThat(first.weights().get(0)).isNotEqualTo(first.weights().get(1));
    }
}
