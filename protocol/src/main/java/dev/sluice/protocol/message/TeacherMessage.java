package dev.sluice.protocol.message;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.NoisySamples;
import org.apache.pekko.actor.typed.ActorRef;

/** What the frozen teacher understands. */
public sealed interface TeacherMessage {
    /** Load this teacher, then report {@link SupervisorMessage.RoleReady}. */
    record Load(int epoch, ExpertRef teacher, ActorRef<SupervisorMessage> supervisor) implements TeacherMessage {}

    /** Add the teacher's velocity with guidance weight {@code guidance} and pass the batch on to {@code critic}. */
    record Score(int epoch, int phase, int cycle, double guidance, NoisySamples noisy, ActorRef<CriticMessage> critic)
            implements TeacherMessage {}

    /** Let go of the network; the run is over. */
    record Release(int epoch) implements TeacherMessage {}

    /** Never leaves the JVM. */
    non-sealed interface Local extends TeacherMessage {}
}
