package dev.sluice.actors.cli;

import dev.sluice.config.DeploymentSettings;
import dev.sluice.config.EngineSettings;
import dev.sluice.protocol.Role;
import dev.sluice.runtime.network.Networks;
import dev.sluice.runtime.network.TorchNetworks;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Option;

/** Where a command that has no configuration computes. */
final class Device {
    // The description tells the default, also in commands that show the others' by themselves.
    @Option(
            names = "--device",
            defaultValue = "cpu",
            showDefaultValue = Visibility.NEVER,
            description = "cpu, gpu:0 ... Default: ${DEFAULT-VALUE}.")
    private String device;

    @Option(
            names = "--threads",
            showDefaultValue = Visibility.NEVER,
            description = "That one operation may use. Default: the number of processors.")
    private int threads = Runtime.getRuntime().availableProcessors();

    int threads() {
        return threads;
    }

    TorchNetworks networks() {
        if (threads < 1) {
            throw new UserError("--threads " + threads + " must be at least 1");
        }
        TorchNetworks networks = UserError.whenRefused(() -> TorchNetworks.on(device, threads));
        TorchNetworks.load();
        return networks;
    }

    /**
     * Networks on every device that the configuration names, with the engine loaded: were it loaded by the roles, each would fail
     * and be started again and again.
     */
    static Map<String, Networks> networks(EngineSettings engine) {
        Map<String, Networks> devices = unloaded(engine);
        TorchNetworks.load();
        return devices;
    }

    /** The same for a process of these roles; one that only controls loads the engine when it needs it. */
    static Map<String, Networks> networks(DeploymentSettings here) {
        return Set.of(Role.CONTROL).containsAll(here.node().roles())
                ? unloaded(here.engine())
                : networks(here.engine());
    }

    private static Map<String, Networks> unloaded(EngineSettings engine) {
        Map<String, Networks> devices = new LinkedHashMap<>();
        for (String device : engine.devices()) {
            devices.put(device, UserError.whenRefused(() -> TorchNetworks.on(device, engine.threads())));
        }
        return devices;
    }
}
