package dev.sluice.actors.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The bench with its second JVM, at the size that takes the least time. */
class TransportBenchIT {
    @Test
    void everyWayCarriesAMessageAndTheSecondJvmEnds() throws Exception {
        Set<ProcessHandle> before = children();
        String table;
        try (TransportBench bench = TransportBench.start()) {
            table = bench.sweep(List.of(64 << 10), 1, line -> {}).render();
            assertThat(children()).hasSize(before.size() + 1);
        }
        assertThat(table.lines())
                .hasSize(15)
                .anyMatch(line -> line.startsWith("| raw TCP "))
                .anyMatch(line -> line.startsWith("| Artery, one message "))
                .anyMatch(line -> line.startsWith("| Artery, parts of "))
                .anyMatch(line -> line.startsWith("| Artery, StreamRefs "))
                .anyMatch(line -> line.startsWith("| courier "))
                .noneMatch(line -> line.contains("NaN"));
        await().atMost(Duration.ofSeconds(10)).until(() -> children().equals(before));
    }

    private static Set<ProcessHandle> children() {
        return ProcessHandle.current().children().collect(Collectors.toSet());
    }
}
