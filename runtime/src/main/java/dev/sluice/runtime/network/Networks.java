package dev.sluice.runtime.network;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.runtime.store.RunFiles;
import java.util.Optional;

/**
 * Opens network files on a device. Actors are given one, so that their tests can give them fakes.
 *
 * <p>Thread-safe; each network it opens belongs to the calling thread. Files are checked against the reference's size
 * and SHA-256 first.
 *
 * @see NetworkFileException for everything that can be wrong with a file
 */
public interface Networks {
    /** Opens a frozen network. The caller closes it. */
    Network open(ExpertRef ref);

    /** Opens a network to train, with a fresh optimizer and an average that starts at its weights. */
    TrainableNetwork openForTraining(ExpertRef ref, AdamWSettings optimizer, double averageDecay);

    /** Memory of the device that the networks are on, in bytes; 0 when that is not known. */
    default long deviceMemory() {
        return 0;
    }

    /** The experts of a teacher that is made of two; empty for a single network. */
    default Optional<TwoExperts> expertsOf(ExpertRef ref) {
        return Optional.empty();
    }

    /**
     * Has a network's files at hand, so that opening it takes no longer than reading them; waits for as long as that takes.
     * Any thread.
     */
    default void bring(ExpertRef ref) {}

    /** The store that the networks' files are in; states and finished experts go there too. */
    default RunFiles files() {
        return RunFiles.shared();
    }
}
