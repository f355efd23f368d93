package dev.sluice.runtime.network;

import ai.djl.Device;
import ai.djl.engine.EngineException;
import ai.djl.pytorch.engine.PtNDManager;
import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.ExpertRef;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Function;

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
    public long deviceMemory() {
        return LibTorch.memory(device);
    }

    @Override
    public Network open(ExpertRef ref) {
        Optional<TwoExperts> experts = expertsOf(ref);
        return experts.isPresent() ? openBoth(ref, experts.get()) : openOne(ref);
    }

    @Override
    public TrainableNetwork openForTraining(ExpertRef ref, AdamWSettings optimizer, double averageDecay) {
        Optional<TwoExperts> experts = expertsOf(ref);
        return experts.isPresent()
                ? openBothForTraining(ref, experts.get(), optimizer, averageDecay)
                : load(
                        ref,
                        (card, manager, module) -> new TorchTrainableNetwork(
                                card, manager, LibTorch.load(manager, module), optimizer, averageDecay));
    }

    @Override
    public Optional<TwoExperts> expertsOf(ExpertRef ref) {
        Path file = Path.of(ref.path());
        return TwoExpertsFile.isOne(file)
                ? Optional.of(TwoExpertsFile.parse(file, NetworkFile.readChecked(ref)))
                : Optional.empty();
    }

    private TorchNetwork openOne(ExpertRef ref) {
        return load(ref, (card, manager, module) -> new TorchNetwork(card, manager, LibTorch.load(manager, module)));
    }

    private Network openBoth(ExpertRef ref, TwoExperts experts) {
        return both(ref, experts, (card, high, low) -> new TwoExpertNetwork(card, experts, high, low));
    }

    private TrainableNetwork openBothForTraining(
            ExpertRef ref, TwoExperts experts, AdamWSettings optimizer, double averageDecay) {
        return both(ref, experts, (card, high, low) -> {
            PtNDManager manager = LibTorch.newManager(device);
            try {
                return new TorchTrainableTwoExperts(card, experts, high, low, manager, optimizer, averageDecay);
            } catch (RuntimeException e) {
                manager.close();
                throw e;
            }
        });
    }

    @FunctionalInterface
    private interface Joining<T> {
        T join(NetworkCard card, TorchNetwork high, TorchNetwork low);
    }

    /** Opens both experts; neither stays open when one is refused. */
    private <T> T both(ExpertRef ref, TwoExperts experts, Joining<T> joining) {
        TorchNetwork high = openOne(experts.highNoise());
        TorchNetwork low = null;
        try {
            low = openOne(experts.lowNoise());
            return joining.join(TwoExpertsFile.card(Path.of(ref.path()), experts, high.card(), low.card()), high, low);
        } catch (RuntimeException e) {
            high.close();
            if (low != null) {
                low.close();
            }
            throw e;
        }
    }

    /**
     * Opens a classifier.
     *
     * @throws NetworkFileException when the file is missing, torn, or no classifier's
     */
    public ImageClassifier openClassifier(Path file) {
        ClassifierCard card = ImageClassifier.readCard(file);
        byte[] module = NetworkFile.readChecked(NetworkFile.reference("classifier", file));
        return onDevice(file, manager -> new ImageClassifier(card, manager, LibTorch.load(manager, module)));
    }

    /** A classifier with fresh weights, to be trained. */
    public ClassifierTraining newClassifier(
            ClassifierCard card, long seed, AdamWSettings optimizer, double averageDecay) {
        byte[] fresh = ClassifierTraining.fresh(card, seed);
        PtNDManager manager = LibTorch.newManager(device);
        try {
            return new ClassifierTraining(card, manager, fresh, optimizer, averageDecay);
        } catch (RuntimeException e) {
            manager.close();
            throw e;
        }
    }

    @FunctionalInterface
    private interface Opening<T> {
        T open(NetworkCard card, PtNDManager manager, byte[] module);
    }

    private <T extends Network> T load(ExpertRef ref, Opening<T> opening) {
        Path file = Path.of(ref.path());
        byte[] module = NetworkFile.readChecked(ref);
        NetworkCard card = NetworkFile.readCard(file);
        return onDevice(file, manager -> opening.open(card, manager, Bfloat16.suited(module, device)));
    }

    private <T> T onDevice(Path file, Function<PtNDManager, T> opening) {
        PtNDManager manager = LibTorch.newManager(device);
        try {
            return opening.apply(manager);
        } catch (EngineException e) {
            manager.close();

            throw new NetworkFileException(file, "libtorch cannot load it: " + EngineErrors.cause(e), e);
        } catch (RuntimeException e) {
            manager.close();
            throw e;
        }
    }
}
