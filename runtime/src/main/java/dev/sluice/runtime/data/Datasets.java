package dev.sluice.runtime.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/** Names of datasets, as configuration and command line spell them. */
public final class Datasets {
    private static final String KNOWN =
            "fashion-mnist[:FOLDER], fashion-mnist-held-out[:FOLDER], png:FOLDER, mixture-1d, mixture-2d";

    /** Seed of the mixtures opened by name: which points a run sees is decided by the indices it draws. */
    private static final long MIXTURE_SEED = 0;

    private Datasets() {}

    /**
     * Opens what {@code spec} names: {@code fashion-mnist:FOLDER} (without a folder, where Debian's package puts it),
     * {@code fashion-mnist-held-out:FOLDER}, {@code png:FOLDER}, {@code mixture-1d} (the exact points) or
     * {@code mixture-2d}.
     *
     * @throws IllegalArgumentException when it names nothing known; the message lists what is
     * @throws IOException when the files are missing, torn or not what they should be
     */
    public static Dataset open(String spec) throws IOException {
        int colon = spec.indexOf(':');
        String kind = colon < 0 ? spec : spec.substring(0, colon);
        String place = colon < 0 ? "" : spec.substring(colon + 1);
        return switch (kind) {
            case "fashion-mnist" ->
                FashionMnist.open(place.isEmpty() ? FashionMnist.DEBIAN_FOLDER : folder(spec, place));
            case "fashion-mnist-held-out" ->
                FashionMnist.openHeldOut(place.isEmpty() ? FashionMnist.DEBIAN_FOLDER : folder(spec, place));
            case "png" -> PngFolder.read(folder(spec, place));
            case "mixture-1d" -> withoutPlace(spec, place, Mixture.line(0, MIXTURE_SEED));
            case "mixture-2d" -> withoutPlace(spec, place, Mixture.grid(MIXTURE_SEED));
            default ->
                throw new IllegalArgumentException("unknown dataset '" + spec + "'; known are " + KNOWN
                        + (isFolder(spec) ? ": write png:" + spec : ""));
        };
    }

    private static boolean isFolder(String spec) {
        try {
            return Files.isDirectory(Path.of(spec));
        } catch (InvalidPathException e) {
            return false;
        }
    }

    private static Path folder(String spec, String place) {
        if (place.isBlank()) {
            throw new IllegalArgumentException("dataset '" + spec + "' names no folder; write it as png:FOLDER");
        }
        try {
            return Path.of(place);
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException("dataset '" + spec + "' names no valid folder: " + e.getMessage(), e);
        }
    }

    private static Dataset withoutPlace(String spec, String place, Mixture mixture) {
        if (!place.isEmpty()) {
            throw new IllegalArgumentException("dataset '" + spec + "' is synthetic: leave away ':" + place + "'");
        }
        return mixture;
    }
}
