package dev.sluice.actors.node;

import dev.sluice.actors.critic.FakeScoreCritic;
import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.delivery.Undeliverable;
import dev.sluice.actors.discovery.Discovery;
import dev.sluice.actors.generator.GeneratorExpert;
import dev.sluice.actors.sampler.Sampler;
import dev.sluice.actors.sampler.SamplerSettings;
import dev.sluice.actors.teacher.FrozenTeacher;
import dev.sluice.actors.workbench.Workplace;
import dev.sluice.config.PekkoConfig;
import dev.sluice.protocol.DeviceOffer;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.NodeMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.runtime.network.Networks;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.pekko.Done;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.actor.typed.receptionist.Receptionist;

/**
 * A node's agent: says what the node offers and plays roles, as its children, for whichever supervisors order them. A role
 * that dies is not replaced here; its supervisor hears of it and decides.
 *
 * <p>A node that is to leave in order says so first, and leaves when its trainers have been handed over
 * ({@link Departure}). When this actor dies, so does the process.
 */
public final class Node extends AbstractBehavior<NodeMessage> {
    /** Hand over what can be, then answer. */
    record Leave(ActorRef<Done> replyTo) implements NodeMessage.Local {}

    /** Stop every sampler, after it has answered whom it serves, then answer. */
    record StopSamplers(ActorRef<Done> replyTo) implements NodeMessage.Local {}

    private record Lost(Undeliverable batch) implements NodeMessage.Local {}

    /** Time to say again that the node, and each of its samplers, is there. */
    private record Announce() implements NodeMessage.Local {}

    private record Part(Role role, String experiment, Optional<String> run, String device, String teacher) {
        boolean isTrainer() {
            return role == Role.GENERATOR || role == Role.CRITIC;
        }
    }

    /** Of one role of one experiment. Each keeps the memory that it had, so a third is not started beside two. */
    private static final int MOST_UNENDED = 2;

    private static final Duration ANNOUNCE_EVERY = Duration.ofSeconds(3);
    private static final DispatcherSelector PINNED = DispatcherSelector.fromConfig(PekkoConfig.PINNED_DISPATCHER);

    private final String name;
    private final Set<Role> roles;
    private final Map<String, Networks> devices;
    private final SamplerSettings serving;
    private final Courier courier;
    private final Map<ActorRef<?>, Part> parts = new LinkedHashMap<>();
    private final Set<ActorRef<SupervisorMessage>> supervisors = new LinkedHashSet<>();
    private final List<ActorRef<Done>> awaitTrainersGone = new ArrayList<>();
    private final List<ActorRef<Done>> awaitSamplersGone = new ArrayList<>();
    private boolean leaving;
    private int played;

    private Node(
            ActorContext<NodeMessage> context,
            TimerScheduler<NodeMessage> timers,
            String name,
            Set<Role> roles,
            Map<String, Networks> devices,
            SamplerSettings serving,
            Courier courier) {
        super(context);
        this.courier = courier.reportingTo(context.messageAdapter(Undeliverable.class, Lost::new));
        this.name = name;
        this.roles = roles;
        this.devices = devices;
        this.serving = serving;
        timers.startTimerWithFixedDelay(new Announce(), ANNOUNCE_EVERY);
        announce();
    }

    /**
     * Again and again: what a node registers that has just taken the place of a dead one can be lost among the clearing up
     * after that one.
     */
    private void announce() {
        ActorRef<Receptionist.Command> receptionist = getContext().getSystem().receptionist();
        receptionist.tell(Receptionist.register(Discovery.NODE, getContext().getSelf()));
        parts.forEach((actor, part) -> {
            if (part.role() == Role.SAMPLER) {
                receptionist.tell(Receptionist.register(Discovery.SAMPLER, actor.unsafeUpcast()));
            }
        });
    }

    /**
     * @param name of the node, for people
     * @param roles that it offers
     * @param devices that it offers, each with the networks on it
     * @param courier of this node, for the batches of what it plays
     */
    public static Behavior<NodeMessage> create(
            String name, Set<Role> roles, Map<String, Networks> devices, SamplerSettings serving, Courier courier) {
        return Behaviors.setup(context ->
                Behaviors.withTimers(timers -> new Node(context, timers, name, roles, devices, serving, courier)));
    }

