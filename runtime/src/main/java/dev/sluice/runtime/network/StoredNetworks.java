package dev.sluice.runtime.network;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.runtime.store.RunFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Function;

/**
 * Networks whose files come from a store that need not be on this machine. Of a teacher of two experts the parts are
 * brought too, by their places relative to its file in the store.
 */
public final class StoredNetworks implements Networks {
    private final Networks networks;
    private final RunFiles files;

    /** @param networks that open what has been brought */
    public StoredNetworks(Networks networks, RunFiles files) {
        this.networks = networks;
        this.files = files;
    }

    @Override
    public Network open(ExpertRef ref) {
        return opened(ref, networks::open);
    }

    @Override
    public TrainableNetwork openForTraining(ExpertRef ref, AdamWSettings optimizer, double averageDecay) {
        return opened(ref, local -> networks.openForTraining(local, optimizer, averageDecay));
    }

    private <N> N opened(ExpertRef ref, Function<ExpertRef, N> opening) {
        return having(
                ref,
                () -> files.read(ref, local -> {
                    Optional<TwoExperts> experts = experts(ref, local);
                    return experts.isEmpty() ? opening.apply(local) : openedBoth(ref, experts.get(), opening);
                }));
    }

    /** Both parts are held while a file beside neither of them, for as long, says where they are here. */
    private <N> N openedBoth(ExpertRef ref, TwoExperts experts, Function<ExpertRef, N> opening) throws IOException {
        return files.read(
                experts.highNoise(),
                high -> files.read(experts.lowNoise(), low -> {
                    Path folder = Files.createTempDirectory("sluice-two-experts-");
                    Path file = folder.resolve("teacher.json");
                    try {
                        TwoExpertsFile.join(file, experts.boundary(), Path.of(high.path()), Path.of(low.path()));
                        return opening.apply(NetworkFile.reference("teacher", file));
                    } catch (IllegalArgumentException e) {
                        throw new NetworkFileException(Path.of(ref.path()), e.getMessage(), e);
                    } finally {
                        Files.deleteIfExists(file);
                        Files.delete(folder);
                    }
                }));
    }

    /** The experts at their places in the store. */
    @Override
    public Optional<TwoExperts> expertsOf(ExpertRef ref) {
        return having(ref, () -> files.read(ref, local -> experts(ref, local)));
    }

    @Override
    public void bring(ExpertRef ref) {
        expertsOf(ref).ifPresent(both -> {
            bringOne(both.highNoise());
            bringOne(both.lowNoise());
        });
    }

    /** A part holds a network itself: following what it names could go on without end. */
    private void bringOne(ExpertRef part) {
        having(part, () -> files.read(part, local -> local));
    }

    private static Optional<TwoExperts> experts(ExpertRef ref, ExpertRef local) {
        return TwoExpertsFile.isOne(Path.of(local.path()))
                ? Optional.of(TwoExpertsFile.readChecked(local, Path.of(ref.path())))
                : Optional.empty();
    }

    @Override
    public long deviceMemory() {
        return networks.deviceMemory();
    }

    @Override
    public RunFiles files() {
        return files;
    }

    @FunctionalInterface
    private interface Having<T> {
        T have() throws IOException;
    }

    private static <T> T having(ExpertRef ref, Having<T> having) {
        try {
            return having.have();
        } catch (IOException e) {
            throw new NetworkFileException(Path.of(ref.path()), "cannot be had: " + EngineErrors.cause(e), e);
        }
    }
}
