package dev.sluice.actors.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.Role;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class FaultTest {
    @Test
    void theSameSeedDrawsTheSameFaultsAndAnotherOneOthers() {
        List<Fault> faults = Fault.draw(new SplittableRandom(7), 20);

        assertThat(Fault.draw(new SplittableRandom(7), 20)).isEqualTo(faults);
        assertThat(Fault.draw(new SplittableRandom(8), 20)).isNotEqualTo(faults);
    }

    @Test
    void everyRoleMeetsWithEveryKindButTheControlNodeDoesNotLeave() {
        List<Fault> faults = Fault.draw(new SplittableRandom(1), 2000);

        assertThat(faults.stream()
                        .map(fault -> fault.kind() + " " + fault.role())
                        .collect(Collectors.toSet()))
                .hasSize(Role.values().length * Fault.Kind.values().length - 1)
                .doesNotContain(Fault.Kind.LEAVE + " " + Role.CONTROL);
        assertThat(faults).allSatisfy(fault -> {
            assertThat(fault.after().toSeconds()).isBetween(4L, 20L);
            assertThat(fault.suspended().toSeconds()).isBetween(1L, 25L);
        });
    }
}
