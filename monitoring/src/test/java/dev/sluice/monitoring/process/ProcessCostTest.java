package dev.sluice.monitoring.process;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.Role;
import dev.sluice.protocol.event.RunEvent;
import java.util.EnumSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

@EnabledOnOs(OS.LINUX)
class ProcessCostTest {
    private static final int TOUCHED = 64 << 20;

    @Test
    void peakAndProcessorTimeGrowWithWhatIsDone() {
        ProcessCost before = ProcessCost.now();
        // As bytes outside the heap, which the collector does not lend room for.
        java.nio.ByteBuffer touched = java.nio.ByteBuffer.allocateDirect(TOUCHED);
        for (int i = 0; i < TOUCHED; i += 512) {
            touched.put(i, (byte) i);
        }
        ProcessCost after = ProcessCost.now();
        assertThat(after.resident().orElseThrow() - before.resident().orElseThrow())
                .isGreaterThan(TOUCHED / 2);
        assertThat(after.peakResident().orElseThrow())
                .isGreaterThanOrEqualTo(after.resident().orElseThrow() - (4 << 20));
        assertThat(after.cpuMillis().orElseThrow())
                .isGreaterThan(before.cpuMillis().orElseThrow());
        assertThat(touched.get(512)).isZero();
    }

    @Test
    void theEventSaysWhoseCostItIs() {
        RunEvent.ProcessCost event = ProcessCost.now().event(EnumSet.of(Role.CRITIC, Role.CONTROL));

        assertThat(event.roles()).isEqualTo("control critic");
        assertThat(event.peakResidentBytes().orElseThrow()).isPositive();
        assertThat(event.cpuMillis().orElseThrow()).isPositive();
    }
}
