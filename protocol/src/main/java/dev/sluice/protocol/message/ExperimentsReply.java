package dev.sluice.protocol.message;

import dev.sluice.protocol.ExperimentStatus;
import java.util.List;

/** Answers to {@link ExperimentsMessage}. */
public sealed interface ExperimentsReply {
    /** The experiments there are, of whatever state, by name; after an order the one that it was about. */
    record Experiments(List<ExperimentStatus> all) implements ExperimentsReply {
        public Experiments {
            all = List.copyOf(all);
        }
    }

    /** The order was not carried out; {@code message} is written for the user. */
    record Rejected(Reason reason, String message) implements ExperimentsReply {}

    /** Why. */
    enum Reason {
        /** The configuration cannot be read. */
        INVALID,
        /** There is one of this name. */
        NAME_TAKEN,
        /** There is none of this name. */
        UNKNOWN,
        /** The folder of runs cannot be written, or the like. */
        FAILED,
        /** An error of Sluice itself; the log of the control node has it. */
        BROKEN
    }
}
