package dev.sluice.runtime.network;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** How much memory this process has had at most since the last {@link #reset}; 0 where the system does not tell. */
final class PeakMemory {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final Path CLEAR = Path.of("/proc/self/clear_refs");

    private PeakMemory() {}

    static void reset() {
        if (Files.exists(CLEAR)) {
            try {
                // 5 sets the peak back to what is resident now (proc(5)).
                Files.writeString(CLEAR, "5");
            } catch (IOException e) {
                // A container may forbid it: the peak then stays, and what is measured by it comes out smaller.
            }
        }
    }

    static long bytes() {
        try {
            for (String line : Files.readAllLines(STATUS)) {
                if (line.startsWith("VmHWM:")) {
                    return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
                }
            }
        } catch (IOException e) {
            // Not Linux.
        }
        return 0;
    }
}
