package dev.sluice.runtime.network;

import ai.djl.Device;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDList;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.runtime.store.Sha256;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;

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

    /** Where libtorch's libraries are unpacked; a place for small files that may be lost. */
    public static Path cacheFolder() {
        return EngineFolder.choose(System.getenv(), System::getProperty).path();
    }

    /**
     * Loads libtorch now, so that what keeps it from loading is known before anything depends on it. Later calls do nothing.
     * Call {@link #on} first: the number of threads is read here.
     *
     * @throws EngineNotLoaded when it cannot be loaded
     */
    public static void load() {
        EngineLoading.require();
    }

    @Override
    public long deviceMemory() {
        return LibTorch.memory(device);
    }

    @Override
    public Network open(ExpertRef ref) {
        Optional<TwoExperts> experts = expertsOf(ref);
        return experts.isEmpty()
                ? openOne(ref).frozen()
                : both(
                        ref,
                        experts.get(),
                        (card, high, low) -> new TwoExpertNetwork(card, experts.get(), high.frozen(), low.frozen()));
    }

    @Override
    public TrainableNetwork openForTraining(ExpertRef ref, AdamWSettings optimizer, double averageDecay) {
        Optional<TwoExperts> experts = expertsOf(ref);
        if (experts.isPresent()) {
            return openBothForTraining(ref, experts.get(), optimizer, averageDecay);
        }
        Opened opened = openOne(ref);
        return opened.guarded(() -> new TorchTrainableNetwork(
                opened.card(), opened.manager(), opened.module(), opened.file(), optimizer, averageDecay));
    }

    @Override
    public Optional<TwoExperts> expertsOf(ExpertRef ref) {
        Path file = Path.of(ref.path());
        return TwoExpertsFile.isOne(file) ? Optional.of(TwoExpertsFile.readChecked(ref, file)) : Optional.empty();
    }

    private TrainableNetwork openBothForTraining(
            ExpertRef ref, TwoExperts experts, AdamWSettings optimizer, double averageDecay) {
        return both(ref, experts, (card, high, low) -> {
            PtNDManager manager = LibTorch.newManager(device);
            try {
                NDList ofHigh = high.trained();
                NDList ofLow = low.trained();
                return new TorchTrainableTwoExperts(
                        card, experts, high.frozen(), ofHigh, low.frozen(), ofLow, manager, optimizer, averageDecay);
            } catch (RuntimeException e) {
                manager.close();
                throw e;
            }
        });
    }

    @FunctionalInterface
    private interface Joining<T> {
        T join(NetworkCard card, Opened high, Opened low);
    }

    /** Opens both experts; neither stays open when one is refused. */
    private <T> T both(ExpertRef ref, TwoExperts experts, Joining<T> joining) {
        Opened high = openOne(experts.highNoise());
        return high.guarded(() -> {
            Opened low = openOne(experts.lowNoise());
            return low.guarded(() -> joining.join(
                    TwoExpertsFile.card(Path.of(ref.path()), experts, high.card(), low.card()), high, low));
        });
    }

    /** A module on the device, what its file says, and the file, which stays open as long as it may be written back. */
    private record Opened(NetworkCard card, PtNDManager manager, PtSymbolBlock module, ModuleFile file) {
        /** A network that does not train, which needs the file no more. */
        TorchNetwork frozen() {
            file.close();
            return new TorchNetwork(card, manager, module);
        }

        /** The parameters that train. */
        NDList trained() {
            return TrainedParameters.of(file, LibTorch.parameters(module, manager));
        }

        /** What {@code work} gives; where it fails nothing stays open. */
        <T> T guarded(Supplier<T> work) {
            try {
                return work.get();
            } catch (RuntimeException e) {
                manager.close();
                file.close();
                throw e instanceof EngineException ? unusable(file.archive().file(), (EngineException) e) : e;
            }
        }
    }

    private static NetworkFileException unusable(Path file, EngineException e) {
        return new NetworkFileException(file, "libtorch cannot load it: " + EngineErrors.cause(e), e);
    }

    /**
     * Opens a classifier.
     *
     * @throws NetworkFileException when the file is missing, torn, or no classifier's
     */
    public ImageClassifier openClassifier(Path file) {
        try (ModuleFile module = ModuleFile.open(file)) {
            ClassifierCard card = ImageClassifier.card(module);
            return onDevice(file, manager -> new ImageClassifier(card, manager, load(module, manager)));
        }
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

    /**
     * Hashes the file, looks it through and has libtorch load it, by its path: what is large never stands on the heap. That all three
     * saw the same bytes is told by the file's time, size and identity, which are at the end what they were; where they are not,
     * as in a cache that marks what is used by its time, by hashing it again.
     */
    private Opened openOne(ExpertRef ref) {
        Path path = Path.of(ref.path());
        Stamp before = Stamp.of(path);
        NetworkFile.requireIs(ref);
        ModuleFile file = ModuleFile.open(path);
        try {
            requireRoom(file, LibTorch.memory(device));
            NetworkCard card = NetworkFile.card(file);
            Opened opened = onDevice(path, manager -> {
                ModuleFile suited = suited(file);
                try {
                    return new Opened(card, manager, load(suited, manager), suited);
                } finally {
                    if (suited != file) {
                        delete(suited.archive().file());
                    }
                }
            });
            if (opened.file() != file) {
                file.close();
            }
            if (!Stamp.of(path).equals(before) && !isStill(ref)) {
                opened.manager().close();
                throw new NetworkFileException(path, "it changed while it was opened; open it again");
            }
            return opened;
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private static boolean isStill(ExpertRef ref) {
        try {
            return Sha256.of(Path.of(ref.path())).equals(ref.sha256());
        } catch (IOException e) {
            return false;
        }
    }

    private record Stamp(long size, FileTime modified, Object identity) {
        /** Of a file that is not there, one that no file has; opening it says so. */
        static Stamp of(Path file) {
            try {
                BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
                return new Stamp(now.size(), now.lastModifiedTime(), String.valueOf(now.fileKey()));
            } catch (IOException e) {
                return new Stamp(-1, FileTime.fromMillis(0), "");
            }
        }
    }

    /** Refuses what could only fail, before anything is allocated. */
    static void requireRoom(ModuleFile file, long memory) {
        if (memory > 0 && file.tensorBytes() > memory) {
            throw new NetworkFileException(
                    file.archive().file(),
                    String.format(
                            Locale.ROOT,
                            "its tensors take %.1f GiB, the device has %.1f GiB; use a larger one (engine.devices)",
                            file.tensorBytes() / (double) (1 << 30),
                            memory / (double) (1 << 30)));
        }
    }

    private static PtSymbolBlock load(ModuleFile file, PtNDManager manager) {
        return LibTorch.load(manager, file.archive().file());
    }

    /** {@code file}, or a copy in a temporary file as this device should run it. */
    private ModuleFile suited(ModuleFile file) {
        if (!Bfloat16.isForeignTo(device, file)) {
            return file;
        }
        Path copy = null;
        try {
            copy = Files.createTempFile("sluice-float32-", ".pt");
            try (OutputStream out = Files.newOutputStream(copy)) {
                Bfloat16.writeInFloat32(file, out);
            }
            return ModuleFile.open(copy);
        } catch (IOException e) {
            delete(copy);
            throw new NetworkFileException(
                    file.archive().file(),
                    "no copy of it can be written to the temporary folder: " + EngineErrors.cause(e),
                    e);
        }
    }

    /** An open file of a POSIX system can be read on when its name is gone; elsewhere it goes with the process. */
    private static void delete(Path file) {
        if (file != null && !file.toFile().delete()) {
            file.toFile().deleteOnExit();
        }
    }

    private <T> T onDevice(Path file, Function<PtNDManager, T> opening) {
        PtNDManager manager = LibTorch.newManager(device);
        try {
            return opening.apply(manager);
        } catch (EngineException e) {
            manager.close();
            throw unusable(file, e);
        } catch (RuntimeException e) {
            manager.close();
            throw e;
        }
    }
}
