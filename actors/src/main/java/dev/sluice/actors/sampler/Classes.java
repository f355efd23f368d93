package dev.sluice.actors.sampler;

import java.util.List;
import java.util.OptionalInt;
import java.util.StringJoiner;
import java.util.stream.IntStream;

/** How a user says which class, over HTTP and on the command line alike, and how error messages show them. */
public final class Classes {
    private static final int SHOWN = 20;

    private Classes() {}

    /**
     * The class that {@code asked} means: the one of that name, in upper or lower case, or else the one of that index. Names
     * come first because a class may be called "3".
     */
    public static OptionalInt index(List<String> names, String asked) {
        OptionalInt named = IntStream.range(0, names.size())
                .filter(i -> names.get(i).equals(asked))
                .findFirst();
        if (named.isEmpty()) {
            named = IntStream.range(0, names.size())
                    .filter(i -> names.get(i).equalsIgnoreCase(asked))
                    .findFirst();
        }
        return named.isPresent()
                ? named
                : IntStream.range(0, names.size())
                        .filter(i -> Integer.toString(i).equals(asked))
                        .findFirst();
    }

    /** Such as {@code 10 classes: 0 T-shirt/top, 1 Trouser, …}; long lists are cut. */
    public static String list(List<String> names) {
        StringJoiner shown = new StringJoiner(", ", names.size() + " classes: ", names.size() > SHOWN ? ", …" : "");
        for (int i = 0; i < Math.min(names.size(), SHOWN); i++) {
            shown.add(i + " " + names.get(i));
        }
        return shown.toString();
    }
}
