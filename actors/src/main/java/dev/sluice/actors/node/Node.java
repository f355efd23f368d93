package dev.sluice.actors.node;

import dev.sluice.actors.critic.FakeScoreCritic;
import dev.sluice.actors.generator.GeneratorExpert;
import dev.sluice.actors.sampler.Sampler;
import dev.sluice.actors.sampler.SamplerSettings;
import dev.sluice.actors.teacher.FrozenTeacher;
import dev.sluice.config.PekkoConfig;
import dev.sluice.config.ServingSettings;
import dev.sluice.protocol.Role;
import dev.sluice.runtime.network.Networks;
import java.util.Optional;
import java.util.Set;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.PoisonPill;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.SpawnProtocol;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.apache.pekko.actor.typed.receptionist.ServiceKey;

/**
 * Runs this process's roles as its children, each registered with the receptionist. After that it spawns what it is
 * asked to beside them. A role that dies is not replaced here: the supervisor hears of it and decides.
 *
 * <p>When the process shuts down in order, the sampler stops once HTTP has answered and while the cluster still stands: its
 * last counts reach the recorder, here or on another node (contract R5).
 */
public final class Node {
    private Node() {}

    /** @param roles that this process offers; control has no actor of its own here */
    public static Behavior<SpawnProtocol.Command> create(Set<Role> roles, Networks networks, ServingSettings serving) {
        return Behaviors.setup(context -> {
            DispatcherSelector pinned = DispatcherSelector.fromConfig(PekkoConfig.PINNED_DISPATCHER);
            for (Role role : roles) {
                switch (role) {
                    case GENERATOR ->
                        offer(context, role, RoleKeys.GENERATOR, GeneratorExpert.create(networks, pinned));
                    case CRITIC -> offer(context, role, RoleKeys.CRITIC, FakeScoreCritic.create(networks, pinned));
                    case TEACHER -> offer(context, role, RoleKeys.TEACHER, FrozenTeacher.create(networks, pinned));
                    case SAMPLER ->
                        stopBeforeTheCluster(
                                context,
                                offer(
                                        context,
                                        role,
                                        RoleKeys.SAMPLER,
                                        Sampler.create(SamplerSettings.of(serving), networks, pinned)));
                    case CONTROL -> {
                        // Supervisor, recorder and HTTP belong to a run and are spawned with it.
                    }
                }
            }
            return SpawnProtocol.create();
        });
    }

    private static <M> ActorRef<M> offer(
            ActorContext<SpawnProtocol.Command> context, Role role, ServiceKey<M> key, Behavior<M> behavior) {
        ActorRef<M> actor = context.spawn(behavior, role.key(), Props.empty());
        context.getSystem().receptionist().tell(Receptionist.register(key, actor));
        return actor;
    }

    private static void stopBeforeTheCluster(ActorContext<?> context, ActorRef<?> actor) {
        CoordinatedShutdown.get(context.getSystem())
                .addActorTerminationTask(
                        CoordinatedShutdown.PhaseServiceStop(),
                        "stop-" + actor.path().name(),
                        Adapter.toClassic(actor),
                        Optional.of(PoisonPill.getInstance()));
    }
}
