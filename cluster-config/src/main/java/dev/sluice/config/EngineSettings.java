package dev.sluice.config;

import java.util.List;

/**
 * The tensor engine of this process: section {@code engine}.
 *
 * @param threads that one operation may use (libtorch's intra-op threads); process-wide and part of what makes two
 *     runs equal bit for bit. The configuration may say {@code auto}, which is the number of processors
 * @param devices that this node offers, each once: {@code cpu}, or {@code gpu:0}, {@code gpu:1} … with natives for it
 *     (docs/engine.md); whether this machine has them shows when libtorch is loaded
 */
public record EngineSettings(int threads, List<String> devices) {
    public EngineSettings {
        devices = List.copyOf(devices);
        Limits limits = new Limits("engine");
        limits.within("threads", threads, 1, 1024);
        limits.require(
                !devices.isEmpty()
                        && devices.stream().allMatch(device -> device.matches("cpu|gpu:\\d{1,3}"))
                        && devices.stream().distinct().count() == devices.size(),
                "devices",
                devices,
                "must name one or more of cpu, gpu:0, gpu:1 ..., each once: [cpu, \"gpu:0\"]");
        limits.refuse();
    }

    /** The first device, for what computes on one. */
    public String device() {
        return devices.get(0);
    }
}
