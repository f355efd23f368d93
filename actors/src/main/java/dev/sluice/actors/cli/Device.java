package dev.sluice.actors.cli;

import dev.sluice.config.EngineSettings;
import dev.sluice.runtime.network.Networks;
import dev.sluice.runtime.network.TorchNetworks;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Option;

/** Where a command that has no configuration computes. */
final class Device {
    @Option(names = "--device", defaultValue = "cpu", description = "cpu, gpu:0 ... Default: ${DEFAULT-VALUE}.")
    private String device;

    @Option(names = "--threads", description = "That one operation may use. Default: the number of processors.")
    private int threads = Runtime.getRuntime().availableProcessors();

    int threads() {
        return threads;
    }

    TorchNetworks networks() {
        if (threads < 1) {
            throw new UserError("--threads " + threads + " must be at least 1");
        }
        return UserError.whenRefused(() -> TorchNetworks.on(device, threads));
    }

    /** Networks on every device that the configuration names. */
    static Map<String, Networks> networks(EngineSettings engine) {
        Map<String, Networks> devices = new LinkedHashMap<>();
        for (String device : engine.devices()) {
            devices.put(device, UserError.whenRefused(() -> TorchNetworks.on(device, engine.threads())));
        }
        return devices;
    }
}
