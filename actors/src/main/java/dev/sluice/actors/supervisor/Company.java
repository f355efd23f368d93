package dev.sluice.actors.supervisor;

import dev.sluice.protocol.DeviceOffer;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.NodeMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * Who plays which role of one experiment, and on which node: one generator and one critic, a teacher and a sampler on
 * every node that offers them. It orders what is missing from the nodes that offer it; nodes that
 * join are used at once, and what a lost node played is ordered from another.
 */
final class Company {
    /** Somebody who plays, placed by an order. */
    record Player(
            Role role, ActorRef<?> actor, ActorRef<NodeMessage> node, String nodeName, String device, long order) {
        boolean isTrainer() {
            return TRAINERS.contains(role);
        }
    }

    private record Order(Role role, SupervisorMessage.NodeOffer offer, String device) {}

    private record Seat(ActorRef<NodeMessage> node, Role role) {}

    private static final Set<Role> TRAINERS = EnumSet.of(Role.GENERATOR, Role.CRITIC);
    private static final Set<Role> SPREAD = EnumSet.of(Role.TEACHER, Role.SAMPLER);

    private final RunPlan run;
    private final ActorRef<SupervisorMessage> supervisor;
    private final Limits limits;
    private final Map<ActorRef<NodeMessage>, SupervisorMessage.NodeOffer> offers = new LinkedHashMap<>();
    private final Set<ActorRef<NodeMessage>> unreachable = new HashSet<>();
    private final Map<Long, Order> orders = new TreeMap<>();
    private final Map<ActorRef<?>, Player> players = new LinkedHashMap<>();
    /** Seats that a node did not fill when it was asked, until it makes another offer. */
    private final Set<Seat> refused = new HashSet<>();
    /** Why the seats that are empty were not filled when they were ordered last. */
    private final Map<Seat, String> reasons = new LinkedHashMap<>();
    /** Seats whose player failed: not before the back-off is over, and then by somebody else. */
    private final Set<Seat> backingOff = new HashSet<>();

    private final Map<Seat, ActorRef<?>> failed = new LinkedHashMap<>();
    private final Set<Role> wanted = EnumSet.noneOf(Role.class);
    private boolean succeeds;
    private long ordered;

    Company(RunPlan run, ActorRef<SupervisorMessage> supervisor, Limits limits) {
        this.run = run;
        this.supervisor = supervisor;
        this.limits = limits;
    }

    /** From now on these roles are to be played. */
    void want(Collection<Role> roles) {
        wanted.addAll(roles);
        fill();
    }

    void wantNoMore(Collection<Role> roles) {
        wanted.removeAll(roles);
    }

    /** The nodes there are: those that are new are asked what they offer. Says who they are. */
    List<ActorRef<NodeMessage>> listed(Set<ActorRef<NodeMessage>> all, Set<ActorRef<NodeMessage>> nowReachable) {
        unreachable.clear();
        unreachable.addAll(all);
        unreachable.removeAll(nowReachable);
        List<ActorRef<NodeMessage>> fresh =
                all.stream().filter(node -> !offers.containsKey(node)).toList();
        fresh.forEach(node -> {
            offers.put(node, new SupervisorMessage.NodeOffer(node, "", List.of(), List.of(), false));
            node.tell(new NodeMessage.Attend(supervisor));
        });
        fill();
        return fresh;
    }

    /** Says whether that is a node that was not known before. */
    boolean offered(SupervisorMessage.NodeOffer offer) {
        boolean fresh = offers.put(offer.node(), offer) == null;
        refused.removeIf(seat -> seat.node().equals(offer.node()));
        if (succeeds) {
            succeed(offer.node());
        }
        fill();
        return fresh;
    }

    /** The run is served: from now on no node is to serve an older one of its name, those included that come later. */
    void served() {
        succeeds = true;
        offers.keySet().forEach(this::succeed);
    }

    private void succeed(ActorRef<NodeMessage> node) {
        node.tell(new NodeMessage.Succeed(run.card().name(), run.card().run()));
    }

    /**
     * Asks those members of the cluster that were not heard of, and again those that have not said yet what they offer, or
     * did not fill a seat: a message to a node that has just started at the address of a dead one can be lost, and a node
     * may think better of it.
     */
    void askAgain(List<ActorRef<NodeMessage>> members) {
        Set<String> heard = offers.values().stream()
                .filter(offer -> !offer.name().isEmpty())
                .map(offer -> place(offer.node()))
                .collect(Collectors.toSet());
        members.stream()
                .filter(member -> !heard.contains(place(member)))
                .forEach(member -> member.tell(new NodeMessage.Attend(supervisor)));
        offers.values().stream()
                .filter(offer -> offer.name().isEmpty()
                        || refused.stream().anyMatch(seat -> seat.node().equals(offer.node())))
                .forEach(offer -> offer.node().tell(new NodeMessage.Attend(supervisor)));
    }

