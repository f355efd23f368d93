package dev.sluice.monitoring.process;

import dev.sluice.protocol.Role;
import dev.sluice.protocol.event.RunEvent;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What this process has cost so far.
 *
 * @param resident bytes of memory now; empty where the system does not tell (it is read from Linux's /proc)
 * @param peakResident the most that there ever were
 * @param cpuMillis of all of its threads
 */
public record ProcessCost(OptionalLong resident, OptionalLong peakResident, OptionalLong cpuMillis) {
    private static final long KIB = 1024;

    public static ProcessCost now() {
        return new ProcessCost(ofStatus("VmRSS:"), ofStatus("VmHWM:"), cpu());
    }

    /**
     * What is known of peak and processor time, for a run's records.
     *
     * @param roles that the process may play: its cost is not that of the others
     */
    public RunEvent.ProcessCost event(Set<Role> roles) {
        return new RunEvent.ProcessCost(
                roles.stream().map(Role::key).sorted().collect(Collectors.joining(" ")), peakResident, cpuMillis);
    }

    private static OptionalLong ofStatus(String name) {
        try {
            return Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(line -> line.startsWith(name))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * KIB)
                    .findFirst();
        } catch (IOException e) {
            return OptionalLong.empty();
        }
    }

    private static OptionalLong cpu() {
        if (ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system
                && system.getProcessCpuTime() >= 0) {
            return OptionalLong.of(system.getProcessCpuTime() / 1_000_000);
        }
        return OptionalLong.empty();
    }
}
