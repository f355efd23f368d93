package dev.sluice.config;

import java.util.List;

/**
 * A configuration that cannot be used. The message is written for the user: every problem that was found, each with
 * the key, its value and the mend; print it as it is, without a stack trace.
 */
public final class BadSettings extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final List<String> problems;

    BadSettings(String source, List<String> problems) {
        super("the configuration of " + source + " cannot be used:\n  - " + String.join("\n  - ", problems));
        this.problems = List.copyOf(problems);
    }

    /** What is wrong, one sentence a problem; never empty. */
    public List<String> problems() {
        return problems;
    }
}