    /** Address and name, without the incarnation, which members are not known by. */
    private static String place(ActorRef<NodeMessage> node) {
        return node.path().toString();
    }

    /** The node's agent is gone, and with it what it was ordered and did not confirm. */
    void nodeGone(ActorRef<?> node) {
        offers.remove(node);
        unreachable.removeIf(node::equals);
        refused.removeIf(seat -> seat.node().equals(node));
        backingOff.removeIf(seat -> seat.node().equals(node));
        reasons.keySet().removeIf(seat -> seat.node().equals(node));
        failed.keySet().removeIf(seat -> seat.node().equals(node));
        List.copyOf(orders.entrySet()).stream()
                .filter(entry -> entry.getValue().offer().node().equals(node))
                .forEach(entry -> forgetOrder(entry.getKey()));
        fill();
    }

    /** An order was carried out; empty when it is none of these, or not wanted any more. */
    Optional<Player> placed(SupervisorMessage.RolePlaced message) {
        Order order = forgetOrder(message.order());
        if (order == null || !wanted.contains(order.role())) {
            return Optional.empty();
        }
        Player player = new Player(
                order.role(),
                message.actor(),
                order.offer().node(),
                order.offer().name(),
                order.device(),
                message.order());
        failed.remove(new Seat(player.node(), player.role()));
        reasons.remove(new Seat(player.node(), player.role()));
        players.put(player.actor(), player);
        return Optional.of(player);
    }

    /**
     * A node refused or did not answer: another one is asked, or this one when it makes another offer. Says whether that is
     * news.
     */
    boolean notPlaced(long number, String reason) {
        Order order = forgetOrder(number);
        if (order == null) {
            return false;
        }
        Seat seat = new Seat(order.offer().node(), order.role());
        refused.add(seat);
        boolean news = !reason.equals(reasons.put(seat, reason));
        fill();
        return news;
    }

    /** What nodes said that were asked to play these roles and do not, in brackets; empty when none did. */
    String whyNot(Collection<Role> roles) {
        String said = reasons.entrySet().stream()
                .filter(entry -> roles.contains(entry.getKey().role()))
                .map(Map.Entry::getValue)
                .distinct()
                .collect(Collectors.joining("; "));
        return said.isEmpty() ? "" : " (" + said + ")";
    }

    private Order forgetOrder(long number) {
        limits.came(new Limits.Awaited.Placement(number));
        return orders.remove(number);
    }

    /** This one plays no more; empty when he did not before. */
    Optional<Player> left(ActorRef<?> actor) {
        return Optional.ofNullable(players.remove(actor));
    }

    /** The player has failed: rather somebody else is asked for his role, and never he. */
    void failed(Player player) {
        failed.put(new Seat(player.node(), player.role()), player.actor());
    }

    /** The seat of one who has failed stays empty until {@link #backOffOver}. */
    void backOff(Player player) {
        failed(player);
        backingOff.add(new Seat(player.node(), player.role()));
    }

    void backOffOver(ActorRef<NodeMessage> node, Role role) {
        backingOff.remove(new Seat(node, role));
        fill();
    }

    /** The trainers' seats are empty from now on, and stay so until they are wanted again. Who played there. */
    List<Player> dismissTrainers() {
        wantNoMore(TRAINERS);
        List.copyOf(orders.entrySet()).stream()
                .filter(entry -> TRAINERS.contains(entry.getValue().role()))
                .forEach(entry -> forgetOrder(entry.getKey()));
        List<Player> dismissed =
                players.values().stream().filter(Player::isTrainer).toList();
        dismissed.forEach(player -> players.remove(player.actor()));
        return dismissed;
    }

    Optional<Player> player(ActorRef<?> actor) {
        return Optional.ofNullable(players.get(actor));
    }

    List<Player> playing(Role role) {
        return players.values().stream().filter(p -> p.role() == role).toList();
    }

    List<Player> on(ActorRef<NodeMessage> node) {
        return players.values().stream().filter(p -> p.node().equals(node)).toList();
    }

    ActorRef<GeneratorMessage> generator() {
        return as(playing(Role.GENERATOR).get(0).actor());
    }

    ActorRef<CriticMessage> critic() {
        return as(playing(Role.CRITIC).get(0).actor());
    }

    /** The reference as one to a role's messages: a node answers an order with an actor of the role that was ordered. */
    static <M> ActorRef<M> as(ActorRef<?> actor) {
        return actor.unsafeUpcast();
    }

