package dev.sluice.config;

import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;

/** What the user may have meant. */
final class Nearest {
    /** No key or name here is half as long; what is longer is like none of them, and costs much to compare. */
    private static final int MOST_CHARACTERS = 100;

    private Nearest() {}

    /**
     * The candidate with the fewest edits from {@code word}, if they are few for a word of that length. A dotted
     * candidate is also compared by its tail: {@code bach} and {@code recipe.bach} both suggest
     * {@code experiment.recipe.batch}.
     */
    static Optional<String> to(String word, Collection<String> candidates) {
        if (word.length() > MOST_CHARACTERS) {
            return Optional.empty();
        }
        return candidates.stream()
                .filter(candidate -> distance(word, candidate) <= Math.max(1, word.length() / 3))
                .min(Comparator.comparingInt(candidate -> distance(word, candidate)));
    }

    private static int distance(String word, String candidate) {
        int best = edits(word, candidate);
        for (int dot = candidate.indexOf('.'); dot >= 0; dot = candidate.indexOf('.', dot + 1)) {
            best = Math.min(best, edits(word, candidate.substring(dot + 1)));
        }
        return best;
    }

    /** Levenshtein's distance. */
    private static int edits(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j < row.length; j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j < row.length; j++) {
                int substitution = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(substitution, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