    @Override
    public Receive<NodeMessage> createReceive() {
        return newReceiveBuilder()
                .onMessage(NodeMessage.Attend.class, this::onAttend)
                .onMessage(NodeMessage.Play.class, this::onPlay)
                .onMessage(NodeMessage.Succeed.class, this::onSucceed)
                .onMessage(Announce.class, this::onAnnounce)
                .onMessage(Lost.class, this::onLost)
                .onMessage(Leave.class, this::onLeave)
                .onMessage(StopSamplers.class, this::onStopSamplers)
                .onSignal(Terminated.class, this::onTerminated)
                .build();
    }

    private Behavior<NodeMessage> onAnnounce(Announce due) {
        announce();
        return this;
    }

    /** Whoever of them has the receiver in its company has it replaced. */
    private Behavior<NodeMessage> onLost(Lost lost) {
        Undeliverable batch = lost.batch();
        getContext().getLog().debug("{} for {} is lost: {}", batch.kind(), batch.receiver(), batch.cause());
        supervisors.forEach(
                supervisor -> supervisor.tell(new SupervisorMessage.RoleUnreachable(batch.receiver(), batch.cause())));
        return this;
    }

    /** Answers when both sides can watch each other; until then the supervisor asks again. */
    private Behavior<NodeMessage> onAttend(NodeMessage.Attend attend) {
        if (!Discovery.isWatchable(getContext().getSystem(), attend.supervisor())) {
            return this;
        }
        if (supervisors.add(attend.supervisor())) {
            getContext().watch(attend.supervisor());
        }
        attend.supervisor().tell(offer());
        return this;
    }

    private SupervisorMessage.NodeOffer offer() {
        return new SupervisorMessage.NodeOffer(
                getContext().getSelf(),
                name,
                roles.stream().sorted().toList(),
                devices.entrySet().stream()
                        .map(device -> new DeviceOffer(
                                device.getKey(), device.getValue().deviceMemory(), trainersOn(device.getKey())))
                        .toList(),
                leaving);
    }

    private int trainersOn(String device) {
        return (int) parts.values().stream()
                .filter(part -> part.isTrainer() && part.device().equals(device))
                .count();
    }

    private void tellEverybody() {
        SupervisorMessage.NodeOffer offer = offer();
        supervisors.forEach(supervisor -> supervisor.tell(offer));
    }

    private Behavior<NodeMessage> onPlay(NodeMessage.Play order) {
        Optional<String> objection = objection(order);
        if (objection.isPresent()) {
            order.supervisor().tell(new SupervisorMessage.RoleNotPlaced(order.order(), objection.get()));
            return this;
        }
        Part part = new Part(order.role(), order.experiment(), order.run(), order.device(), order.teacher());
        Optional<ActorRef<?>> there =
                playing(part).filter(actor -> !Optional.of(actor).equals(order.insteadOf()));
        if (there.isEmpty() && unended(part) >= MOST_UNENDED) {
            order.supervisor()
                    .tell(new SupervisorMessage.RoleNotPlaced(
                            order.order(),
                            "node " + name + " starts no other " + part.role().key() + " of " + part.experiment()
                                    + " beside " + MOST_UNENDED
                                    + " that do not end: they are stuck at a piece of work and"
                                    + " keep their memory until the process is started again"));
            return this;
        }
        ActorRef<?> actor = there.orElseGet(() -> play(part, order));
        order.supervisor().tell(new SupervisorMessage.RolePlaced(order.order(), order.role(), actor));
        return this;
    }

    /** Who plays this part and is not to any more, and those that were told to end and have not: a worker may be stuck. */
    private long unended(Part part) {
        return parts.values().stream()
                .filter(there -> there.role() == part.role()
                        && there.experiment().equals(part.experiment())
                        && (part.role() != Role.SAMPLER || there.run().equals(part.run())))
                .count();
    }

    private Optional<String> objection(NodeMessage.Play order) {
        if (leaving) {
            return Optional.of("node " + name + " is leaving");
        }
        if (!roles.contains(order.role()) || order.role() == Role.CONTROL) {
            return Optional.of(
                    "node " + name + " does not offer to be " + order.role().key());
        }
        if (!devices.containsKey(order.device())) {
            return Optional.of("node " + name + " has no device " + order.device());
        }
        return Optional.empty();
    }