    /** Roles that are wanted and that nobody plays. */
    List<Role> missing() {
        return wanted.stream().filter(role -> playing(role).isEmpty()).toList();
    }

    private void fill() {
        for (Role role : wanted) {
            if (SPREAD.contains(role)) {
                List.copyOf(offers.values()).stream()
                        .filter(offer -> isOpen(offer, role) && !isFilled(offer.node(), role))
                        .forEach(offer -> order(role, offer));
            } else if (playing(role).isEmpty() && orders.values().stream().noneMatch(o -> o.role() == role)) {
                best(role).ifPresent(offer -> order(role, offer));
            }
        }
    }

    private boolean isOpen(SupervisorMessage.NodeOffer offer, Role role) {
        Seat seat = new Seat(offer.node(), role);
        return offer.roles().contains(role)
                && !offer.devices().isEmpty()
                && !offer.leaving()
                && !unreachable.contains(offer.node())
                && !refused.contains(seat)
                && !backingOff.contains(seat);
    }

    private boolean isFilled(ActorRef<NodeMessage> node, Role role) {
        return players.values().stream()
                        .anyMatch(p -> p.role() == role && p.node().equals(node))
                || orders.values().stream()
                        .anyMatch(o -> o.role() == role && o.offer().node().equals(node));
    }

    /**
     * Rather not where this role failed last, then where there is an accelerator, then where the fewest trainers are, then
     * always the same.
     */
    private Optional<SupervisorMessage.NodeOffer> best(Role role) {
        return offers.values().stream()
                .filter(offer -> isOpen(offer, role))
                .min(Comparator.<SupervisorMessage.NodeOffer, Boolean>comparing(
                                offer -> failed.containsKey(new Seat(offer.node(), role)))
                        .thenComparing(offer -> isProcessor(freest(offer)))
                        .thenComparing(offer -> trainers(offer, freest(offer)))
                        .thenComparing(offer -> offer.node().path().toString()));
    }

    /**
     * An accelerator before the processor, whatever the memory; then where the fewest trainers are, then the fewest of this
     * experiment's others, so that roles share a device only where there are more of them than devices.
     */
    private DeviceOffer freest(SupervisorMessage.NodeOffer offer) {
        return offer.devices().stream()
                .min(Comparator.comparing(Company::isProcessor)
                        .thenComparing(device -> trainers(offer, device))
                        .thenComparing(device -> mine(offer, device))
                        .thenComparing(Comparator.comparingLong(DeviceOffer::memoryBytes)
                                .reversed()))
                .orElseThrow();
    }

    private static boolean isProcessor(DeviceOffer device) {
        return device.name().equals("cpu");
    }

    /** Those that the node told of, and those that are ordered and not in its offer yet. */
    private long trainers(SupervisorMessage.NodeOffer offer, DeviceOffer device) {
        return device.trainers()
                + ordersTo(offer, device)
                        .filter(order -> TRAINERS.contains(order.role()))
                        .count();
    }

    /** This experiment's teachers and samplers there, and those that are ordered. */
    private long mine(SupervisorMessage.NodeOffer offer, DeviceOffer device) {
        long playing = players.values().stream()
                .filter(p -> SPREAD.contains(p.role())
                        && p.node().equals(offer.node())
                        && p.device().equals(device.name()))
                .count();
        return playing
                + ordersTo(offer, device)
                        .filter(order -> SPREAD.contains(order.role()))
                        .count();
    }

    private Stream<Order> ordersTo(SupervisorMessage.NodeOffer offer, DeviceOffer device) {
        return orders.values().stream()
                .filter(order -> order.offer().node().equals(offer.node())
                        && order.device().equals(device.name()));
    }

    private void order(Role role, SupervisorMessage.NodeOffer offer) {
        long number = ++ordered;
        String device = freest(offer).name();
        orders.put(number, new Order(role, offer, device));
        limits.await(
                new Limits.Awaited.Placement(number),
                run.timeouts().place(),
                () -> "node " + offer.name() + " to play the " + role.key());
        offer.node()
                .tell(new NodeMessage.Play(
                        number,
                        run.card().name(),
                        run.card().run(),
                        role,
                        device,
                        run.teacher().sha256(),
                        Optional.ofNullable(failed.get(new Seat(offer.node(), role))),
                        run.timeouts().work().toMillis(),
                        supervisor));
    }

    /** Orders that were given until now; the last one's number. */
    long orders() {
        return ordered;
    }

    /** Everybody who plays. */
    Collection<Player> players() {
        return new ArrayList<>(players.values());
    }
}
