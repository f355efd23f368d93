package dev.sluice.runtime.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;

/** A folder of this user's own where everybody may write: what is loaded from it, nobody else can have put there. */
public final class PrivateFolder {
    private static final String PERMISSIONS = "rwx------";

    private PrivateFolder() {}

    /**
     * The same folder for every process of a user, made where it is not there. A user is told by what owns his files, since one
     * without an entry on this machine has no name.
     *
     * @param parent for temporary files
     * @throws IOException when it cannot be made, or is another user's, or open to others
     */
    public static Path in(Path parent) throws IOException {
        Path probe = Files.createTempFile(parent, "sluice-", ".owner");
        try {
            UserPrincipal owner = Files.getOwner(probe);
            Path folder = parent.resolve("sluice-" + owner.getName());
            if (!Files.isDirectory(folder)) {
                Files.createDirectory(
                        folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(PERMISSIONS)));
            } else if (!Files.getOwner(folder).equals(owner)
                    || !PosixFilePermissions.toString(Files.getPosixFilePermissions(folder))
                            .equals(PERMISSIONS)) {
                throw new IOException(folder + " is not this user's alone: remove it");
            }
            return folder;
        } catch (UnsupportedOperationException e) {
            throw new IOException(parent + " knows no permissions", e);
        } finally {
            Files.deleteIfExists(probe);
        }
    }
}