    /** What plays this part already and may go on; never a trainer, whose state is of another epoch. */
    private Optional<ActorRef<?>> playing(Part part) {
        Optional<ActorRef<?>> found = Optional.empty();
        for (Map.Entry<ActorRef<?>, Part> entry : parts.entrySet()) {
            Part there = entry.getValue();
            boolean same = there.role() == part.role()
                    && switch (part.role()) {
                        case TEACHER ->
                            there.teacher().equals(part.teacher())
                                    && there.device().equals(part.device());
                        case SAMPLER ->
                            there.experiment().equals(part.experiment())
                                    && there.run().equals(part.run());
                        default -> there.experiment().equals(part.experiment());
                    };
            if (same && part.isTrainer()) {
                getContext().stop(entry.getKey());
            } else if (same) {
                // The newest: an older one is stuck and on its way out.
                found = Optional.of(entry.getKey());
            }
        }
        return found;
    }

    private ActorRef<?> play(Part part, NodeMessage.Play order) {
        Networks networks = devices.get(part.device());
        Workplace place = new Workplace(networks, PINNED, Duration.ofMillis(order.workWithinMillis()), courier);
        String actorName = part.role().key() + "-" + part.experiment() + "-" + ++played;
        ActorRef<?> actor =
                switch (part.role()) {
                    case GENERATOR -> getContext().spawn(GeneratorExpert.create(place), actorName);
                    case CRITIC -> getContext().spawn(FakeScoreCritic.create(place), actorName);
                    case TEACHER -> getContext().spawn(FrozenTeacher.create(place), actorName);
                    case SAMPLER -> playSampler(place, actorName);
                    case CONTROL -> throw new IllegalArgumentException("control is not played");
                };
        getContext().watch(actor);
        parts.put(actor, part);
        tellEverybody();
        return actor;
    }

    private ActorRef<?> playSampler(Workplace place, String actorName) {
        ActorRef<SamplerMessage> sampler = getContext().spawn(Sampler.create(serving, place), actorName);
        getContext().getSystem().receptionist().tell(Receptionist.register(Discovery.SAMPLER, sampler));
        return sampler;
    }

    /** Both have served until now, each as itself, so that nobody was without. */
    private Behavior<NodeMessage> onSucceed(NodeMessage.Succeed by) {
        parts.forEach((actor, part) -> {
            if (part.role() == Role.SAMPLER
                    && part.experiment().equals(by.experiment())
                    && !part.run().equals(by.run())) {
                actor.<SamplerMessage>unsafeUpcast().tell(new Sampler.Retire());
            }
        });
        return this;
    }

    private Behavior<NodeMessage> onLeave(Leave leave) {
        leaving = true;
        awaitTrainersGone.add(leave.replyTo());
        tellEverybody();
        tellWhoWaits();
        return this;
    }

    private Behavior<NodeMessage> onStopSamplers(StopSamplers order) {
        leaving = true;
        awaitSamplersGone.add(order.replyTo());
        parts.forEach((actor, part) -> {
            if (part.role() == Role.SAMPLER) {
                actor.<SamplerMessage>unsafeUpcast().tell(new SamplerMessage.Release());
            }
        });
        tellWhoWaits();
        return this;
    }

    private Behavior<NodeMessage> onTerminated(Terminated gone) {
        Part part = parts.remove(gone.getRef());
        if (part != null) {
            tellEverybody();
        }
        supervisors.removeIf(gone.getRef()::equals);
        tellWhoWaits();
        return this;
    }

    private void tellWhoWaits() {
        // A node that no supervisor attends to has nobody to hand over to.
        if (supervisors.isEmpty() || parts.values().stream().noneMatch(Part::isTrainer)) {
            awaitTrainersGone.forEach(waiting -> waiting.tell(Done.getInstance()));
            awaitTrainersGone.clear();
        }
        if (parts.values().stream().noneMatch(part -> part.role() == Role.SAMPLER)) {
            awaitSamplersGone.forEach(waiting -> waiting.tell(Done.getInstance()));
            awaitSamplersGone.clear();
        }
    }
}
