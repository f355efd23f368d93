package dev.sluice.actors.cli;

import java.util.List;

/**
 * Names from outside Java as the locale lets it see them. Under a locale that knows only ASCII, every other letter arrives as
 * "no such character": files cannot be found by such names, and two classes may end up with one.
 */
final class NativeNames {
    private static final char LOST = '\uFFFD';

    private NativeNames() {}

    /** @throws UserError when letters of an argument were lost on the way */
    static void requireReadable(List<String> arguments) {
        for (String argument : arguments) {
            if (argument.indexOf(LOST) >= 0) {
                throw new UserError(
                        "'" + argument + "' has letters that this process cannot read, because its locale is "
                                + System.getProperty("sun.jnu.encoding")
                                + "; start it with LC_ALL=C.UTF-8, or another locale of UTF-8 (locale -a lists them)");
            }
        }
    }
}
