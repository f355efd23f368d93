package dev.sluice.monitoring.run;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.UUID;

/**
 * A run's identity: twelve hex digits in the file {@code run.id} of its folder, drawn when the folder is made. Names are
 * used again and folders are moved and copied, so neither can say which run something is of.
 */
final class RunId {
    private static final String FILE = "run.id";
    private static final String FORM = "[0-9a-f]{12}";
    private static final int DIGITS = 12;

    private RunId() {}

    /**
     * The identity of the run in {@code root}. A folder that has none that can be read, because it is older than these or
     * the file was damaged, is given one; where nothing can be written it goes by what its configuration says.
     */
    static String of(Path root) {
        return in(root).orElseGet(() -> {
            try {
                write(root, firstDigits(UUID.randomUUID()));
                return in(root).orElseGet(() -> ofConfiguration(root));
            } catch (IOException e) {
                return ofConfiguration(root);
            }
        });
    }

    private static Optional<String> in(Path root) {
        try {
            String id = Files.readString(root.resolve(FILE), StandardCharsets.ISO_8859_1)
                    .strip();
            return Optional.of(id).filter(text -> text.matches(FORM));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** Whole or not at all: a crash in the middle leaves no half of one. */
    private static void write(Path root, String id) throws IOException {
        Path draft = root.resolve("." + FILE + "-" + id);
        try {
            try (FileChannel channel =
                    FileChannel.open(draft, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                channel.write(ByteBuffer.wrap((id + "\n").getBytes(StandardCharsets.US_ASCII)));
                channel.force(true);
            }
            Files.move(draft, root.resolve(FILE), StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(draft);
        }
    }

    private static String firstDigits(UUID id) {
        return id.toString().replace("-", "").substring(0, DIGITS);
    }

    private static String ofConfiguration(Path root) {
        try {
            byte[] text = Files.readAllBytes(root.resolve("config.conf"));
            return firstDigits(UUID.nameUUIDFromBytes(text));
        } catch (IOException e) {
            throw new BadRunFolder(root + " cannot be read: " + e, e);
        }
    }
}
