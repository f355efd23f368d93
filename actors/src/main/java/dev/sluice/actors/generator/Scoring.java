package dev.sluice.actors.generator;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.protocol.message.TeacherMessage;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * The batches that are being scored, and by whom. Teachers are stateless and whatever comes twice is ignored by the
 * critic, so a batch may be sent again as often as it takes.
 */
final class Scoring {
    private final Courier courier;
    private final Map<Integer, TeacherMessage.Score> underWay = new TreeMap<>();
    private final Map<Integer, ActorRef<TeacherMessage>> at = new TreeMap<>();
    private List<ActorRef<TeacherMessage>> teachers = List.of();
    /** Where the search for the next teacher begins, so that equally busy ones take turns. */
    private int turn;

    Scoring(Courier courier) {
        this.courier = courier;
    }

    void begin(TeacherMessage.Score batch) {
        underWay.put(batch.cycle(), batch);
        send(batch);
    }

    /** Those are the teachers from now on; what is at others, or at none, is sent again. */
    void use(List<ActorRef<TeacherMessage>> now) {
        teachers = now;
        at.values().removeIf(teacher -> !now.contains(teacher));
        underWay.values().stream()
                .filter(batch -> !at.containsKey(batch.cycle()))
                .forEach(this::send);
    }

    void end(int cycle) {
        underWay.remove(cycle);
        at.remove(cycle);
    }

    /** A new assignment begins; it is told its teachers anew. */
    void forget() {
        underWay.clear();
        at.clear();
    }

    private void send(TeacherMessage.Score batch) {
        if (!teachers.isEmpty()) {
            ActorRef<TeacherMessage> teacher = leastBusy();
            at.put(batch.cycle(), teacher);
            courier.deliver(teacher, batch);
        }
    }

    private ActorRef<TeacherMessage> leastBusy() {
        ActorRef<TeacherMessage> best = null;
        long fewest = Long.MAX_VALUE;
        for (int i = 0; i < teachers.size(); i++) {
            ActorRef<TeacherMessage> teacher = teachers.get((turn + i) % teachers.size());
            long batches = at.values().stream().filter(teacher::equals).count();
            if (batches < fewest) {
                best = teacher;
                fewest = batches;
            }
        }
        turn = (turn + 1) % teachers.size();
        return best;
    }
}
