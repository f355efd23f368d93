package dev.sluice.actors.bench;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TransportTableTest {
    @Test
    void theFirstWayIsTheYardstick() {
        TransportTable table = new TransportTable();
        table.add("raw TCP", new TransportTable.Result(64 << 10, 2000, 0.1));
        table.add("courier", new TransportTable.Result(64 << 10, 1000, 0.25));
        table.add("raw TCP", new TransportTable.Result(4 << 20, 3000, 1));
        table.add("courier", new TransportTable.Result(4 << 20, 2700, 1.5));
        assertThat(table.render()).isEqualTo("""
                | MB/s, many under way       |       64 KiB |        4 MiB |
                |---|--:|--:|
                | raw TCP                    |         2000 |         3000 |
                | courier                    |  1000 (0.50) |  2700 (0.90) |

                | ms, one at a time          |       64 KiB |        4 MiB |
                |---|--:|--:|
                | raw TCP                    |         0.10 |         1.00 |
                | courier                    |         0.25 |         1.50 |
                """);
    }
}
