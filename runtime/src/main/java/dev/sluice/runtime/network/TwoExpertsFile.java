package dev.sluice.runtime.network;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.file.Durable;
import dev.sluice.runtime.objective.Prediction;
import dev.sluice.runtime.store.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The small JSON file that names a teacher of two experts ({@code docs/networks.md}). It holds the SHA-256 of both, so its
 * own names them too, and wherever a network file may stand, this may.
 */
public final class TwoExpertsFile {
    private static final String FORMAT = "sluice-two-experts";
    private static final int VERSION = 1;
    private static final int LIMIT = 1 << 16;
    private static final String HIGH = "high-noise";
    private static final String LOW = "low-noise";
    private static final List<String> KEYS = List.of("format", "version", "boundary", HIGH, LOW);

    private TwoExpertsFile() {}

    /**
     * Joins two teachers in one file that names them, by their places relative to it; atomically.
     *
     * @throws IllegalArgumentException when the boundary is not in (0, 1), or the two do not belong together
     * @throws NetworkFileException when one of them is missing, torn or not a network file
     */
    public static void join(Path file, double boundary, Path highNoise, Path lowNoise) throws IOException {
        TwoExperts experts =
                new TwoExperts(boundary, NetworkFile.reference(HIGH, highNoise), NetworkFile.reference(LOW, lowNoise));
        for (Path part : List.of(highNoise, lowNoise)) {
            if (isOne(part)) {
                throw new IllegalArgumentException(part + " names two experts itself; join network files (.pt)");
            }
        }
        String problem = problem(NetworkFile.readCard(highNoise), NetworkFile.readCard(lowNoise));
        if (problem != null) {
            throw new IllegalArgumentException(highNoise + " and " + lowNoise + " do not make one teacher: " + problem);
        }
        Path folder = file.toAbsolutePath().normalize().getParent();
        ObjectNode json = CardReader.JSON
                .createObjectNode()
                .put("format", FORMAT)
                .put("version", VERSION)
                .put("boundary", boundary);
        json.set(HIGH, part(folder, experts.highNoise()));
        json.set(LOW, part(folder, experts.lowNoise()));
        byte[] bytes = CardReader.JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(json);
        Durable.write(file, out -> out.write(bytes));
    }

    private static ObjectNode part(Path folder, ExpertRef ref) {
        return CardReader.JSON
                .createObjectNode()
                .put("file", folder.relativize(Path.of(ref.path())).toString().replace('\\', '/'))
                .put("sha256", ref.sha256())
                .put("size", ref.size());
    }

    /** Whether the file is a JSON text, as these are and network files are not; false when it cannot be read. */
    public static boolean isOne(Path file) {
        if (!Files.isRegularFile(file)) {
            return false;
        }
        try (InputStream in = Files.newInputStream(file)) {
            int first = in.read();
            while (first == ' ' || first == '\n' || first == '\r' || first == '\t') {
                first = in.read();
            }
            return first == '{';
        } catch (IOException e) {
            // Whoever opens it next says why.
            return false;
        }
    }

    /**
     * Reads the file. Its parts are not looked at.
     *
     * @throws NetworkFileException when it cannot be read or does not say what it must
     */
    public static TwoExperts read(Path file) {
        return parse(file, bytes(file));
    }

    /**
     * {@link #read}, of the very bytes that have been checked.
     *
     * @param ref of the file as it lies here
     * @param place of the file that its parts' places are relative to
     */
    static TwoExperts readChecked(ExpertRef ref, Path place) {
        byte[] bytes = bytes(Path.of(ref.path()));
        NetworkFile.requireSame(ref, new ExpertRef(ref.version(), Sha256.of(bytes), bytes.length, ref.path()));
        return parse(place, bytes);
    }

