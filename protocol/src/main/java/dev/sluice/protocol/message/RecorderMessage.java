package dev.sluice.protocol.message;

import dev.sluice.protocol.CycleReport;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.event.EventForm;
import dev.sluice.protocol.event.RunEvent;
import java.util.Map;
import org.apache.pekko.Done;
import org.apache.pekko.actor.typed.ActorRef;

/** What the recorder, which owns the run's folder, understands. */
public sealed interface RecorderMessage {
    /**
     * One line of {@code events.jsonl}, in the form in which it is written.
     *
     * @param type and {@code fields} as of {@link EventForm}
     */
    record Event(String type, Map<String, Object> fields) implements RecorderMessage {
        public Event {
            fields = Map.copyOf(fields);
        }

        public static Event of(RunEvent event) {
            EventForm form = EventForm.of(event);
            return new Event(form.type(), form.fields());
        }

        /** @throws IllegalArgumentException as {@link EventForm#event} */
        public RunEvent event() {
            return new EventForm(type, fields).event();
        }
    }

    /** One line of {@code metrics.csv}. */
    record Cycle(CycleReport report, long elapsedMillis) implements RecorderMessage {}

    /**
     * Teacher, critic and generator on one batch, each as its x_0 prediction, float32 [n, …].
     */
    record Snapshot(int phase, int cycle, Tensor teacher, Tensor critic, Tensor generator) implements RecorderMessage {}

    /** Samples of the model as it is served after {@code phase} phases (0: the teacher alone), float32 [n, …]. */
    record Grid(int phase, Tensor samples) implements RecorderMessage {}

    /** The run goes back: drop the cycles of {@code metrics.csv} from cycle {@code cycle} of {@code phase} on. */
    record Rewind(int phase, int cycle) implements RecorderMessage {}

    /** Write out everything that was told before, then answer. */
    record Flush(ActorRef<Done> replyTo) implements RecorderMessage {}

    /** Never leaves the JVM. */
    non-sealed interface Local extends RecorderMessage {}
}
