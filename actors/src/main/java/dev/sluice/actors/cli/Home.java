package dev.sluice.actors.cli;

import dev.sluice.runtime.store.PrivateFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where Sluice is installed, which the launcher says and from where bundled teachers are found; and where the user is at
 * home.
 */
final class Home {
    private Home() {}

    static Path folder() {
        return Path.of(System.getProperty("sluice.home", ".")).toAbsolutePath().normalize();
    }

    /**
     * Gives a user whom this machine does not know, as containers run under, a home: Java calls it "?", and whatever keeps files
     * at home would make a folder of that name in the working directory.
     */
    static void settle() {
        if (Path.of(System.getProperty("user.home")).isAbsolute()) {
            return;
        }
        String home = System.getenv().getOrDefault("HOME", "");
        try {
            boolean usable = home.startsWith("/") && Files.isWritable(Path.of(home));
            Path temporary = Path.of(System.getProperty("java.io.tmpdir"));
            System.setProperty(
                    "user.home", usable ? home : PrivateFolder.in(temporary).toString());
        } catch (IOException e) {
            throw new UserError(
                    "HOME='" + home + "' is no folder that this user can write to, and neither is the one for"
                            + " temporary files (" + e.getMessage() + "); set HOME to one");
        }
    }
}
