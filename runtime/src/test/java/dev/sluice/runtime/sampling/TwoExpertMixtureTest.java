package dev.sluice.runtime.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe.Schedule;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.FormulaNetworks;
import dev.sluice.runtime.network.FormulaNetworks.Call;
import dev.sluice.runtime.network.FormulaNetworks.Term;
import dev.sluice.runtime.network.NetworkCard;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Sampling with a teacher of two experts, each the exact velocity of the point 0.4 on its own side of ½ and absurd beyond. */
class TwoExpertMixtureTest {
    private static final NetworkCard CARD =
            new NetworkCard(List.of(2), List.of("a"), Schedule.RECTIFIED_FLOW, 0, List.of(), Map.of());
    private static final PhasePlan PHASES = new PhasePlan(List.of(1.0, 0.5, 0.25, 0.0), List.of(0.25, 0.0));

    private final FormulaNetworks networks = new FormulaNetworks();

    private ExpertRef half(String name, Term absurd, double weight) {
        return networks.file(name, CARD, Map.of(Term.X_OVER_T, 1.0, Term.ONE_OVER_T, -0.4, absurd, weight));
    }

    private MixturePlan plan(ExpertRef high, ExpertRef low) {
        ExpertRef teacher = networks.twoExperts("teacher", 0.5, high, low);
        return new MixturePlan(
                new ModelCard("m", List.of(2), List.of("a")),
                PHASES,
                Schedule.RECTIFIED_FLOW,
                teacher,
                8,
                2,
                List.of());
    }

    private Mixture prepare(MixturePlan plan, Mixture serving) {
        Preparation preparation = new Preparation(plan, networks, serving, List.of(1, 4));
        try {
            while (!preparation.done()) {
                preparation.advance();
            }
            return preparation.finish();
        } catch (RuntimeException e) {
            preparation.close();
            throw e;
        }
    }

    @Test
    void eachExpertWalksItsOwnPartToTheAnswerAndBothAreWarmedOnEveryBatchSize() {
        MixturePlan plan = plan(half("high", Term.BELOW_HALF, 1000), half("low", Term.FROM_HALF, 1000));
        try (Mixture mixture = prepare(plan, null)) {
            for (String name : List.of("high", "low")) {
                assertThat(networks.calls())
                        .filteredOn(call -> call.network().equals(name))
                        .extracting(call -> call.x().dim(0))
                        .as("guided: twice the rows")
                        .containsExactly(2, 8);
            }
            networks.calls().clear();

            Tensor samples = mixture.sample(new long[] {1, 2, 3}, new long[] {0, 0, -1}, 4);

            for (int i = 0; i < samples.size(); i++) {
                assertThat(samples.floatAt(i)).isCloseTo(0.4f, within(1e-5f));
            }
            assertThat(networks.calls())
                    .extracting(Call::network)
                    .containsExactly("high", "high", "high", "high", "high", "low", "low", "low");
        }
        assertThat(networks.openNetworks()).isZero();
    }

    @Test
    void anExpertTakesOverAndTheTeachersRestIsStillRouted() {
        MixturePlan plan = plan(half("high", Term.BELOW_HALF, 1000), half("low", Term.FROM_HALF, 1000));
        ExpertRef expert = networks.file(
                "phase-1",
                CARD.ofExpert(1, PHASES.phase(1).timesteps(), Map.of()),
                Map.of(Term.X_OVER_T, 1.0, Term.ONE_OVER_T, -0.4));
        Mixture before = prepare(plan, null);
        Mixture after = prepare(plan.with(1, expert), before);
        before.retireFor(after);
        networks.calls().clear();

        Tensor samples = after.sample(new long[] {5}, new long[] {0}, 1);

        assertThat(samples.floatAt(0)).isCloseTo(0.4f, within(1e-5f));
        assertThat(networks.calls()).extracting(Call::network).containsExactly("phase-1", "phase-1", "low", "low");
        after.close();
        assertThat(networks.openNetworks()).isZero();
    }

    @Test
    void aLowNoiseExpertThatAnswersNonsenseIsNotPutInCharge() {
        MixturePlan plan =
                plan(half("high", Term.BELOW_HALF, 1000), half("low", Term.BELOW_HALF, Double.POSITIVE_INFINITY));

        assertThatThrownBy(() -> prepare(plan, null))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("answers noise at t = 0.375 with values that are not finite");
        assertThat(networks.openNetworks()).isZero();
    }
}
