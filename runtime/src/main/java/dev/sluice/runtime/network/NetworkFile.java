package dev.sluice.runtime.network;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.runtime.objective.Prediction;
import dev.sluice.runtime.store.AtomicFile;
import dev.sluice.runtime.store.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Enumeration;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;

/**
 * A TorchScript file on disk with a {@link NetworkCard} inside, as the extra file {@code sluice.json}. Plain PyTorch
 * reads the same file, and the card through {@code torch.jit.load(f, _extra_files={"sluice.json": ""})}.
 */
public final class NetworkFile {
    private static final String CARD = "extra/sluice.json";
    private static final int CARD_LIMIT = 1 << 20;
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    private NetworkFile() {}

    /**
     * Writes {@code module}, a TorchScript file's bytes, with {@code card} inside; atomically, same input same bytes.
     */
    static void write(Path file, byte[] module, NetworkCard card) throws IOException {
        write(file, module, CARD, json(card));
    }

    /** {@link #write(Path, byte[], NetworkCard)} for modules of another kind, whose card is another extra file. */
    static void write(Path file, byte[] module, String extra, Object card) throws IOException {
        AtomicFile.write(file, out -> {
            // A zip reader that works from memory and by the directory at the end: libtorch's own files have stored
            // entries
            // with data descriptors, which a streaming reader cannot follow.
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
                zip.entry(root + extra, JSON.writeValueAsBytes(card));
            }
        });
    }

    /** The velocity goes without saying: files from before there was anything else keep their bytes. */
    private static ObjectNode json(NetworkCard card) {
        ObjectNode node = JSON.valueToTree(card);
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
     * Reads the card of a network file, or that of two experts together.
     *
     * @throws NetworkFileException when there is no such file, it is torn, or it carries no card
     */
    public static NetworkCard readCard(Path file) {
        if (TwoExpertsFile.isOne(file)) {
            return TwoExpertsFile.readCard(file);
        }
        return readCard(
                file,
                CARD,
                NetworkCard.class,
                "a TorchScript file without a card; add extra/sluice.json as docs/networks.md describes");
    }

    /** @param without what a file without that card is called */
    static <C> C readCard(Path file, String extra, Class<C> kind, String without) {
        try (ZipFile zip = new ZipFile(file.toFile())) {
            Enumeration<? extends ZipEntry> entries = zip.entries();
            while (entries.hasMoreElements()) {
                ZipEntry entry = entries.nextElement();
                if (entry.getName().endsWith("/" + extra)) {
                    try (InputStream in = zip.getInputStream(entry)) {
                        return JSON.readValue(in.readNBytes(CARD_LIMIT), kind);
                    }
                }
            }
        } catch (NoSuchFileException e) {
            throw new NetworkFileException(file, "there is no such network file", e);
        } catch (ZipException e) {
            throw new NetworkFileException(
                    file, "torn or not a TorchScript file (" + e.getMessage() + "); restore or retrain it", e);
        } catch (JsonProcessingException | IllegalArgumentException | NullPointerException e) {
            throw new NetworkFileException(file, "its card " + extra + " does not read: " + EngineErrors.cause(e), e);
        } catch (IOException e) {
            throw new NetworkFileException(file, "cannot be read: " + EngineErrors.cause(e), e);
        }
        throw new NetworkFileException(file, without);
    }

    /**
     * A reference to the file as it is now.
     *
     * @throws NetworkFileException when it cannot be read
     */
    public static ExpertRef reference(String version, Path file) {
        try {
            return new ExpertRef(
                    version,
                    Sha256.of(file),
                    Files.size(file),
                    file.toAbsolutePath().normalize().toString());
        } catch (NoSuchFileException e) {
            throw new NetworkFileException(file, "there is no such network file", e);
        } catch (IOException e) {
            throw new NetworkFileException(file, "cannot be read: " + EngineErrors.cause(e), e);
        }
    }

    /** The file's bytes, checked against the reference. */
    static byte[] readChecked(ExpertRef ref) {
        Path file = Path.of(ref.path());
        ExpertRef found = reference(ref.version(), file);
        if (!found.sha256().equals(ref.sha256()) || found.size() != ref.size()) {
            throw new NetworkFileException(
                    file,
                    "not the file that " + ref.version() + " names: its SHA-256 is " + found.sha256() + ", expected "
                            + ref.sha256());
        }
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new NetworkFileException(file, "cannot be read: " + EngineErrors.cause(e), e);
        }
    }
}
