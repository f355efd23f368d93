package dev.sluice.runtime.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe.Schedule;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.Network;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFileException;
import dev.sluice.runtime.noise.Noise;
import dev.sluice.runtime.rollout.Rollout;
import dev.sluice.runtime.schedule.NoiseSchedule;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class MixtureTest {
    private static final List<String> CLASSES = List.of("shirt", "shoe");
    private static final PhasePlan PHASES = new PhasePlan(List.of(1.0, 0.9, 0.75, 0.5, 0.0), List.of(0.75, 0.0));
    private static final NetworkCard TEACHER_CARD =
            new NetworkCard(List.of(3), CLASSES, Schedule.RECTIFIED_FLOW, 0, List.of(), Map.of());

    private final FakeNetworks networks = new FakeNetworks();
    private final ExpertRef teacher = networks.file("teacher", TEACHER_CARD, (x, t, label) -> x - (float) t + label);
    private final ExpertRef first = expert(1, "phase-1");
    private final ExpertRef second = expert(2, "phase-2");
    private final MixturePlan alone = plan(Schedule.RECTIFIED_FLOW, 50, 2);

    private ExpertRef expert(int phase, String version) {
        NetworkCard card = TEACHER_CARD.ofExpert(phase, PHASES.phase(phase).timesteps(), Map.of());
        return networks.file(version, card, (x, t, label) -> 0.5f * x + (float) t * phase - label);
    }

    private MixturePlan plan(Schedule schedule, int teacherSteps, double guidance) {
        ModelCard card = new ModelCard("fashion", List.of(3), CLASSES);
        return new MixturePlan(card, PHASES, schedule, teacher, teacherSteps, guidance, List.of());
    }

    @Test
    void everyFinishedPhaseLowersTheEvaluationsOfASample() {
        MixturePlan half = alone.with(1, first);
        MixturePlan whole = half.with(2, second);

        assertThat(List.of(alone.nfe(), half.nfe(), whole.nfe()))
                .as("50 guided steps; 2 and round(50 · 0.75) guided ones; 4")
                .containsExactly(100, 2 + 2 * 38, 4);
        assertThat(List.of(alone.version(), half.version(), whole.version()))
                .containsExactly("fashion@teacher", "fashion@phase-1+teacher", "fashion@phase-1+phase-2");
        assertThat(whole.teacherAlone()).isEqualTo(alone);
    }

    @Test
    void twoRunsOfOneNameHaveNoVersionInCommon() {
        MixturePlan one = ofRun("3f9a2c41d07b");
        MixturePlan other = ofRun("0123456789ab");

        assertThat(one.with(1, first).version()).isEqualTo("fashion:3f9a2c41d07b@phase-1+teacher");
        assertThat(other.with(1, first).version()).isEqualTo("fashion:0123456789ab@phase-1+teacher");
        assertThat(one).isNotEqualTo(other);
    }

    private MixturePlan ofRun(String run) {
        ModelCard card = new ModelCard("fashion", Optional.of(run), List.of(3), CLASSES);
        return new MixturePlan(card, PHASES, Schedule.RECTIFIED_FLOW, teacher, 50, 2, List.of());
    }

    @Test
    void theNfeThatIsPromisedIsTheNumberOfRowsThatTheNetworksSee() {
        for (MixturePlan plan :
                List.of(alone, alone.with(1, first), alone.with(1, first).with(2, second))) {
            networks.calls.clear();
            try (Mixture mixture = Mixture.open(plan, networks)) {
                mixture.sample(new long[] {7}, new long[] {1}, 1);
            }
            assertThat(networks.calls.stream().mapToInt(FakeNetworks.Call::rows).sum())
                    .isEqualTo(plan.nfe());
        }
    }

    @Test
    void theTeacherTakesItsShareOfEvenStepsDownToExactlyZero() {
        MixturePlan.Part part = alone.with(1, first).parts().get(1);

        assertThat(part.timesteps()).hasSize(39).startsWith(0.75).endsWith(0.0);
        for (int i = 1; i < part.timesteps().size(); i++) {
            assertThat(part.timesteps().get(i - 1) - part.timesteps().get(i)).isEqualTo(0.75 / 38, within(1e-12));
        }
    }

    @Test
    void aShortPartOfAHastyTeacherStillTakesAStep() {
        PhasePlan phases = new PhasePlan(List.of(1.0, 0.1, 0.0), List.of(0.1, 0.0));
        MixturePlan plan =
                new MixturePlan(alone.card(), phases, Schedule.RECTIFIED_FLOW, teacher, 1, 1, List.of(first));

        assertThat(plan.parts().get(1).timesteps()).containsExactly(0.1, 0.0);
    }

    @Test
    void withoutClassesThereIsNothingToGuideBy() {
        ModelCard card = new ModelCard("points", List.of(2), List.of());

        assertThat(new MixturePlan(card, PHASES, Schedule.RECTIFIED_FLOW, teacher, 50, 2, List.of()).nfe())
                .isEqualTo(50);
    }

    @Test
    void theExpertsWalkAsTheTrainingRolloutDoes() {
        for (Schedule kind : Schedule.values()) {
            NetworkCard card = new NetworkCard(List.of(3), CLASSES, kind, 0, List.of(), Map.of());
            ExpertRef own = networks.file("teacher-" + kind, card, (x, t, label) -> x);
            ExpertRef one = networks.file(
                    "one-" + kind,
                    card.ofExpert(1, PHASES.phase(1).timesteps(), Map.of()),
                    (x, t, label) -> 0.5f * x + (float) t);
            ExpertRef two = networks.file(
                    "two-" + kind,
                    card.ofExpert(2, PHASES.phase(2).timesteps(), Map.of()),
                    (x, t, label) -> x * x - label);
            MixturePlan plan = new MixturePlan(alone.card(), PHASES, kind, own, 9, 2, List.of(one, two));
            Tensor x = new Noise(5, 0).gaussian(Noise.Purpose.SERVING, 0, 1, 3);
            Tensor labels = Tensor.of(new long[] {1}, 1);
            try (Network firstHalf = networks.open(one);
                    Network secondHalf = networks.open(two);
                    Mixture mixture = Mixture.open(plan, networks)) {
                x = Rollout.through(NoiseSchedule.of(kind), firstHalf, PHASES.phase(1), x, labels);
                x = Rollout.through(NoiseSchedule.of(kind), secondHalf, PHASES.phase(2), x, labels);

                assertThat(mixture.sample(new long[] {5}, new long[] {1}, 1)).isEqualTo(x);
            }
        }
    }

    @Test
    void aConstantVelocityIsWalkedToItsClosedForm() {
        ExpertRef constant = networks.file("constant", TEACHER_CARD, (x, t, label) -> 3);
        MixturePlan plan = new MixturePlan(alone.card(), PHASES, Schedule.RECTIFIED_FLOW, constant, 50, 1, List.of());
        Tensor noise = new Noise(11, 0).gaussian(Noise.Purpose.SERVING, 0, 1, 3);
        try (Mixture mixture = Mixture.open(plan, networks)) {
            Tensor sample = mixture.sample(new long[] {11}, new long[] {-1}, 1);

            for (int i = 0; i < 3; i++) {
                assertThat(sample.floatAt(i)).isEqualTo(noise.floatAt(i) - 3, within(1e-5f));
            }
        }
    }

    @Test
    void aSampleDependsOnItsOwnSeedAndLabelAlone() {
        try (Mixture mixture = Mixture.open(alone.with(1, first), networks)) {
            long[] seeds = {3, -8, Long.MAX_VALUE, 3};
            long[] labels = {0, 1, -1, 1};
            Tensor together = mixture.sample(seeds, labels, 4);
            Tensor inPairs = mixture.sample(seeds, labels, 3);

            assertThat(inPairs).isEqualTo(together);
            for (int i = 0; i < seeds.length; i++) {
                assertThat(mixture.sample(new long[] {seeds[i]}, new long[] {labels[i]}, 1))
                        .isEqualTo(together.rows(i, i + 1));
            }
            assertThat(together.rows(0, 1)).isNotEqualTo(together.rows(3, 4));
        }
    }

    @Test
    void paddingRepeatsTheLastRowAndIsDropped() {
        try (Mixture mixture = Mixture.open(alone.with(1, first).with(2, second), networks)) {
            Walk walk = mixture.walk(new long[] {1, 2}, new long[] {0, -1}, 4);
            while (!walk.done()) {
                walk.advance();
            }

            assertThat(walk.samples()).isEqualTo(mixture.sample(new long[] {1, 2}, new long[] {0, -1}, 2));
            assertThat(networks.calls.get(0))
                    .as("−1 is the card's null label, one past the last class")
                    .isEqualTo(new FakeNetworks.Call("phase-1", 4, 1.0, List.of(0L, 2L, 2L, 2L)));
        }
    }

    @Test
    void oneAdvanceIsOneNetworkCallAlsoWhenGuided() {
        try (Mixture mixture = Mixture.open(alone, networks)) {
            Walk walk = mixture.walk(new long[] {1}, new long[] {0}, 1);
            walk.advance();

            assertThat(networks.calls).containsExactly(new FakeNetworks.Call("teacher", 2, 1.0, List.of(0L, 2L)));
            assertThatThrownBy(walk::samples).hasMessage("only 1 of 50 steps are done");
        }
    }

    @Test
    void expertsJoinInTheOrderOfTheirPhases() {
        assertThatThrownBy(() -> alone.with(2, second))
                .hasMessage("phase 2 cannot be swapped in before phase 1, which has no expert yet");
        assertThatThrownBy(() -> alone.with(3, second)).hasMessageContaining("there is no phase 3");
        assertThat(alone.with(1, second).with(1, first)).isEqualTo(alone.with(1, first));
    }

    @Test
    void aNetworkThatDoesNotFitThePlanIsRefusedAndClosed() {
        NetworkCard right = TEACHER_CARD.ofExpert(1, PHASES.phase(1).timesteps(), Map.of());
        refused(right.ofExpert(1, List.of(1.0, 0.9, 0.7), Map.of()), "was trained on the timesteps [1.0, 0.9, 0.7]");
        refused(right.ofExpert(2, right.timesteps(), Map.of()), "says that it is the expert of phase 2");
        refused(TEACHER_CARD, "says that it is a teacher, but the model needs the expert of phase 1");
        refused(
                new NetworkCard(List.of(4), CLASSES, Schedule.RECTIFIED_FLOW, 1, right.timesteps(), Map.of()),
                "makes samples of shape [4], but the model needs [3]");
        refused(
                new NetworkCard(
                        List.of(3), List.of("shoe", "shirt"), Schedule.RECTIFIED_FLOW, 1, right.timesteps(), Map.of()),
                "has the classes [shoe, shirt]");
        refused(
                new NetworkCard(List.of(3), CLASSES, Schedule.VARIANCE_PRESERVING, 1, right.timesteps(), Map.of()),
                "was trained on the schedule VARIANCE_PRESERVING");
    }

    private void refused(NetworkCard card, String problem) {
        networks.closed.clear();
        ExpertRef wrong = networks.file("wrong", card, (x, t, label) -> x);

        assertThatThrownBy(() -> Mixture.open(alone.with(1, wrong), networks))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("wrong (/store/wrong.pt) " + problem);
        assertThat(networks.closed).containsExactly("wrong");
    }

    @Test
    void aFileThatCannotBeOpenedLeavesNothingOpen() {
        ExpertRef missing = new ExpertRef("phase-2", "sha", 1, "/store/missing.pt");

        assertThatThrownBy(() -> Mixture.open(alone.with(1, first).with(2, missing), networks))
                .isInstanceOf(NetworkFileException.class)
                .hasMessage("/store/missing.pt: there is no such network file");
        assertThat(networks.closed).containsExactly("phase-1");
    }
}
