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
import dev.sluice.protocol.Recipe.CriticWeighting;
import dev.sluice.protocol.Recipe.Normaliser;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.Architecture;
import dev.sluice.runtime.network.FormulaNetworks;
import dev.sluice.runtime.network.FormulaNetworks.Call;
import dev.sluice.runtime.network.FormulaNetworks.Opened;
import dev.sluice.runtime.network.FormulaNetworks.Term;
import dev.sluice.runtime.network.Network;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.Networks;
import dev.sluice.runtime.network.TorchNetworks;
import dev.sluice.runtime.network.TrainableNetwork;
import dev.sluice.runtime.network.TwoExperts;
import dev.sluice.runtime.network.TwoExpertsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Distilling a teacher of two experts: who starts from whom, when, and to which answer. */
class TwoExpertTeacherTest {
    private static final double ABSURD = 1000;
    private static final Recipe SGTS = Toy.recipe(Recipe.Rollout.SGTS, 7);

    @TempDir
    Path folder;

    private final FormulaNetworks networks = new FormulaNetworks();

    private static PhaseSetting setting(PhasePlan plan, int phase, Recipe recipe, double boundary) {
        ExpertRef high = new ExpertRef("high-noise", "a", 1, "/store/high.pt");
        ExpertRef low = new ExpertRef("low-noise", "b", 1, "/store/low.pt");
        return new PhaseSetting(plan, phase, recipe, Optional.of(new TwoExperts(boundary, high, low)));
    }

    /** Wan2.2's own numbers: boundary 0.875, timesteps 1000, 938, 833, 625, shift 5, phases to 0.833 and to 0. */
    @Test
    void onWansScheduleEachPhaseStartsFromOneExpertAndTheFirstNeedsOneFake() {
        PhasePlan wan = new PhasePlan(List.of(1.0, 0.938, 0.833, 0.625, 0.0), List.of(0.833, 0.0));
        Recipe recipe = Toy.recipe(Recipe.Rollout.SGTS, 7, Normaliser.KL, CriticWeighting.CLAMPED, 0.02, 5);
        ExpertRef teacher = new ExpertRef("teacher", "t", 1, "/store/two.json");
        PhaseSetting first = setting(wan, 1, recipe, 0.875);
        PhaseSetting second = setting(wan, 2, recipe, 0.875);

        assertThat(first.generatorStart(teacher).version()).isEqualTo("high-noise");
        assertThat(first.fakeStart(teacher).version()).isEqualTo("high-noise");
        assertThat(second.generatorStart(teacher).version()).isEqualTo("low-noise");
        assertThat(second.fakeStart(teacher)).as("both").isEqualTo(teacher);
        double[] above = draws(first);
        assertThat(above[0]).isBetween(0.875, 0.8755);
        assertThat(above[above.length - 1]).isGreaterThan(0.999);
        assertThat(draws(second)[0]).isLessThan(0.1);
    }

    private static double[] draws(PhaseSetting setting) {
        List<Double> all = new ArrayList<>();
        for (long key = 0; key < 1000; key++) {
            Arrays.stream(setting.criticTimes(key).toDoubles()).forEach(all::add);
            Arrays.stream(setting.scoreTimes(key).toDoubles()).forEach(all::add);
        }
        return all.stream().mapToDouble(t -> t).sorted().toArray();
    }

    @Test
    void aBoundaryBelowTheMarginChangesNoDraw() {
        for (int phase = 1; phase <= 2; phase++) {
            PhaseSetting alone = new PhaseSetting(Toy.PLAN, phase, SGTS);
            PhaseSetting two = setting(Toy.PLAN, phase, SGTS, 0.01);
            for (long key = 0; key < 100; key++) {
                assertThat(two.criticTimes(key)).isEqualTo(alone.criticTimes(key));
                assertThat(two.scoreTimes(key)).isEqualTo(alone.scoreTimes(key));
            }
        }
        // Phase 1 ends at 0.25: its own margin counts, not the boundary at the same place.
        assertThat(setting(Toy.PLAN, 1, SGTS, 0.25).criticTimes(3))
                .isEqualTo(new PhaseSetting(Toy.PLAN, 1, SGTS).criticTimes(3));
    }

