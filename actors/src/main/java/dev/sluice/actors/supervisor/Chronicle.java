package dev.sluice.actors.supervisor;

import dev.sluice.protocol.event.RunEvent;
import dev.sluice.protocol.message.RecorderMessage;
import java.util.function.IntFunction;
import java.util.function.IntSupplier;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * Tells the recorder what happened, each event with the epoch that it happened under.
 *
 * @param epoch of the moment
 */
record Chronicle(ActorRef<RecorderMessage> recorder, IntSupplier epoch) {
    /** @param event makes it, given the epoch */
    void tell(IntFunction<RunEvent.OfEpoch> event) {
        recorder.tell(RecorderMessage.Event.of(event.apply(epoch.getAsInt())));
    }
}
