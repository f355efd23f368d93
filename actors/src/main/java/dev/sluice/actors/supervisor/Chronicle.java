package dev.sluice.actors.supervisor;

import dev.sluice.protocol.message.RecorderMessage;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.IntSupplier;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * Tells the recorder what happened, each event with the epoch that it happened under.
 *
 * @param epoch of the moment
 */
record Chronicle(ActorRef<RecorderMessage> recorder, IntSupplier epoch) {
    /** @param keysAndValues name, value, name, value …; integers are written as longs */
    void tell(String type, Object... keysAndValues) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("epoch", (long) epoch.getAsInt());
        for (int i = 0; i < keysAndValues.length; i += 2) {
            Object value = keysAndValues[i + 1];
            fields.put(
                    (String) keysAndValues[i], value instanceof Integer integer ? (Object) integer.longValue() : value);
        }
        recorder.tell(new RecorderMessage.Event(type, fields));
    }
}
