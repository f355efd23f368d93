package dev.sluice.config;

/**
 * The tensor engine of this process: section {@code engine}.
 *
 * @param threads that one operation may use (libtorch's intra-op threads); process-wide and part of what makes two
 *     runs equal bit for bit. The configuration may say {@code auto}, which is the number of processors
 * @param device {@code cpu}, the only one whose natives ship
 */
public record EngineSettings(int threads, String device) {
    public EngineSettings {
        Limits limits = new Limits("engine");
        limits.within("threads", threads, 1, 1024);
        limits.require(device.equals("cpu"), "device", '"' + device + '"', "must be cpu: no other natives ship");
        limits.refuse();
    }
}