    @Test
    void aPhaseOnBothSidesIsRefusedWithTheCutThatMendsIt() {
        String problem = "phase 1 evaluates its network at [1.0, 0.5], but the teacher has one expert from 1 to 0.6 and"
                + " another below, and a phase starts from one of them: cut the phase at 0.5, by adding that to the"
                + " boundaries";
        assertThatThrownBy(() -> setting(Toy.PLAN, 1, SGTS, 0.6))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(problem);
        PhasePlan cut = new PhasePlan(List.of(1.0, 0.5, 0.25, 0.0), List.of(0.5, 0.25, 0.0));
        assertThat(setting(cut, 1, SGTS, 0.6).s()).as("as it says").isEqualTo(0.5);

        ExpertRef part = networks.file("part", Toy.CARD, Toy.WEIGHTS);
        ExpertRef teacher = networks.twoExperts("teacher", 0.6, part, part);
        PlainLoop loop = new PlainLoop(networks, teacher, Toy.PLAN, SGTS);
        assertThatThrownBy(() -> loop.run(List.of(1, 1), folder, report -> {})).hasMessage(problem);
        assertThatThrownBy(() -> new GeneratorTraining(
                        new PhaseSetting(Toy.PLAN, 1, SGTS), networks, teacher, List.of(), Optional.empty()))
                .hasMessage(problem);
        assertThatThrownBy(() ->
                        new CriticTraining(new PhaseSetting(Toy.PLAN, 1, SGTS), networks, teacher, Optional.empty()))
                .hasMessage(problem);
        assertThat(networks.openNetworks()).isZero();
        assertThat(networks.opened()).isEmpty();
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void anExpertThatLeavesNoTimeToScoreAtIsRefused() {
        PhasePlan plan = new PhasePlan(List.of(1.0, 0.5, 0.0), List.of(0.5, 0.0));

        assertThatThrownBy(() -> setting(plan, 1, SGTS, 0.99))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("leaves no time to score its samples at")
                .hasMessageEndingWith("the teacher's own boundary is 0.99");
    }

    @Test
    void onlyWhatAPhaseNeedsIsOpenedAndAskedOnItsOwnSide() throws IOException {
        ExpertRef high = networks.file("high", Toy.CARD, Toy.WEIGHTS);
        ExpertRef low = networks.file("low", Toy.CARD, Toy.WEIGHTS);
        ExpertRef teacher = networks.twoExperts("teacher", 0.5, high, low);
        List<ExpertRef> experts = new PlainLoop(networks, teacher, Toy.PLAN, SGTS).run(List.of(3, 3), folder, r -> {});

        assertThat(networks.opened()).extracting(Opened::network).containsExactly("high", "high", "low", "teacher");
        assertThat(networks.calls()).extracting(Call::network).contains("high", "low", "phase-1");
        for (Call call : networks.calls()) {
            assertThat(Arrays.stream(call.t().toDoubles()).boxed())
                    .as(call.network())
                    .allMatch(t -> call.network().startsWith("phase")
                            || t >= 0.5 == call.network().equals("high"));
        }
        assertThat(networks.openNetworks()).isZero();
        assertThat(networks.openGraphs()).isZero();
        for (int k = 1; k <= 2; k++) {
            assertThat(networks.card(Path.of(experts.get(k - 1).path())).provenance())
                    .containsEntry("teacher-sha256", "sha-of-teacher")
                    .containsEntry("teacher-expert", k == 1 ? "high" : "low");
        }
    }

    /** The exact velocity of the point m on one side of ½, a thousand more on the other. */
    private ExpertRef halves(String name, double m) {
        return networks.twoExperts(
                name,
                0.5,
                networks.file(
                        name + "-high",
                        Toy.CARD,
                        Map.of(Term.X_OVER_T, 1.0, Term.ONE_OVER_T, -m, Term.BELOW_HALF, ABSURD)),
                networks.file(
                        name + "-low",
                        Toy.CARD,
                        Map.of(Term.X_OVER_T, 1.0, Term.ONE_OVER_T, -m, Term.FROM_HALF, ABSURD)));
    }

    /** Each expert is exact where it answers; one evaluation on the other side would throw everything off. */
    @Test
    void expertsThatAreAbsurdOnTheOtherSideStillLeadToTheTeachersPoint() throws IOException {
        ExpertRef exact = halves("exact", 0.4);
        ExpertRef off = halves("off", -0.2);
        Recipe recipe = Toy.recipe(Recipe.Rollout.SGTS, 1, Normaliser.KL, CriticWeighting.CLAMPED, 0.2, 1);
        List<ExpertRef> experts = new ArrayList<>();
        for (int phase = 1; phase <= 2; phase++) {
            PhaseSetting setting = new PhaseSetting(Toy.PLAN, phase, recipe);
            try (GeneratorTraining generator =
                            new GeneratorTraining(setting, networks, off, experts, Optional.empty());
                    CriticTraining critic = new CriticTraining(setting, networks, off, Optional.empty());
                    Network teacher = networks.open(exact)) {
                for (int cycle = 0; cycle < 600; cycle++) {
                    for (int update = 0; update < 2; update++) {
                        GeneratorTraining.Samples samples = generator.rollOut(cycle, update);
                        critic.train(cycle, update, samples.xS(), samples.labels());
                    }
                    NoisySamples noisy = generator.rollOutScored(cycle);
                    Tensor velocity = teacher.velocity(noisy.xT(), noisy.t(), noisy.labels());
                    generator.step(cycle, critic.score(noisy, velocity).gradient());
                }
                Map<Term, Double> learnt = Toy.byTerm(generator.weights());
                assertThat(-learnt.get(Term.ONE_OVER_T)).as("phase %d", phase).isCloseTo(0.4, within(0.06));
                assertThat(learnt.get(phase == 1 ? Term.BELOW_HALF : Term.FROM_HALF))
                        .as("never asked there, never moved")
                        .isEqualTo(ABSURD);
                Map<String, Tensor> fake = critic.weights();
                assertThat(fake.keySet().stream().anyMatch(name -> name.startsWith("low-noise.")))
                        .as("phase 2 has two fakes")
                        .isEqualTo(phase == 2);
                Path file = folder.resolve("phase-" + phase + ".pt");
                generator.publish(file, Map.of());
                experts.add(new ExpertRef(
                        "phase-" + phase, "sha", 1, file.toAbsolutePath().toString()));
            }
        }
    }

    private record Trained(List<CycleReport> reports, List<Map<String, Tensor>> weights) {}

    private Trained onTorch(Networks torch, ExpertRef teacher, String name) throws IOException {
        List<CycleReport> heard = new ArrayList<>();
        List<Map<String, Tensor>> weights = new ArrayList<>();
        for (ExpertRef expert : new PlainLoop(torch, teacher, Toy.PLAN, SGTS)
                .run(List.of(4, 3), Files.createDirectory(folder.resolve(name)), heard::add)) {
            try (TrainableNetwork opened = torch.openForTraining(expert, AdamWSettings.ofPaper(1), 0)) {
                weights.add(opened.weights());
            }
        }
        return new Trained(heard, weights);
    }

    /**
     * Two copies of one network are that network. Bit for bit where every batch goes to one of them: with the boundary
     * below the margin all of a run, with the boundary in the margin above the end of phase 1 all of phase 1.
     */
    @Test
    void twoCopiesOfOneNetworkAreDistilledAsThatNetworkBitForBit() throws IOException {
        Networks torch = TorchNetworks.on("cpu", 1);
        Path one = folder.resolve("one.pt");
        NetworkFile.create(one, new Architecture.VelocityMlp(16, 2), Toy.CARD, 1);
        Path copy = Files.copy(one, folder.resolve("copy.pt"));
        Trained single = onTorch(torch, NetworkFile.reference("teacher", one), "single");
        Path below = folder.resolve("below.json");
        TwoExpertsFile.join(below, 0.01, one, copy);
        Path between = folder.resolve("between.json");
        // Phase 1 ends at 0.25, which is evaluated by phase 2: the boundary lies above, but within the margin.
        TwoExpertsFile.join(between, 0.26, one, copy);

        assertThat(onTorch(torch, NetworkFile.reference("teacher", below), "below"))
                .isEqualTo(single);
        Trained cut = onTorch(torch, NetworkFile.reference("teacher", between), "between");
        assertThat(cut.reports().subList(0, 4)).isEqualTo(single.reports().subList(0, 4));
        assertThat(cut.weights().get(0)).isEqualTo(single.weights().get(0));
        assertThat(cut.reports().get(4).critic().losses().get(0))
                .as("phase 2 begins alike: two fakes of the same weights")
                .isCloseTo(single.reports().get(4).critic().losses().get(0), within(1e-5));
        assertThat(cut.reports().subList(4, 7)).allMatch(CycleReport::stepped);
    }
}
