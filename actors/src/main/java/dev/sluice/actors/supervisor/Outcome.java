package dev.sluice.actors.supervisor;

import dev.sluice.protocol.ExpertRef;
import java.util.List;

/** How a run ended. */
public sealed interface Outcome {
    /**
     * Every phase is done and served.
     *
     * @param warnings what the user should know of how that went; written for him
     */
    record Finished(List<ExpertRef> experts, List<String> warnings) implements Outcome {
        public Finished {
            experts = List.copyOf(experts);
            warnings = List.copyOf(warnings);
        }
    }

    /** It was asked to stop and can be resumed; {@code where} is written for the user. */
    record Stopped(String where) implements Outcome {}

    /** Nobody wants it any more; nor what serves it. */
    record Cancelled() implements Outcome {}

    /** The run cannot go on; {@code cause} is written for the user. */
    record Failed(String cause) implements Outcome {}
}
