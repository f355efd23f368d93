package dev.sluice.protocol;

/**
 * Names a network file without carrying its bytes.
 *
 * @param version what served images report, such as {@code teacher} or {@code phase-1}
 * @param sha256 of the file's bytes, lower-case hex
 * @param size of the file in bytes
 * @param path where the shared store holds it, absolute
 */
public record ExpertRef(String version, String sha256, long size, String path) implements FileRef<ExpertRef> {
    @Override
    public ExpertRef at(String elsewhere) {
        return new ExpertRef(version, sha256, size, elsewhere);
    }
}
