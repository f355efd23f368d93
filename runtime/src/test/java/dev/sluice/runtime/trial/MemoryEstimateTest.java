package dev.sluice.runtime.trial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Role;
import dev.sluice.runtime.network.TrialReport;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The estimate in round numbers, and who is let in by it. */
class MemoryEstimateTest {
    private static final long MIB = 1L << 20;
    private static final long GIB = 1L << 30;
    private static final PhasePlan TWO_PHASES = new PhasePlan(List.of(1.0, 0.75, 0.5, 0.0), List.of(0.5, 0.0));

    /** 10 MiB of parameters, 1 MiB to evaluate a sample, 5 MiB to train on one. */
    private static final TrialReport NETWORK = new TrialReport("", "", "", 10 * MIB, MIB, 5 * MIB);

    private static Recipe recipe(int batch, double guidance, Recipe.Rollout rollout, int staleness) {
        AdamWSettings optimizer = AdamWSettings.ofPaper(1e-4);
        return new Recipe(
                1,
                batch,
                4,
                guidance,
                Recipe.Schedule.RECTIFIED_FLOW,
                rollout,
                Recipe.Normaliser.PER_SAMPLE,
                Recipe.CriticWeighting.CLAMPED,
                0.02,
                1,
                optimizer,
                optimizer,
                0.98,
                staleness,
                Recipe.Ablation.NONE);
    }

    private static MemoryEstimate estimate(int networks, Recipe recipe, int gridSamples) {
        return MemoryEstimate.of(
                new MemoryEstimate.Experiment(NETWORK, networks, MIB / 4, TWO_PHASES, recipe, 16, gridSamples));
    }

    @Test
    void countsWhatEachRoleHolds() {
        MemoryEstimate estimate = estimate(1, recipe(8, 2, Recipe.Rollout.SGTS, 0), 0);

        assertThat(estimate.roles())
                .containsExactlyInAnyOrderEntriesOf(Map.of(
                        // 8 copies and the frozen expert of the first phase, a graph, an evaluation.
                        Role.GENERATOR, (8 + 1) * 10 * MIB + 8 * 8 * MIB + 8 * 8 * MIB,
                        Role.CRITIC, 6 * 10 * MIB + 8 * 8 * MIB,
                        // Guidance doubles the batch; a sample of 1 MiB is taken for 8 MiB at least.
                        Role.TEACHER, 10 * MIB + 2 * 8 * 8 * MIB,
                        Role.SAMPLER, 10 * MIB + 2 * 10 * MIB + 2 * 16 * 8 * MIB));
        assertThat(estimate.heap()).isEqualTo(8 * 10 * MIB + (24 + 4) * 8 * MIB);
    }

    @Test
    void growsWithTheBatchTheKeptGraphsTheGridAndASecondExpert() {
        MemoryEstimate least = estimate(1, recipe(8, 1, Recipe.Rollout.SGTS, 0), 0);
        long generator = least.roles().get(Role.GENERATOR);

        assertThat(estimate(1, recipe(16, 1, Recipe.Rollout.SGTS, 0), 0).roles().get(Role.GENERATOR) - generator)
                .isEqualTo(8 * (8 + 8) * MIB);
        // Phase 1 has two steps, whose graphs are kept together.
        assertThat(estimate(1, recipe(8, 1, Recipe.Rollout.FULL, 0), 0).roles().get(Role.GENERATOR) - generator)
                .isEqualTo(8 * 8 * MIB);
        assertThat(estimate(1, recipe(8, 1, Recipe.Rollout.SGTS, 2), 0).roles().get(Role.GENERATOR) - generator)
                .isEqualTo(2 * 8 * 8 * MIB);
        assertThat(estimate(1, recipe(8, 1, Recipe.Rollout.SGTS, 0), 100).heap() - least.heap())
                .isEqualTo(4 * 100 * MIB);
        assertThat(estimate(2, recipe(8, 1, Recipe.Rollout.SGTS, 0), 0).roles().get(Role.CRITIC)
                        - least.roles().get(Role.CRITIC))
                .isEqualTo(6 * 10 * MIB);
    }

