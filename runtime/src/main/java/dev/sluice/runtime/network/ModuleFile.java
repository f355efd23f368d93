package dev.sluice.runtime.network;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/**
 * A TorchScript file that has been looked through, so that libtorch only ever sees files whose counts are true, whose
 * objects are not nested without end, and whose code does not reach out of it ({@link ModuleCode}). The tensors themselves
 * are not read. Belongs to one thread; keeps the file open until closed.
 */
final class ModuleFile implements AutoCloseable {
    private static final int CARD_LIMIT = 1 << 20;
    static final int CODE_LIMIT = 64 << 20;

    private final ModuleArchive archive;
    private final ModulePickle attributes;
    private final boolean asksForBfloat16;

    private ModuleFile(ModuleArchive archive) throws ModuleArchive.Damage {
        this.archive = archive;
        this.asksForBfloat16 = lookThroughCode();
        this.attributes = pickle("data");
        pickle("constants");
        for (ModuleArchive.Entry entry : archive.entries()) {
            if (entry.deflated() && isTensor(entry)) {
                throw new ModuleArchive.Damage("packed: its tensors " + entry.name()
                        + " are compressed, torch.jit.save stores them; " + ForeignFile.MEND);
            }
        }
    }

    static boolean isTensor(ModuleArchive.Entry entry) {
        return entry.name().startsWith("data/") || entry.name().startsWith("constants/");
    }

    /**
     * @throws NetworkFileException when there is no such file, it is torn, none of torch.jit.save's, or not harmless; the
     *     message says what is wrong and how to mend it
     */
    static ModuleFile open(Path file) {
        ModuleArchive archive = ModuleArchive.open(file);
        try {
            ModuleFile opened = new ModuleFile(archive);
            archive = null;
            return opened;
        } catch (ModuleArchive.Damage e) {
            throw new NetworkFileException(file, e.getMessage(), e);
        } finally {
            if (archive != null) {
                archive.close();
            }
        }
    }

    ModuleArchive archive() {
        return archive;
    }

    /** Its attributes and where their elements lie. */
    ModulePickle attributes() {
        return attributes;
    }

    /** Whether its code looks at an attribute {@code bf16} of its own. */
    boolean asksForBfloat16() {
        return asksForBfloat16;
    }

    /** Bytes of its tensors, which loading it takes at least. */
    long tensorBytes() {
        return archive.entries().stream()
                .filter(ModuleFile::isTensor)
                .mapToLong(ModuleArchive.Entry::size)
                .sum();
    }

    /** The content of an extra file, {@code extra/sluice.json}. */
    Optional<byte[]> extra(String name) {
        return archive.find(name).map(entry -> archive.content(entry, CARD_LIMIT));
    }

    /** @return whether it asks for bfloat16 */
    private boolean lookThroughCode() throws ModuleArchive.Damage {
        long bytes = 0;
        int files = 0;
        boolean asks = false;
        for (ModuleArchive.Entry entry : archive.entries()) {
            // Which says where an operation stood in the source; it is looked at for an error's message only.
            if (isCode(entry)) {
                bytes += entry.size();
                if (bytes > CODE_LIMIT) {
                    throw new ModuleArchive.Damage("its code has more than " + (CODE_LIMIT >> 20) + " MiB");
                }
                String source = new String(archive.content(entry, CODE_LIMIT), StandardCharsets.UTF_8);
                ModuleCode.requireHarmless(entry.name(), source);
                asks |= Bfloat16.ASKS.matcher(source).find();
                files++;
            }
        }
        if (archive.find("model.json").isPresent()) {
            throw new ModuleArchive.Damage(
                    "written by a PyTorch before 1.0; load it in a newer one and " + ForeignFile.MEND);
        }
        if (files == 0) {
            throw new ModuleArchive.Damage(ForeignFile.withoutCode(archive));
        }
        return asks;
    }

    /** libtorch looks names up without their case. */
    static boolean isCode(ModuleArchive.Entry entry) {
        String name = entry.name().toLowerCase(Locale.ROOT);
        return name.startsWith("code/") && !name.endsWith(".debug_pkl");
    }

    private ModulePickle pickle(String folder) throws ModuleArchive.Damage {
        ModuleArchive.Entry entry = archive.find(folder + ".pkl")
                .orElseThrow(
                        () -> new ModuleArchive.Damage("torn: it has no " + folder + ".pkl; restore or retrain it"));
        ModulePickle pickle = ModulePickle.read(archive.content(entry, ModulePickle.LONGEST), folder);
        pickle.requireWithin(archive);
        return pickle;
    }

    @Override
    public void close() {
        archive.close();
    }
}
