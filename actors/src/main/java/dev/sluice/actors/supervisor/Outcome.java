package dev.sluice.actors.supervisor;

import dev.sluice.protocol.ExpertRef;
import java.util.List;

/** How a run ended. */
public sealed interface Outcome {
    /** Every phase is done and served. */
    record Finished(List<ExpertRef> experts) implements Outcome {
        public Finished {
            experts = List.copyOf(experts);
        }
    }

    /** It was asked to stop and can be resumed; {@code where} is written for the user. */
    record Stopped(String where) implements Outcome {}

    /** Nobody wants it any more; nor what serves it. */
    record Cancelled() implements Outcome {}

    /** The run cannot go on; {@code cause} is written for the user. */
    record Failed(String cause) implements Outcome {}
}
