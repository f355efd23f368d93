package dev.sluice.runtime.network;

import ai.djl.Device;
import ai.djl.engine.EngineException;
import ai.djl.pytorch.engine.PtNDManager;
import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.ExpertRef;
import java.nio.file.Path;

/** Opens network files on libtorch. The first use in a JVM unpacks and loads the native libraries, some seconds. */
public final class TorchNetworks implements Networks {
    private final Device device;

    private TorchNetworks(Device device) {
        this.device = device;
    }

    /**
     * Networks on {@code device}: {@code cpu}, {@code gpu:0} …
     *
     * @param threads that one operation may use. libtorch reads the number once a JVM, when it is first used.
     * @throws IllegalArgumentException when this machine has no such device
     */
    public static TorchNetworks on(String device, int threads) {
        System.setProperty("ai.djl.pytorch.num_threads", Integer.toString(threads));
        return new TorchNetworks(LibTorch.device(device));
    }

    @Override
    public Network open(ExpertRef ref) {
        return load(ref, (card, manager, module) -> new TorchNetwork(card, manager, LibTorch.load(manager, module)));
    }

    @Override
    public TrainableNetwork openForTraining(ExpertRef ref, AdamWSettings optimizer, double averageDecay) {
        return load(
                ref,
                (card, manager, module) -> new TorchTrainableNetwork(
                        card, manager, LibTorch.load(manager, module), optimizer, averageDecay));
    }

    @FunctionalInterface
    private interface Opening<T> {
        T open(NetworkCard card, PtNDManager manager, byte[] module);
    }

    private <T extends Network> T load(ExpertRef ref, Opening<T> opening) {
        Path file = Path.of(ref.path());
        byte[] module = NetworkFile.readModule(ref);
        NetworkCard card = NetworkFile.readCard(file);
        PtNDManager manager = LibTorch.newManager(device);
        try {
            return opening.open(card, manager, module);
        } catch (EngineException e) {
            manager.close();
            String reason = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
            throw new NetworkFileException(file, "libtorch cannot load it: " + reason, e);
        } catch (RuntimeException e) {
            manager.close();
            throw e;
        }
    }
}
