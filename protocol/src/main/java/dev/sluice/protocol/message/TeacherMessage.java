package dev.sluice.protocol.message;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.NoisySamples;
import org.apache.pekko.actor.typed.ActorRef;

/** What the frozen teacher understands. */
public sealed interface TeacherMessage {
    /**
     * Load this teacher, then report {@link SupervisorMessage.RoleReady}. Several supervisors may share a teacher; of
     * another epoch than {@code epoch} nothing is scored for this one any more.
     */
    record Load(int epoch, ExpertRef teacher, ActorRef<SupervisorMessage> supervisor) implements TeacherMessage {}

    /**
     * Add the teacher's velocity with guidance weight {@code guidance} and pass the batch on to {@code critic}.
     *
     * @param supervisor that the teacher was loaded for
     */
    record Score(
            int epoch,
            int phase,
            int cycle,
            double guidance,
            NoisySamples noisy,
            ActorRef<CriticMessage> critic,
            ActorRef<SupervisorMessage> supervisor)
            implements TeacherMessage {}

    /** This supervisor does not need the teacher any more; whoever loses the last one ends. */
    record Release(ActorRef<SupervisorMessage> supervisor) implements TeacherMessage {}

    /** Never leaves the JVM. */
    non-sealed interface Local extends TeacherMessage {}
}
