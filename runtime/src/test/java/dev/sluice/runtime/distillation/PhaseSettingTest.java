package dev.sluice.runtime.distillation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Recipe.CriticWeighting;
import dev.sluice.protocol.Recipe.Normaliser;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.noise.Noise;
import dev.sluice.runtime.schedule.NoiseSchedule;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PhaseSettingTest {
    private static final Recipe SGTS = Toy.recipe(Recipe.Rollout.SGTS, 7);

    private static Recipe recipe(double margin, double shift) {
        return Toy.recipe(Recipe.Rollout.SGTS, 7, Normaliser.KL, CriticWeighting.CLAMPED, margin, shift);
    }

    @Test
    void knowsItsPhaseAndItsBoundary() {
        PhaseSetting first = new PhaseSetting(Toy.PLAN, 1, SGTS);
        PhaseSetting second = new PhaseSetting(Toy.PLAN, 2, SGTS);

        assertThat(first.s()).isEqualTo(0.25);
        assertThat(first.phase().timesteps()).containsExactly(1.0, 0.5, 0.25);
        assertThat(second.s()).isZero();
        assertThat(second.phase().timesteps()).containsExactly(0.25, 0.0);
        assertThat(second.schedule()).isSameAs(NoiseSchedule.of(Recipe.Schedule.RECTIFIED_FLOW));
    }

    @Test
    void refusesAPhaseThatThePlanDoesNotHave() {
        assertThatThrownBy(() -> new PhaseSetting(Toy.PLAN, 3, SGTS))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("there is no phase 3, the plan has phases 1 to 2");
    }

    @Test
    void refusesAPhaseOfSeveralStepsForARolloutOfOne() {
        Recipe oneStep = Toy.recipe(Recipe.Rollout.ONE_STEP, 7);

        assertThatThrownBy(() -> new PhaseSetting(Toy.PLAN, 1, oneStep))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("rollout one-step needs phases of one step; phase 1 has 2");
        assertThatCode(() -> new PhaseSetting(Toy.PLAN, 2, oneStep)).doesNotThrowAnyException();
    }

    @Test
    void refusesABoundaryThatLeavesNoTimeToScoreAt() {
        PhasePlan late = new PhasePlan(List.of(1.0, 0.97, 0.0), List.of(0.97, 0.0));

        assertThatThrownBy(() -> new PhaseSetting(late, 1, recipe(0.02, 1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("phase 1 ends at 0.97, which with shift 1.0 and margin 0.02 leaves no time to score its"
                        + " samples at (before the shift, 0.99 to 0.98): lower the boundary or the margin, or raise"
                        + " the shift");
        assertThatCode(() -> new PhaseSetting(late, 1, recipe(0.005, 1)))
                .as("a smaller margin, as it says")
                .doesNotThrowAnyException();
        assertThatCode(() -> new PhaseSetting(late, 1, recipe(0.02, 5)))
                .as("a larger shift, as it says")
                .doesNotThrowAnyException();
        assertThatCode(() -> new PhaseSetting(late, 2, recipe(0.02, 1))).doesNotThrowAnyException();
    }

    /** Ends worked out by hand from t' = κt / (1 + (κ−1)t): of s, s + margin and 0.98. */
    @ParameterizedTest
    @CsvSource({
        "1, 1, 0.27,                 0.98",
        // 0.25 before the shift: 0.25 / (5 − 4·0.25) = 0.0625.
        "1, 5, 0.3101503759398496 ,  0.9959349593495935",
        "2, 1, 0.02,                 0.98",
        "2, 5, 0.09259259259259259,  0.9959349593495935",
    })
    void timesRunFromTheMarginAboveTheBoundary(int phase, double shift, double first, double lastScored) {
        PhaseSetting setting = new PhaseSetting(Toy.PLAN, phase, recipe(0.02, shift));
        Bounds critic = new Bounds();
        Bounds score = new Bounds();
        for (long key = 0; key < 2000; key++) {
            critic.add(setting.criticTimes(key));
            score.add(setting.scoreTimes(key));
        }

        assertThat(critic.least).isBetween(first, first + 0.002);
        assertThat(critic.most).isBetween(0.999, 1.0);
        assertThat(score.least).isBetween(first, first + 0.002);
        assertThat(score.most).isBetween(lastScored - 0.001, lastScored);
        if (shift == 1) {
            assertThat(critic.sum / critic.count).isCloseTo((first + 1) / 2, within(0.01));
            assertThat(score.sum / score.count).isCloseTo((first + lastScored) / 2, within(0.01));
        }
    }

    @Test
    void disjointIntervalsEndWhereThePhaseBeforeEnded() {
        Recipe disjoint = Toy.without(Recipe.Ablation.DISJOINT_INTERVALS, recipe(0.02, 5));
        Bounds first = new Bounds();
        Bounds second = new Bounds();
        for (long key = 0; key < 2000; key++) {
            first.add(new PhaseSetting(Toy.PLAN, 1, disjoint).criticTimes(key));
            second.add(new PhaseSetting(Toy.PLAN, 2, disjoint).criticTimes(key));
            second.add(new PhaseSetting(Toy.PLAN, 2, disjoint).scoreTimes(key));
        }

        assertThat(first.most).isBetween(0.999, 1.0);
        assertThat(second.least).isBetween(0.0925, 0.094);
        assertThat(second.most).isBetween(0.249, 0.25);
        PhasePlan thin = new PhasePlan(List.of(1.0, 0.01, 0.0), List.of(0.01, 0.0));
        assertThatThrownBy(() ->
                        new PhaseSetting(thin, 2, Toy.without(Recipe.Ablation.DISJOINT_INTERVALS, recipe(0.02, 1))))
                .hasMessageContaining("leaves no time to score its samples at (before the shift, 0.02 to 0.01)");
    }

    private static final class Bounds {
        private double least = Double.POSITIVE_INFINITY;
        private double most = Double.NEGATIVE_INFINITY;
        private double sum;
        private int count;

        void add(Tensor t) {
            for (int i = 0; i < t.size(); i++) {
                least = Math.min(least, t.doubleAt(i));
                most = Math.max(most, t.doubleAt(i));
                sum += t.doubleAt(i);
                count++;
            }
        }
    }

    @Test
    void drawsFromTheRunsSeedThePhaseAndThePurposeOfEachTime() {
        PhaseSetting setting = new PhaseSetting(Toy.PLAN, 1, recipe(0.02, 1));
        double[] critic = new Noise(7, 1).uniform(Noise.Purpose.CRITIC_TIME, 11, 8);
        double[] score = new Noise(7, 1).uniform(Noise.Purpose.SCORE_TIME, 11, 8);

        assertThat(setting.noise()).isEqualTo(new Noise(7, 1));
        for (int i = 0; i < 8; i++) {
            assertThat(setting.criticTimes(11).doubleAt(i)).isCloseTo(0.27 + 0.73 * critic[i], within(1e-12));
            assertThat(setting.scoreTimes(11).doubleAt(i)).isCloseTo(0.27 + 0.71 * score[i], within(1e-12));
        }
        assertThat(new PhaseSetting(Toy.SINGLE_STEPS, 2, SGTS).criticTimes(11))
                .isNotEqualTo(new PhaseSetting(Toy.SINGLE_STEPS, 1, SGTS).criticTimes(11));
    }

    @Test
    void noTwoBatchesOfAPhaseShareAKey() {
        PhaseSetting setting = new PhaseSetting(Toy.PLAN, 1, SGTS);
        Set<Long> keys = new HashSet<>();
        for (int cycle = 0; cycle < 100; cycle++) {
            for (int index = 0; index <= SGTS.criticUpdates(); index++) {
                assertThat(keys.add(setting.batchKey(cycle, index))).isTrue();
            }
        }
        assertThat(setting.batchKey(Integer.MAX_VALUE, 0)).as("beyond an int").isEqualTo(3L * Integer.MAX_VALUE);
    }

    @Test
    void refusesATeacherOfAnotherForwardProcess() {
        PhaseSetting setting = new PhaseSetting(Toy.PLAN, 1, SGTS);
        NetworkCard other =
                new NetworkCard(List.of(2), List.of(), Recipe.Schedule.VARIANCE_PRESERVING, 0, List.of(), Map.of());

        assertThatCode(() -> setting.requireTeacher(Toy.CARD)).doesNotThrowAnyException();
        assertThatThrownBy(() -> setting.requireTeacher(other))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("the teacher was trained on the schedule VARIANCE_PRESERVING, the recipe says"
                        + " RECTIFIED_FLOW: set the recipe's schedule to the teacher's");
    }

    @Test
    void refusesAnExpertOfAnotherPlaceOrOfOtherTimesteps() {
        PhaseSetting setting = new PhaseSetting(Toy.PLAN, 2, SGTS);
        NetworkCard right = Toy.CARD.ofExpert(1, List.of(1.0, 0.5, 0.25), Map.of());

        assertThatCode(() -> setting.requireExpert(1, right, Toy.CARD)).doesNotThrowAnyException();
        assertThatThrownBy(() ->
                        setting.requireExpert(1, Toy.CARD.ofExpert(1, List.of(1.0, 0.6, 0.25), Map.of()), Toy.CARD))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("phase 1 of the plan has timesteps [1.0, 0.5, 0.25], its expert was trained as phase 1"
                        + " with [1.0, 0.6, 0.25]: distil that phase again, or go back to the plan it was trained"
                        + " with");
        assertThatThrownBy(() -> setting.requireExpert(2, right, Toy.CARD))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(
                        "phase 2 of the plan has timesteps [0.25, 0.0], its expert was trained as" + " phase 1 with");
        NetworkCard images =
                new NetworkCard(List.of(1, 8, 8), List.of(), Recipe.Schedule.RECTIFIED_FLOW, 0, List.of(), Map.of());
        assertThatThrownBy(() -> setting.requireExpert(1, right, images))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("the expert of phase 1 makes samples of shape [2] of 2 classes on the schedule"
                        + " RECTIFIED_FLOW, the teacher of shape [1, 8, 8] of 0 classes on RECTIFIED_FLOW: it is of"
                        + " another teacher; distil that phase again");
        assertThatThrownBy(() -> setting.requireExpert(1, Toy.CARD, Toy.CARD))
                .as("a teacher in an expert's place")
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("was trained as phase 0");
    }
}
