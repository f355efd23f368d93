package dev.sluice.runtime.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe.Schedule;
import dev.sluice.runtime.network.NetworkCard;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PreparationTest {
    private static final PhasePlan PHASES = new PhasePlan(List.of(1.0, 0.5, 0.0), List.of(0.5, 0.0));
    private static final NetworkCard CARD =
            new NetworkCard(List.of(2), List.of("a"), Schedule.RECTIFIED_FLOW, 0, List.of(), Map.of());

    private final FakeNetworks networks = new FakeNetworks();
    private final ExpertRef teacher = networks.file("teacher", CARD, (x, t, label) -> x);
    private final MixturePlan alone = new MixturePlan(
            new ModelCard("m", List.of(2), List.of("a")), PHASES, Schedule.RECTIFIED_FLOW, teacher, 4, 2, List.of());

    private ExpertRef expert(int phase, FakeNetworks.Field field) {
        NetworkCard card = CARD.ofExpert(phase, PHASES.phase(phase).timesteps(), Map.of());
        return networks.file("phase-" + phase, card, field);
    }

    private Mixture prepare(MixturePlan plan, Mixture serving) {
        Preparation preparation = new Preparation(plan, networks, serving, List.of(1, 4));
        while (!preparation.done()) {
            preparation.advance();
        }
        return preparation.finish();
    }

    @Test
    void onlyTheNewNetworkIsOpenedAndWarmedOnEveryBatchSize() {
        Mixture before = prepare(alone, null);
        assertThat(networks.calls.stream().map(FakeNetworks.Call::rows))
                .as("guided: twice the rows")
                .containsExactly(2, 8);
        networks.calls.clear();

        Mixture after = prepare(alone.with(1, expert(1, (x, t, label) -> x)), before);

        assertThat(networks.calls).allSatisfy(call -> assertThat(call.network()).isEqualTo("phase-1"));
        assertThat(networks.calls.stream().map(FakeNetworks.Call::rows)).containsExactly(1, 4);
        before.retireFor(after);
        assertThat(networks.closed).as("the teacher still has its part").isEmpty();
        after.close();
        assertThat(networks.closed).containsExactlyInAnyOrder("teacher", "phase-1");
    }

    @Test
    void aTeacherWithNothingLeftToDoIsClosed() {
        Mixture one = prepare(alone.with(1, expert(1, (x, t, label) -> x)), null);
        Mixture two = prepare(one.plan().with(2, expert(2, (x, t, label) -> x)), one);

        one.retireFor(two);

        assertThat(networks.closed).containsExactly("teacher");
    }

    @Test
    void anOutputThatIsNotFiniteAtAnyOfItsTimesIsRefused() {
        Mixture before = prepare(alone, null);
        ExpertRef broken = expert(1, (x, t, label) -> t < 1 ? x : Float.NaN);

        assertThatThrownBy(() -> prepare(alone.with(1, broken), before))
                .hasMessage("phase-1 (/store/phase-1.pt) answers noise at t = 1.0 with values that are not finite;"
                        + " it was not put in charge");
    }

    @Test
    void closingAFailedPreparationLeavesTheServingNetworksAlone() {
        Mixture before = prepare(alone, null);
        ExpertRef broken = expert(1, (x, t, label) -> Float.POSITIVE_INFINITY);
        Preparation preparation = new Preparation(alone.with(1, broken), networks, before, List.of(1));
        assertThatThrownBy(() -> {
                    while (!preparation.done()) {
                        preparation.advance();
                    }
                })
                .hasMessageContaining("not finite");

        preparation.close();
        preparation.close();

        assertThat(networks.closed).containsExactly("phase-1");
    }

    @Test
    void aNetworkThatServesAlreadyIsHeldAgainstItsNewPartToo() {
        ExpertRef one = expert(1, (x, t, label) -> x);
        Mixture before = prepare(alone.with(1, one), null);

        assertThatThrownBy(() -> prepare(before.plan().with(2, one), before))
                .hasMessageContaining(
                        "says that it is the expert of phase 1, but the model needs the expert of phase 2");
    }
}
