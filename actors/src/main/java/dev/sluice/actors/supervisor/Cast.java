package dev.sluice.actors.supervisor;

import dev.sluice.actors.node.RoleKeys;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.TeacherMessage;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.apache.pekko.actor.typed.receptionist.ServiceKey;

/** Who plays which role: one generator, one critic, one sampler, every teacher there is. */
record Cast(
        ActorRef<GeneratorMessage> generator,
        ActorRef<CriticMessage> critic,
        List<ActorRef<TeacherMessage>> teachers,
        ActorRef<SamplerMessage> sampler) {

    /** Which role an actor has here. */
    Optional<Role> roleOf(ActorRef<?> actor) {
        return actor.equals(generator)
                ? Optional.of(Role.GENERATOR)
                : actor.equals(critic)
                        ? Optional.of(Role.CRITIC)
                        : actor.equals(sampler)
                                ? Optional.of(Role.SAMPLER)
                                : teachers.contains(actor) ? Optional.of(Role.TEACHER) : Optional.empty();
    }

    Collection<ActorRef<?>> everybody() {
        List<ActorRef<?>> all = new ArrayList<>(teachers);
        all.addAll(List.of(generator, critic, sampler));
        return all;
    }

    /** Gathers what the receptionist tells until every role can be played. */
    static final class Call {
        static final Map<Role, ServiceKey<?>> KEYS = Map.of(
                Role.GENERATOR, RoleKeys.GENERATOR,
                Role.CRITIC, RoleKeys.CRITIC,
                Role.TEACHER, RoleKeys.TEACHER,
                Role.SAMPLER, RoleKeys.SAMPLER);

        private final Map<Role, List<ActorRef<?>>> offered = new HashMap<>();

        void heard(Receptionist.Listing listing) {
            KEYS.forEach((role, key) -> {
                if (listing.isForKey(key)) {
                    List<ActorRef<?>> actors = new ArrayList<>(listing.getServiceInstances(key));
                    // The receptionist gives a set; an order makes placement the same every time.
                    actors.sort(Comparator.comparing(actor -> actor.path().toString()));
                    offered.put(role, actors);
                }
            });
        }

        /** Roles that nobody offers yet. */
        List<Role> missing() {
            return KEYS.keySet().stream()
                    .filter(role -> offered.getOrDefault(role, List.of()).isEmpty())
                    .sorted()
                    .toList();
        }

        @SuppressWarnings("unchecked") // Each list was filled from its own key's listing.
        Cast cast() {
            return new Cast(
                    (ActorRef<GeneratorMessage>) offered.get(Role.GENERATOR).get(0),
                    (ActorRef<CriticMessage>) offered.get(Role.CRITIC).get(0),
                    (List<ActorRef<TeacherMessage>>) (List<?>) List.copyOf(offered.get(Role.TEACHER)),
                    (ActorRef<SamplerMessage>) offered.get(Role.SAMPLER).get(0));
        }
    }
}
