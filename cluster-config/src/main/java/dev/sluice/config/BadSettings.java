package dev.sluice.config;

import dev.sluice.protocol.Shown;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A configuration that cannot be used. The message is written for the user: every problem that was found, each with
 * the key, its value and the mend; print it as it is, without a stack trace. It is at most {@value #MOST_CHARACTERS}
 * characters long, whatever was read: problems beyond that are counted.
 */
public final class BadSettings extends RuntimeException {
    /** Of a message. */
    public static final int MOST_CHARACTERS = 4_096;

    private static final long serialVersionUID = 1L;

    /** Of one problem: it tells of the value, which may be of any length, first, and of the mend last. */
    private static final int MOST_OF_A_PROBLEM = 700;

    private static final int MOST_OF_A_SOURCE = 200;
    private static final String BETWEEN = "\n  - ";

    private final List<String> problems;

    BadSettings(String source, List<String> problems) {
        this(source, problems, null);
    }

    /** @param cause for the log; null where the problems say all */
    BadSettings(String source, List<String> problems, Throwable cause) {
        super(
                "the configuration of " + Shown.text(MOST_OF_A_SOURCE, source) + " cannot be used:" + BETWEEN
                        + String.join(BETWEEN, bounded(problems)),
                cause);
        this.problems = bounded(problems);
    }

    /**
     * Refuses a submitted experiment for its teacher, with the same words whether there is no such file, or it cannot be
     * read, or is something else: whoever may submit is not told which files this machine has.
     *
     * @param cause what is wrong, for the log of this node
     */
    public static BadSettings ofTeacher(Path teacher, Throwable cause) {
        return new BadSettings(
                SettingsReader.SUBMISSION,
                List.of("experiment.teacher = " + teacher
                        + " is no teacher that the control node can use: put a network"
                        + " file there that it can read, or name another; its log says what is wrong with this one"),
                cause);
    }

    private static List<String> bounded(List<String> problems) {
        List<String> told = new ArrayList<>();
        // Leaves room for the beginning and for the count.
        int room = MOST_CHARACTERS - MOST_OF_A_SOURCE - 200;
        for (String problem : problems) {
            String shortened = Shown.text(MOST_OF_A_PROBLEM, problem);
            room -= shortened.length() + BETWEEN.length();
            if (room < 0) {
                told.add("and " + (problems.size() - told.size()) + " more; mend these first");
                break;
            }
            told.add(shortened);
        }
        return List.copyOf(told);
    }

    /** What is wrong, one sentence a problem; never empty. */
    public List<String> problems() {
        return problems;
    }
}
