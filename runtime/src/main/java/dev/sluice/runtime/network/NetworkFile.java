package dev.sluice.runtime.network;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.file.Durable;
import dev.sluice.runtime.objective.Prediction;
import dev.sluice.runtime.store.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;

/**
 * A TorchScript file on disk with a {@link NetworkCard} inside, as the extra file {@code sluice.json}. Plain PyTorch
 * reads the same file, and the card through {@code torch.jit.load(f, _extra_files={"sluice.json": ""})}.
 */
public final class NetworkFile {
    private static final String CARD = "extra/sluice.json";

    private NetworkFile() {}

    /**
     * Writes {@code module}, a TorchScript file's bytes, with {@code card} inside; atomically, same input same bytes.
     */
    static void write(Path file, byte[] module, NetworkCard card) throws IOException {
        write(file, module, CARD, json(card));
    }

    /** Writes {@code source} with other weights and another card, {@link ModuleWriter}; atomically, same input same bytes. */
    static void write(Path file, ModuleFile source, Map<String, Supplier<Tensor>> weights, NetworkCard card)
            throws IOException {
        byte[] json = CardReader.JSON.writeValueAsBytes(json(card));
        Durable.write(file, out -> ModuleWriter.write(source, out, weights, CARD, json));
    }

    /** {@link #write(Path, byte[], NetworkCard)} for modules of another kind, whose card is another extra file. */
    static void write(Path file, byte[] module, String extra, Object card) throws IOException {
        Durable.write(file, out -> {
            // A zip reader that works from memory and by the directory at the end: libtorch's own files have stored
            // entries with data descriptors, which a streaming reader cannot follow.
            try (StoredZip zip = new StoredZip(out);
                    org.apache.commons.compress.archivers.zip.ZipFile in =
                            org.apache.commons.compress.archivers.zip.ZipFile.builder()
                                    .setByteArray(module)
                                    .get()) {
                String root = "";
                for (ZipArchiveEntry entry : Collections.list(in.getEntriesInPhysicalOrder())) {
                    root = entry.getName().substring(0, entry.getName().indexOf('/') + 1);
                    // The serialization id is an alignment and identity record of the writer's; the card is ours.
                    if (!entry.getName().endsWith(".data/serialization_id")
                            && !entry.getName().endsWith(extra)) {
                        try (InputStream content = in.getInputStream(entry)) {
                            zip.entry(entry.getName(), content.readAllBytes());
                        }
                    }
                }
                zip.entry(root + extra, CardReader.JSON.writeValueAsBytes(card));
            }
        });
    }

    /** The velocity goes without saying: files from before there was anything else keep their bytes. */
    private static ObjectNode json(NetworkCard card) {
        ObjectNode node = CardReader.JSON.valueToTree(card);
        if (card.prediction() == Prediction.VELOCITY) {
            node.remove("prediction");
        }
        return node;
    }

    /** Makes a network of {@code architecture} with fresh weights. */
    public static void create(Path file, Architecture architecture, NetworkCard card, long seed) throws IOException {
        write(file, architecture.fresh(card, new dev.sluice.runtime.noise.Noise(seed, 0)), card);
    }

    /**
     * Reads the card of a network file, or that of two experts together, and looks the file through: libtorch would take a
     * damaged one's word, and its code is a program. The tensors are not read.
     *
     * @throws NetworkFileException when there is no such file, it is torn, something else, not harmless, or carries no card
     */
    public static NetworkCard readCard(Path file) {
        return TwoExpertsFile.isOne(file) ? TwoExpertsFile.readCard(file) : readOwnCard(file);
    }

    /** {@link #readCard} of a file that holds one network. */
    static NetworkCard readOwnCard(Path file) {
        try (ModuleFile module = ModuleFile.open(file)) {
            return card(module);
        }
    }

    static NetworkCard card(ModuleFile module) {
        return card(
                module,
                CARD,
                NetworkCard.class,
                Set.of("prediction"),
                "a TorchScript file without a card; add extra/sluice.json as docs/networks.md describes");
    }

    /** @param without what a file without that card is called */
    static <C extends Record> C card(
            ModuleFile module, String extra, Class<C> kind, Set<String> optional, String without) {
        Path file = module.archive().file();
        byte[] json = module.extra(extra).orElseThrow(() -> new NetworkFileException(file, without));
        try {
            return CardReader.read(json, kind, optional);
        } catch (IllegalArgumentException e) {
            throw new NetworkFileException(
                    file, "its card " + extra + " cannot be used: " + e.getMessage() + " (docs/networks.md)", e);
        }
    }

    /**
     * A reference to the file as it is now.
     *
     * @throws NetworkFileException when it cannot be read
     */
    public static ExpertRef reference(String version, Path file) {
        try {
            // A pipe or a device would be read without end.
            if (Files.exists(file) && !Files.isRegularFile(file)) {
                throw new NetworkFileException(file, ForeignFile.notRegular(file));
            }
            return new ExpertRef(
                    version,
                    Sha256.of(file),
                    Files.size(file),
                    file.toAbsolutePath().normalize().toString());
        } catch (NoSuchFileException e) {
            throw new NetworkFileException(file, ForeignFile.absent(file), e);
        } catch (IOException e) {
            throw new NetworkFileException(file, "cannot be read: " + EngineErrors.cause(e), e);
        }
    }

    /**
     * The file's bytes are hashed as they stream by; they never stand on the heap.
     *
     * @throws NetworkFileException when they are not those of the reference
     */
    static void requireIs(ExpertRef ref) {
        requireSame(ref, reference(ref.version(), Path.of(ref.path())));
    }

    static void requireSame(ExpertRef ref, ExpertRef found) {
        if (!found.sha256().equals(ref.sha256()) || found.size() != ref.size()) {
            throw new NetworkFileException(
                    Path.of(ref.path()),
                    "not the file that " + ref.version() + " names: its SHA-256 is " + found.sha256() + ", expected "
                            + ref.sha256());
        }
    }
}
