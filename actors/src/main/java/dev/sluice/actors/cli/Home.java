package dev.sluice.actors.cli;

import java.nio.file.Path;

/** Where Sluice is installed, which the launcher says; bundled teachers are found from here. */
final class Home {
    private Home() {}

    static Path folder() {
        return Path.of(System.getProperty("sluice.home", ".")).toAbsolutePath().normalize();
    }
}