    @Test
    void theLargestMessageIsTheScoredBatch() {
        // Latents of a video model, [16, 21, 60, 104].
        long elements = 16L * 21 * 60 * 104;

        assertThat(MemoryEstimate.largestMessage(8, elements)).isLessThan(256 * MIB);
        assertThat(MemoryEstimate.largestMessage(9, elements)).isGreaterThan(256 * MIB);
        assertThat(MemoryEstimate.largestBatch(256 * MIB, elements)).isEqualTo(8);
    }

    private static MemoryEstimate needing(long generator, long heap) {
        return new MemoryEstimate(Map.of(Role.GENERATOR, generator), heap);
    }

    @Test
    void whatDoesNotFitIsRefusedWithTheEstimate() {
        MemoryBudget budget = new MemoryBudget(8 * GIB, 2 * GIB);
        budget.promise("small", needing(2 * GIB, 100 * MIB));

        assertThatThrownBy(() -> budget.promise("big", needing(6 * GIB, 512 * MIB)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("experiment big needs about 6.5 GiB (generator 6.0 GiB, tensors in Java 512 MiB) of memory"
                        + " and this node has 8.0 GiB, of which running experiments need about 2.1 GiB; lower"
                        + " experiment.recipe.batch, or say in node.memory-gib that there is more");
        assertThatThrownBy(() -> budget.promise("big", needing(0, 2 * GIB)))
                .hasMessage(
                        "experiment big needs about 2.0 GiB of Java's heap for tensors and this process has 2.0 GiB,"
                                + " of which running experiments need about 100 MiB; lower experiment.recipe.batch or"
                                + " experiment.grid-samples, or start with a larger SLUICE_HEAP");
        budget.release("small");
        assertThatCode(() -> budget.promise("big", needing(6 * GIB, 512 * MIB))).doesNotThrowAnyException();
    }

    @Test
    void anExperimentReplacesItselfAndThenOnlyServes() {
        MemoryBudget budget = new MemoryBudget(8 * GIB, 2 * GIB);
        MemoryEstimate most = new MemoryEstimate(Map.of(Role.GENERATOR, 6 * GIB, Role.SAMPLER, GIB), 0);
        budget.promise("one", most);
        budget.promise("one", most);
        assertThatThrownBy(() -> budget.requireRoom("two", most)).isInstanceOf(IllegalArgumentException.class);
        budget.onlyServes("one");
        assertThatThrownBy(() -> budget.requireRoom("two", most)).hasMessageContaining("need about 1.0 GiB");
        assertThatCode(() -> budget.requireRoom("two", needing(6 * GIB, 0))).doesNotThrowAnyException();
    }

    @Test
    void twentyFiveSmallExperimentsFit() {
        MemoryBudget budget = new MemoryBudget(8 * GIB, 2 * GIB);
        TrialReport fashion = new TrialReport("", "", "", 2_874_304, 427_622, 2_436_846);
        MemoryEstimate quick = MemoryEstimate.of(new MemoryEstimate.Experiment(
                fashion, 1, 784, TWO_PHASES, recipe(8, 2, Recipe.Rollout.SGTS, 0), 16, 20));
        for (int i = 0; i < 25; i++) {
            budget.promise("quick-" + i, quick);
        }
        MemoryEstimate huge = MemoryEstimate.of(new MemoryEstimate.Experiment(
                fashion, 1, 784, TWO_PHASES, recipe(65_536, 2, Recipe.Rollout.SGTS, 0), 16, 20));
        assertThatThrownBy(() -> new MemoryBudget(64 * GIB, 2 * GIB).requireRoom("huge", huge))
                .hasMessageStartingWith("experiment huge needs about ");
    }

    @Test
    void aRoleThatNoNodeCouldHoldIsRefused() {
        assertThatThrownBy(() -> new MemoryBudget(4 * GIB, GIB).requireRolesFit("big", needing(5 * GIB, 0)))
                .hasMessage("the generator of experiment big needs about 5.0 GiB of memory and a node has 4.0 GiB;"
                        + " lower experiment.recipe.batch, or say in node.memory-gib that there is more");
    }
}
