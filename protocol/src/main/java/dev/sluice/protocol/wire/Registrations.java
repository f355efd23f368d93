package dev.sluice.protocol.wire;

import com.esotericsoftware.kryo.Kryo;
import com.esotericsoftware.kryo.serializers.DefaultSerializers.EnumSerializer;
import com.esotericsoftware.kryo.serializers.OptionalSerializers.OptionalSerializer;
import com.esotericsoftware.kryo.serializers.RecordSerializer;
import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.CriticReport;
import dev.sluice.protocol.CycleReport;
import dev.sluice.protocol.DeviceOffer;
import dev.sluice.protocol.ExperimentStatus;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.NoisySamples;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.CourierMessage;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.ExperimentsMessage;
import dev.sluice.protocol.message.ExperimentsReply;
import dev.sluice.protocol.message.FilesMessage;
import dev.sluice.protocol.message.FilesReply;
import dev.sluice.protocol.message.GenerationReply;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.NodeMessage;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SamplerStatus;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.protocol.message.TeacherMessage;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;

/**
 * The one place where a class gets its number on the wire. Ids and manifests are never changed or used again: two nodes
 * that disagree about one would read each other's messages as something else.
 *
 * <p>0–8 are Kryo's own (the primitives and String), 10–29 containers and values, 30–39 enums, 40 and above messages,
 * ten a receiver.
 */
final class Registrations {
    /** A record that may be sent, and the name by which its frame announces it. */
    record Message(int id, String manifest, Class<? extends Record> type) {}

    private static final List<Message> MESSAGES = List.of(
            new Message(40, "generator.begin-phase", GeneratorMessage.BeginPhase.class),
            new Message(41, "generator.run", GeneratorMessage.Run.class),
            new Message(42, "generator.gradient", GeneratorMessage.Gradient.class),
            new Message(43, "generator.publish", GeneratorMessage.Publish.class),
            new Message(44, "generator.release", GeneratorMessage.Release.class),
            new Message(45, "generator.save", GeneratorMessage.Save.class),
            new Message(46, "generator.use-teachers", GeneratorMessage.UseTeachers.class),
            new Message(50, "critic.begin-phase", CriticMessage.BeginPhase.class),
            new Message(51, "critic.samples", CriticMessage.Samples.class),
            new Message(52, "critic.scored-samples", CriticMessage.ScoredSamples.class),
            new Message(53, "critic.release", CriticMessage.Release.class),
            new Message(54, "critic.save", CriticMessage.Save.class),
            new Message(60, "teacher.load", TeacherMessage.Load.class),
            new Message(61, "teacher.score", TeacherMessage.Score.class),
            new Message(62, "teacher.release", TeacherMessage.Release.class),
            new Message(70, "sampler.serve", SamplerMessage.Serve.class),
            new Message(71, "sampler.swap-expert", SamplerMessage.SwapExpert.class),
            new Message(72, "sampler.generate", SamplerMessage.Generate.class),
            new Message(73, "sampler.cancel", SamplerMessage.Cancel.class),
            new Message(74, "sampler.get-status", SamplerMessage.GetStatus.class),
            new Message(78, "sampler.release", SamplerMessage.Release.class),
            new Message(75, "sampler-status", SamplerStatus.class),
            new Message(76, "generation.generated", GenerationReply.Generated.class),
            new Message(77, "generation.refused", GenerationReply.Refused.class),
            new Message(80, "supervisor.role-ready", SupervisorMessage.RoleReady.class),
            new Message(81, "supervisor.cycle-committed", SupervisorMessage.CycleCommitted.class),
            new Message(82, "supervisor.budget-spent", SupervisorMessage.BudgetSpent.class),
            new Message(83, "supervisor.expert-published", SupervisorMessage.ExpertPublished.class),
            new Message(84, "supervisor.swap-done", SupervisorMessage.SwapDone.class),
            new Message(85, "supervisor.swap-refused", SupervisorMessage.SwapRefused.class),
            new Message(86, "supervisor.role-failed", SupervisorMessage.RoleFailed.class),
            new Message(87, "supervisor.state-saved", SupervisorMessage.StateSaved.class),
            new Message(88, "supervisor.state-not-saved", SupervisorMessage.StateNotSaved.class),
            new Message(100, "supervisor.node-offer", SupervisorMessage.NodeOffer.class),
            new Message(101, "supervisor.role-placed", SupervisorMessage.RolePlaced.class),
            new Message(102, "supervisor.role-not-placed", SupervisorMessage.RoleNotPlaced.class),
            new Message(103, "supervisor.role-unreachable", SupervisorMessage.RoleUnreachable.class),
            new Message(110, "experiments.submit", ExperimentsMessage.Submit.class),
            new Message(111, "experiments.get-all", ExperimentsMessage.GetAll.class),
            new Message(112, "experiments.cancel", ExperimentsMessage.Cancel.class),
            new Message(115, "experiments-reply.experiments", ExperimentsReply.Experiments.class),
            new Message(116, "experiments-reply.rejected", ExperimentsReply.Rejected.class),
            new Message(105, "node.attend", NodeMessage.Attend.class),
            new Message(106, "node.play", NodeMessage.Play.class),
            new Message(107, "node.succeed", NodeMessage.Succeed.class),
            new Message(90, "recorder.event", RecorderMessage.Event.class),
            new Message(91, "recorder.cycle", RecorderMessage.Cycle.class),
            new Message(92, "recorder.snapshot", RecorderMessage.Snapshot.class),
            new Message(93, "recorder.grid", RecorderMessage.Grid.class),
            new Message(94, "recorder.flush", RecorderMessage.Flush.class),
            new Message(95, "recorder.rewind", RecorderMessage.Rewind.class),
            new Message(140, "files.fetch", FilesMessage.Fetch.class),
            new Message(141, "files.store", FilesMessage.Store.class),
            new Message(145, "files-reply.offered", FilesReply.Offered.class),
            new Message(146, "files-reply.stored", FilesReply.Stored.class),
            new Message(147, "files-reply.refused", FilesReply.Refused.class),
            new Message(130, "courier.greet", CourierMessage.Greet.class),
            new Message(131, "courier.welcome", CourierMessage.Welcome.class));

