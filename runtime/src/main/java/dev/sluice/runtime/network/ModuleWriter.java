package dev.sluice.runtime.network;

import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.ModulePickle.StoredTensor;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Writes a TorchScript file that is another one with some tensors changed, from file to file: the heap never holds more than one
 * tensor. libtorch's own writer takes time that grows with the square of the file, cannot pass 2 GiB, and names the device
 * that the module was on; here everything but the changed elements is as the first file has it. Same input, same bytes.
 */
final class ModuleWriter {
    private static final int PIECE = 1 << 20;
    private static final Set<String> TEXTS =
            Set.of("version", ".data/version", "byteorder", "data.pkl", "constants.pkl");

    private ModuleWriter() {}

    /** Changes an entry's content; only asked for what is not a tensor. */
    @FunctionalInterface
    interface Change {
        byte[] of(ModuleArchive.Entry entry, byte[] content);
    }

    /** Copies what libtorch reads of {@code source}, and the extra files, with {@code change} made to its code and pickles. */
    static void write(ModuleFile source, OutputStream out, Change change) throws IOException {
        try (StoredZip zip = new StoredZip(out)) {
            for (ModuleArchive.Entry entry : source.archive().entries()) {
                if (isText(entry)) {
                    zip.entry(name(source, entry.name()), change.of(entry, text(source, entry)));
                } else if (ModuleFile.isTensor(entry) || entry.name().startsWith("extra/") && !entry.deflated()) {
                    copy(source, entry, List.of(), zip);
                }
            }
        }
    }

    /**
     * Writes {@code source} with new weights and another card, in evaluation mode.
     *
     * @param weights float32, by the dotted names of the parameters, of their shapes; each is asked for when it is written
     * @param extra name of the card's entry
     * @throws IOException when it cannot be written, or a parameter is not in {@code source}
     */
    static void write(
            ModuleFile source, OutputStream out, Map<String, Supplier<Tensor>> weights, String extra, byte[] card)
            throws IOException {
        Map<String, List<Patch>> patches = patches(source, weights);
        try (StoredZip zip = new StoredZip(out)) {
            for (ModuleArchive.Entry entry : source.archive().entries()) {
                if (ModuleFile.isTensor(entry)) {
                    copy(source, entry, patches.getOrDefault(entry.name(), List.of()), zip);
                } else if (isText(entry)) {
                    byte[] content = text(source, entry);
                    if (entry.name().equals("data.pkl")) {
                        source.attributes().trainingFlags().forEach(at -> content[at] = ModulePickle.FALSE);
                    }
                    zip.entry(name(source, entry.name()), content);
                }
            }
            zip.entry(name(source, extra), card);
        }
    }

    private static String name(ModuleFile source, String name) {
        return source.archive().root() + "/" + name;
    }

    /** The code without where its operations stood in the source, and what says how it all belongs together. */
    private static boolean isText(ModuleArchive.Entry entry) {
        return ModuleFile.isCode(entry) || TEXTS.contains(entry.name());
    }

    private static byte[] text(ModuleFile source, ModuleArchive.Entry entry) {
        return source.archive().content(entry, ModuleFile.CODE_LIMIT);
    }

    /** New elements for a part of a storage. */
    private record Patch(StoredTensor tensor, Supplier<Tensor> weight) {
        long begin() {
            return tensor.offset() * Float.BYTES;
        }
    }

    private static Map<String, List<Patch>> patches(ModuleFile source, Map<String, Supplier<Tensor>> weights)
            throws IOException {
        Map<String, List<Patch>> patches = new HashMap<>();
        for (Map.Entry<String, Supplier<Tensor>> weight : weights.entrySet()) {
            StoredTensor tensor = source.attributes()
                    .tensor(weight.getKey())
                    .orElseThrow(() -> new IOException("the file of the network has no parameter " + weight.getKey()));
            patches.computeIfAbsent(tensor.storage().key(), key -> new ArrayList<>())
                    .add(new Patch(tensor, weight.getValue()));
        }
        patches.values().forEach(list -> list.sort(Comparator.comparingLong(Patch::begin)));
        return patches;
    }

    private static void copy(ModuleFile source, ModuleArchive.Entry entry, List<Patch> patches, StoredZip zip)
            throws IOException {
        String name = name(source, entry.name());
        List<Piece> pieces = new ArrayList<>();
        long at = 0;
        for (Patch patch : patches) {
            pieces.add(new Piece(at, patch.begin(), Optional.empty()));
            at = patch.tensor().end() * Float.BYTES;
            pieces.add(new Piece(patch.begin(), at, Optional.of(patch)));
        }
        pieces.add(new Piece(at, entry.size(), Optional.empty()));
        zip.entry(name, entry.size(), out -> {
            for (Piece piece : pieces) {
                write(source, entry, piece, out);
            }
        });
    }

    private record Piece(long begin, long end, Optional<Patch> patch) {}

    private static void write(ModuleFile source, ModuleArchive.Entry entry, Piece piece, OutputStream out)
            throws IOException {
        if (piece.patch().isPresent()) {
            Patch patch = piece.patch().get();
            byte[] region = patch.tensor().isContiguous()
                    ? new byte[(int) (piece.end() - piece.begin())]
                    : source.archive()
                            .piece(entry.at() + piece.begin(), (int) (piece.end() - piece.begin()))
                            .array();
            patch.tensor().overwrite(region, patch.weight().get());
            out.write(region);
            return;
        }
        for (long at = piece.begin(); at < piece.end(); at += PIECE) {
            int bytes = (int) Math.min(PIECE, piece.end() - at);
            out.write(source.archive().piece(entry.at() + at, bytes).array());
        }
    }
}
