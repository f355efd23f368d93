package dev.sluice.monitoring.process;

import dev.sluice.protocol.Role;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
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
    /** The event by which a run's log tells it; its fields are those of {@link #fields}. */
    public static final String EVENT = "process-cost";

    public static final String PEAK_RESIDENT = "peak-resident-bytes";
    public static final String CPU_MILLIS = "cpu-millis";

    /** What the process may play, separated by spaces. */
    public static final String ROLES = "roles";

    private static final long KIB = 1024;

    public static ProcessCost now() {
        return new ProcessCost(ofStatus("VmRSS:"), ofStatus("VmHWM:"), cpu());
    }

    /**
     * What is known of peak and processor time, by the event's names.
     *
     * @param roles that the process may play: its cost is not that of the others
     */
    public Map<String, Object> fields(Set<Role> roles) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put(ROLES, roles.stream().map(Role::key).sorted().collect(Collectors.joining(" ")));
        peakResident.ifPresent(bytes -> fields.put(PEAK_RESIDENT, bytes));
        cpuMillis.ifPresent(millis -> fields.put(CPU_MILLIS, millis));
        return fields;
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