    private static final List<Class<?>> LOCALS = List.of(
            GeneratorMessage.Local.class,
            CriticMessage.Local.class,
            TeacherMessage.Local.class,
            SamplerMessage.Local.class,
            SupervisorMessage.Local.class,
            RecorderMessage.Local.class,
            NodeMessage.Local.class,
            ExperimentsMessage.Local.class,
            FilesMessage.Local.class,
            CourierMessage.Local.class);

    private static final Map<Class<?>, Message> BY_TYPE =
            MESSAGES.stream().collect(Collectors.toUnmodifiableMap(Message::type, Function.identity()));
    private static final Map<String, Message> BY_MANIFEST =
            MESSAGES.stream().collect(Collectors.toUnmodifiableMap(Message::manifest, Function.identity()));

    private Registrations() {}

    /** Gives {@code kryo} every class that may occur in a frame. */
    static void register(MessageKryo kryo, ActorRefResolver actors) {
        // Takes the place of Kryo's own String serializer, which allocates what a length claims.
        kryo.register(String.class, new TextSerializer(), 1);

        kryo.register(List.class, new ListSerializer(), 10);
        kryo.register(Map.class, new FieldsSerializer(), 11);
        kryo.register(Optional.class, new OptionalSerializer(), 12);
        kryo.register(ActorRef.class, new ActorRefSerializer(actors), 13);
        kryo.register(Tensor.class, new TensorSerializer(), 14);
        record(kryo, ExpertRef.class, 15);
        record(kryo, ModelCard.class, 16);
        record(kryo, NoisySamples.class, 17);
        record(kryo, PhasePlan.class, 18);
        record(kryo, Recipe.class, 19);
        record(kryo, AdamWSettings.class, 20);
        record(kryo, CriticReport.class, 21);
        record(kryo, CycleReport.class, 22);
        record(kryo, StateRef.class, 23);
        record(kryo, DeviceOffer.class, 24);
        record(kryo, ExperimentStatus.class, 25);

        constants(kryo, Role.class, 30);
        constants(kryo, Recipe.Schedule.class, 31);
        constants(kryo, Recipe.Rollout.class, 32);
        constants(kryo, Recipe.Normaliser.class, 33);
        constants(kryo, Recipe.CriticWeighting.class, 34);
        constants(kryo, GenerationReply.Reason.class, 35);
        constants(kryo, Recipe.Ablation.class, 36);
        constants(kryo, ExperimentStatus.State.class, 37);
        constants(kryo, ExperimentsReply.Reason.class, 38);

        for (Message message : MESSAGES) {
            record(kryo, message.type(), message.id());
        }
    }

    /** The message that {@code type} is, or null when such a thing may not be sent. */
    static Message ofType(Class<?> type) {
        return BY_TYPE.get(type);
    }

    /** The message that {@code manifest} names, or null. */
    static Message ofManifest(String manifest) {
        return BY_MANIFEST.get(manifest);
    }

    /** Whether {@code type} belongs to what an actor tells itself or its worker. */
    static boolean isLocal(Class<?> type) {
        return LOCALS.stream().anyMatch(local -> local.isAssignableFrom(type));
    }

    private static <T extends Record> void record(Kryo kryo, Class<T> type, int id) {
        RecordSerializer<T> serializer = new RecordSerializer<>(type);
        // A component's type decides how it is read, not an id that the sender chooses.
        serializer.setFixedFieldTypes(true);
        kryo.register(type, serializer, id);
    }

    private static <T extends Enum<T>> void constants(Kryo kryo, Class<T> type, int id) {
        kryo.register(type, new EnumSerializer(type), id);
    }
}
