package dev.sluice.runtime.network;

import org.junit.jupiter.api.Tag;

/** Ten thousand cases at each door: minutes. */
@Tag("long")
class HostileFilesIT extends HostileFilesTest {
    @Override
    int cases() {
        return 10_000;
    }
}
