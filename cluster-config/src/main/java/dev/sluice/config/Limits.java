package dev.sluice.config;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Collects what is wrong with one settings record, so that its constructor refuses all of it at once.
 *
 * <p>A problem reads {@code key = value must be …}: the key first, because {@link Binder} finds the file and the line
 * by it.
 */
final class Limits {
    private final String section;
    private final List<Problem> problems = new ArrayList<>();

    /**
     * One thing wrong with {@code key}; {@code text} goes on after it.
     *
     * @param joint whether other values have a part in it: worth telling only when those could be read themselves
     */
    record Problem(String key, String text, boolean joint) {
        @Override
        public String toString() {
            return key + " " + text;
        }
    }

    /** Thrown by a record's constructor; {@link Binder} gathers several into one {@link BadSettings}. */
    static final class Exceeded extends IllegalArgumentException {
        private static final long serialVersionUID = 1L;

        private final transient List<Problem> problems;

        Exceeded(List<Problem> problems) {
            super(String.join("; ", problems.stream().map(Problem::toString).toList()));
            this.problems = List.copyOf(problems);
        }

        List<Problem> problems() {
            return problems;
        }
    }

    /** @param section that the keys are in, such as {@code serving} */
    Limits(String section) {
        this.section = section;
    }

    /** For checks across sections, whose keys are written out. */
    Limits() {
        this("");
    }

    Limits within(String key, long value, long least, long most) {
        return require(value >= least && value <= most, key, value, "must be between " + least + " and " + most);
    }

    Limits within(String key, Duration value, Duration least, Duration most) {
        return require(
                value.compareTo(least) >= 0 && value.compareTo(most) <= 0,
                key,
                Durations.write(value),
                "must be between " + Durations.write(least) + " and " + Durations.write(most));
    }

    /** @param mend follows the value: {@code must be …} */
    Limits require(boolean holds, String key, Object value, String mend) {
        return add(holds, key, value, mend, false);
    }

    /** As {@link #require}, for what {@code key} must be because of other values. */
    Limits requireTogether(boolean holds, String key, Object value, String mend) {
        return add(holds, key, value, mend, true);
    }

    private Limits add(boolean holds, String key, Object value, String mend, boolean joint) {
        if (!holds) {
            problems.add(new Problem(section.isEmpty() ? key : section + "." + key, "= " + value + " " + mend, joint));
        }
        return this;
    }

    /** @throws Exceeded when anything was wrong */
    void refuse() {
        if (!problems.isEmpty()) {
            throw new Exceeded(problems);
        }
    }
}