    private static byte[] bytes(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(LIMIT + 1);
            if (bytes.length > LIMIT) {
                throw new NetworkFileException(file, "too long to name two experts; see docs/networks.md");
            }
            return bytes;
        } catch (IOException e) {
            throw new NetworkFileException(file, "cannot be read: " + EngineErrors.cause(e), e);
        }
    }

    private static TwoExperts parse(Path file, byte[] bytes) {
        try {
            ObjectNode json = CardReader.object(bytes);
            if (!json.path("format").asText().equals(FORMAT)) {
                throw new NetworkFileException(
                        file, "neither a TorchScript file nor one that names two experts (format " + FORMAT + ")");
            }
            if (json.path("version").asInt() != VERSION) {
                throw new NetworkFileException(
                        file,
                        "its version is "
                                + ModuleArchive.quoted(json.path("version").toString())
                                + ", this Sluice reads " + VERSION
                                + "; join the teachers again with ./sluice join-teachers");
            }
            if (!json.path("boundary").isNumber()) {
                throw new NetworkFileException(file, "its key boundary must be a number between 0 and 1");
            }
            TwoExperts experts =
                    new TwoExperts(json.path("boundary").asDouble(), part(file, json, HIGH), part(file, json, LOW));
            CardReader.requireNoOther(json, KEYS);
            return experts;
        } catch (IllegalArgumentException e) {
            throw new NetworkFileException(
                    file, "does not name two experts: " + EngineErrors.cause(e) + "; see docs/networks.md", e);
        }
    }

    private static ExpertRef part(Path file, JsonNode json, String name) {
        JsonNode part = json.path(name);
        if (!part.path("file").isTextual()
                || !part.path("sha256").isTextual()
                || !part.path("sha256").textValue().matches("[0-9a-f]{64}")
                || !part.path("size").isIntegralNumber()) {
            throw new IllegalArgumentException(
                    name + " must have file, sha256 and size; join the teachers again with ./sluice join-teachers");
        }
        Path path = file.toAbsolutePath().resolveSibling(part.get("file").asText());
        return new ExpertRef(
                name,
                part.get("sha256").asText(),
                part.get("size").asLong(),
                path.normalize().toString());
    }

    /** The card of the two together, from their own. */
    static NetworkCard readCard(Path file) {
        TwoExperts experts = read(file);
        return card(file, experts, partCard(file, experts.highNoise()), partCard(file, experts.lowNoise()));
    }

    /** Of a part, which holds a network itself: one that named others could name this file. */
    private static NetworkCard partCard(Path file, ExpertRef part) {
        Path place = Path.of(part.path());
        if (isOne(place)) {
            throw new NetworkFileException(
                    file,
                    "its " + part.version() + " expert " + place + " names experts itself; join network files (.pt)");
        }
        return NetworkFile.readOwnCard(place);
    }

    /**
     * The card of the two together: what they have in common, also of their provenance.
     *
     * @throws NetworkFileException when they do not belong together
     */
    static NetworkCard card(Path file, TwoExperts experts, NetworkCard high, NetworkCard low) {
        String problem = problem(high, low);
        if (problem != null) {
            throw new NetworkFileException(file, problem);
        }
        Map<String, String> provenance = new LinkedHashMap<>(high.provenance());
        provenance.entrySet().retainAll(low.provenance().entrySet());
        provenance.put("boundary", Double.toString(experts.boundary()));
        provenance.put("high-noise-sha256", experts.highNoise().sha256());
        provenance.put("low-noise-sha256", experts.lowNoise().sha256());
        // Each part's output becomes a velocity at its own edge.
        return new NetworkCard(
                high.sampleShape(), high.classNames(), high.schedule(), 0, List.of(), provenance, Prediction.VELOCITY);
    }

    /** Why the two are not one teacher, or null. */
    private static String problem(NetworkCard high, NetworkCard low) {
        if (!high.sampleShape().equals(low.sampleShape())) {
            return "the high-noise expert makes samples of shape " + high.sampleShape() + ", the low-noise expert of "
                    + low.sampleShape();
        }
        if (!high.classNames().equals(low.classNames())) {
            return "the high-noise expert has the classes " + high.classNames() + ", the low-noise expert "
                    + low.classNames();
        }
        if (high.schedule() != low.schedule()) {
            return "the high-noise expert was trained on the schedule " + high.schedule() + ", the low-noise expert on "
                    + low.schedule();
        }
        if (high.phase() != 0 || low.phase() != 0) {
            return "one of them is the distilled expert of phase " + Math.max(high.phase(), low.phase())
                    + ", not a teacher";
        }
        return null;
    }
}
