package dev.sluice.actors.sampler;

import java.util.List;
import java.util.StringJoiner;

/** Class names as error messages show them. */
public final class Classes {
    private static final int SHOWN = 20;

    private Classes() {}

    /** Such as {@code 10 classes: 0 T-shirt/top, 1 Trouser, …}; long lists are cut. */
    public static String list(List<String> names) {
        StringJoiner shown = new StringJoiner(", ", names.size() + " classes: ", names.size() > SHOWN ? ", …" : "");
        for (int i = 0; i < Math.min(names.size(), SHOWN); i++) {
            shown.add(i + " " + names.get(i));
        }
        return shown.toString();
    }
}
