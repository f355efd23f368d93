package dev.sluice.config;

/**
 * The tensor engine of this process: section {@code engine}.
 *
 * @param threads that one operation may use (libtorch's intra-op threads); process-wide and part of what makes two
 *     runs equal bit for bit. The configuration may say {@code auto}, which is the number of processors
 * @param device {@code cpu}, or {@code gpu:0}, {@code gpu:1} … with natives for it (docs/engine.md); whether this machine
 *     has it shows when libtorch is loaded
 */
public record EngineSettings(int threads, String device) {
    public EngineSettings {
        Limits limits = new Limits("engine");
        limits.within("threads", threads, 1, 1024);
        limits.require(
                device.matches("cpu|gpu:\\d{1,3}"), "device", '"' + device + '"', "must be cpu, gpu:0, gpu:1 ...");
        limits.refuse();
    }
}
