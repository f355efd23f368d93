package dev.sluice.monitoring.check;

import java.util.Locale;

/** What a run's records must show. {@code docs/guarantees.md} says of each, under the same name, what is promised. */
public enum Guarantee {
    /** A generator or critic has one owner in each epoch. */
    ONE_OWNER,
    /** Every cycle of a phase is committed once and in order, and none is lost. */
    NO_GAP,
    /** A published expert is the file in the run's folder. */
    PUBLISHED_AS_SAID,
    /** A request was served by published experts that were in force. */
    SERVED_LIVE,
    /** Every accepted request is served, cancelled or failed with a reason, or still open. */
    REQUESTS_ACCOUNTED,
    /** The log names the roles, phases and experts behind what was committed. */
    COMMITS_EXPLAINED,
    /** No line of the records is damaged. */
    UNDAMAGED;

    /** The name in reports and in {@code docs/guarantees.md}, such as {@code one-owner}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
