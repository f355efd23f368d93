package dev.sluice.runtime.store;

import dev.sluice.protocol.FileRef;
import dev.sluice.protocol.file.Durable;
import java.io.IOException;
import java.nio.file.Path;

/** Reads and writes in place; writers are atomic themselves ({@link Durable}). */
enum SharedFiles implements RunFiles {
    INSTANCE;

    @Override
    public <R extends FileRef<R>, T> T read(R ref, Reading<R, T> reading) throws IOException {
        return reading.from(ref);
    }

    @Override
    public <R extends FileRef<R>> R write(Path target, Writing<R> writing) throws IOException {
        return writing.to(target);
    }
}
