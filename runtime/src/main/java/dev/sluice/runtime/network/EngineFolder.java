package dev.sluice.runtime.network;

import dev.sluice.runtime.store.PrivateFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * Where libtorch's libraries are unpacked, once, for all processes of a user.
 *
 * @param path the folder, absolute
 * @param chosenBy what decided: an environment variable, or where a folder of one's own is by custom
 */
record EngineFolder(Path path, String chosenBy) {
    /** The variable that says where; DJL reads it too. */
    static final String VARIABLE = "DJL_CACHE_DIR";

    /** The first of these that is set decides, whether or not the folder can be used: the user has said so. */
    private static final List<String> VARIABLES = List.of("ENGINE_CACHE_DIR", VARIABLE);

    private static final String NAME = ".djl.ai";

    /**
     * The folder that the environment names, or else the first that can be used: in {@code HOME}, in the home that the system
     * knows, in {@code XDG_CACHE_HOME}, or one of this user's own among the temporary files.
     *
     * @param properties the JVM's: {@code user.home}, which is "?" for a user without an entry, and {@code java.io.tmpdir}
     */
    static EngineFolder choose(Map<String, String> environment, UnaryOperator<String> properties) {
        for (String variable : VARIABLES) {
            String named = environment.getOrDefault(variable, "");
            if (!named.isEmpty()) {
                return new EngineFolder(folder(variable, named), variable + "=" + named);
            }
        }
        List<EngineFolder> customary = new ArrayList<>();
        inside(environment.get("HOME"), "HOME").ifPresent(customary::add);
        inside(properties.apply("user.home"), "user.home").ifPresent(customary::add);
        inside(environment.get("XDG_CACHE_HOME"), "XDG_CACHE_HOME").ifPresent(customary::add);
        return customary.stream()
                .filter(EngineFolder::canBeUsed)
                .findFirst()
                .orElseGet(() -> temporary(Path.of(properties.apply("java.io.tmpdir"))));
    }

    private static Path folder(String variable, String named) {
        try {
            return Path.of(named).toAbsolutePath();
        } catch (InvalidPathException e) {
            throw new EngineNotLoaded(variable + "=" + named + " is no folder's name: " + e.getMessage(), e);
        }
    }

    private static Optional<EngineFolder> inside(String home, String chosenBy) {
        if (home == null || home.isBlank()) {
            return Optional.empty();
        }
        try {
            Path path = Path.of(home);
            return path.isAbsolute() ? Optional.of(new EngineFolder(path.resolve(NAME), chosenBy)) : Optional.empty();
        } catch (InvalidPathException e) {
            return Optional.empty();
        }
    }

    /** Libraries may lie there although nobody may write: an image with a read-only root. */
    private boolean canBeUsed() {
        return isUnpacked() || Files.isWritable(Files.exists(path) ? path : path.getParent());
    }

    private static EngineFolder temporary(Path parent) {
        String chosenBy = "there is no home folder to write to";
        try {
            return new EngineFolder(PrivateFolder.in(parent).resolve(NAME), chosenBy);
        } catch (IOException e) {
            throw new EngineNotLoaded(
                    "there is no folder to unpack libtorch into: " + chosenBy + ", and none in " + parent + " either ("
                            + e.getMessage() + "). Set " + VARIABLE + " to a folder of your own with 500 MB to spare",
                    e);
        }
    }

    /** The engine's own folder in it. */
    Path libraries() {
        return path.resolve("pytorch");
    }

    /** Whether libraries have been unpacked here; they are moved into their place when all of them are there. */
    boolean isUnpacked() {
        try (Stream<Path> versions = Files.list(libraries())) {
            return versions.filter(version -> !isBeingUnpacked(version))
                    .anyMatch(version -> Files.isReadable(version.resolve(System.mapLibraryName("torch"))));
        } catch (IOException e) {
            return false;
        }
    }

    /** Whether DJL gave {@code entry} its name while it unpacks into it. */
    static boolean isBeingUnpacked(Path entry) {
        return entry.getFileName().toString().startsWith("tmp");
    }
}
