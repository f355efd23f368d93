package dev.sluice.actors.cli;

import dev.sluice.config.Method;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * One side of a comparison.
 *
 * @param settings {@code key=value} each, over the experiment's own
 */
record Variant(String name, List<String> settings) {
    /** Variants become folders. */
    private static final String NAME = "[a-z0-9][a-z0-9._-]{0,62}";

    /**
     * Reads {@code NAME:key=value;key=value…}; without a key, the experiment as it is.
     *
     * @throws UserError when it does not read so
     */
    static Variant parse(String text) {
        int colon = text.indexOf(':');
        String name = colon < 0 ? text : text.substring(0, colon);
        List<String> settings = colon < 0
                ? List.of()
                : Arrays.stream(text.substring(colon + 1).split(";"))
                        .map(String::trim)
                        .filter(setting -> !setting.isEmpty())
                        .toList();
        if (!name.matches(NAME) || settings.stream().anyMatch(setting -> setting.indexOf('=') < 1)) {
            throw new UserError(
                    "--variant " + text + " must be written NAME:key=value;key=value, the name in lower-case"
                            + " letters, digits, dots and dashes, such as long:experiment.cycles=[400,100]");
        }
        return new Variant(name, settings);
    }

    /** The four methods of the paper's Fig 1. */
    static List<Variant> methods() {
        return Arrays.stream(Method.values())
                .filter(method -> method != Method.AS_CONFIGURED)
                .map(method -> method.name().toLowerCase(Locale.ROOT).replace('_', '-'))
                .map(key -> new Variant(key, List.of("experiment.method=" + key)))
                .toList();
    }
}
