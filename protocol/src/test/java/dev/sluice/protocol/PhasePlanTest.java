package dev.sluice.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

class PhasePlanTest {
    private static final List<Double> FOUR = List.of(1.0, 0.75, 0.5, 0.25, 0.0);

    @Test
    void twoPhasesOfTwoSteps() {
        PhasePlan plan = new PhasePlan(FOUR, List.of(0.5, 0.0));
        assertThat(plan.phaseCount()).isEqualTo(2);
        assertThat(plan.phases())
                .containsExactly(
                        new PhasePlan.Phase(1, List.of(1.0, 0.75, 0.5)),
                        new PhasePlan.Phase(2, List.of(0.5, 0.25, 0.0)));
        PhasePlan.Phase second = plan.phase(2);
        assertThat(second.start()).isEqualTo(0.5);
        assertThat(second.boundary()).isZero();
        assertThat(second.steps()).isEqualTo(2);
    }

    @RepeatedTest(100)
    void phasesCoverTheScheduleOnceAndMeetAtTheirBoundaries(RepetitionInfo repetition) {
        Random random = new Random(repetition.getCurrentRepetition());
        long choice = random.nextLong();
        TreeSet<Double> times = new TreeSet<>();
        random.doubles(random.nextInt(13), 0.01, 0.99).forEach(times::add);
        times.add(0.0);
        times.add(1.0);
        List<Double> timesteps = new ArrayList<>(times.descendingSet());
        List<Double> boundaries = new ArrayList<>();
        for (int i = 1; i < timesteps.size(); i++) {
            if (i == timesteps.size() - 1 || (choice >> i & 1) == 1) {
                boundaries.add(timesteps.get(i));
            }
        }
        PhasePlan plan = new PhasePlan(timesteps, boundaries);

        List<Double> walked = new ArrayList<>(List.of(1.0));
        for (PhasePlan.Phase phase : plan.phases()) {
            assertThat(phase.start()).isEqualTo(walked.get(walked.size() - 1));
            assertThat(phase.boundary()).isEqualTo(boundaries.get(phase.number() - 1));
            walked.addAll(phase.timesteps().subList(1, phase.timesteps().size()));
        }
        assertThat(walked).isEqualTo(timesteps);
    }

    @Test
    void minusZeroIsZero() {
        PhasePlan plan = new PhasePlan(List.of(1.0, 0.5, -0.0), List.of(0.5, 0.0));
        assertThat(plan).isEqualTo(new PhasePlan(List.of(1.0, 0.5, 0.0), List.of(0.5, -0.0)));
        assertThat(plan.phase(2).boundary()).isEqualTo(0.0);
    }

    @Test
    void timestepsMustFallFromOneToZero() {
        assertRefused(List.of(), List.of(0.0), "timesteps must start at 1 and end at 0, these are []");
        assertRefused(List.of(1.0), List.of(0.0), "timesteps must start at 1 and end at 0, these are [1.0]");
        assertRefused(List.of(0.9, 0.0), List.of(0.0), "timesteps must start at 1 and end at 0, these are [0.9, 0.0]");
        assertRefused(List.of(1.0, 0.1), List.of(0.1), "timesteps must start at 1 and end at 0, these are [1.0, 0.1]");
        for (double middle : new double[] {1.0, 0.0, 1.5, -0.5, Double.NaN}) {
            assertRefused(
                    List.of(1.0, middle, 0.0),
                    List.of(0.0),
                    "timesteps must decrease strictly, these do not: [1.0, " + middle + ", 0.0]");
        }
    }

    @Test
    void boundariesMustBeTimestepsAndEndWithZero() {
        assertRefused(FOUR, List.of(), "the last phase's boundary must be 0, the boundaries are []");
        assertRefused(FOUR, List.of(0.5), "the last phase's boundary must be 0, the boundaries are [0.5]");
        assertRefused(FOUR, List.of(Double.NaN), "the last phase's boundary must be 0, the boundaries are [NaN]");
        assertRefused(
                FOUR, List.of(0.25, 0.5, 0.0), "boundaries must decrease strictly, these do not: [0.25, 0.5, 0.0]");
        assertRefused(FOUR, List.of(0.5, 0.5, 0.0), "boundaries must decrease strictly, these do not: [0.5, 0.5, 0.0]");
        for (double s : new double[] {0.6, 1.0}) {
            assertRefused(
                    FOUR,
                    List.of(s, 0.0),
                    "boundary " + s + " is not one of the timesteps after the first: [1.0, 0.75, 0.5, 0.25, 0.0]");
        }
    }

    @Test
    void phasesThatAreNotThere() {
        PhasePlan plan = new PhasePlan(FOUR, List.of(0.5, 0.0));
        for (int number : new int[] {0, 3, -1}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> plan.phase(number))
                    .withMessage("there is no phase " + number + ", the plan has phases 1 to 2");
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new PhasePlan.Phase(1, List.of(0.5)))
                .withMessage(
                        "phase 1 with timesteps [0.5]: phases count from 1 and have at least a start and a boundary");
    }

    private static void assertRefused(List<Double> timesteps, List<Double> boundaries, String message) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new PhasePlan(timesteps, boundaries))
                .withMessage(message);
    }
}
