package dev.sluice.runtime.store;

import dev.sluice.protocol.file.Durable;
import java.io.IOException;
import java.nio.file.Path;

/** {@link Durable#write}: a reader, or a crash at any moment, finds the old content or the new and never a part. */
public final class AtomicFile {
    private AtomicFile() {}

    /** What to write. Closing the stream is allowed and does no harm. */
    @FunctionalInterface
    public interface Content extends Durable.Content {}

    /**
     * Replaces {@code target} by what {@code content} writes.
     *
     * @throws IOException when it could not be written, for lack of space, say; {@code target} is then as it was. The
     *     message names the file. What {@code content} throws unchecked passes through, with the same promise.
     */
    public static void write(Path target, Content content) throws IOException {
        Durable.write(target, content);
    }
}
