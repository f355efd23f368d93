package dev.sluice.actors.discovery;

import dev.sluice.protocol.message.NodeMessage;
import dev.sluice.protocol.message.SamplerMessage;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.receptionist.ServiceKey;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;

/** What registers with the receptionist, so that nobody needs to know where it runs. */
public final class Discovery {
    /** The agent of every node. */
    public static final ServiceKey<NodeMessage> NODE = ServiceKey.create(NodeMessage.class, "node");

    /** Every sampler, of every experiment. */
    public static final ServiceKey<SamplerMessage> SAMPLER = ServiceKey.create(SamplerMessage.class, "sampler");

    /** Name of a node's agent below {@code /user}. */
    public static final String NODE_NAME = "node";

    private Discovery() {}

    /**
     * The agents of the cluster's members, by their addresses: also of those that the receptionist does not know. It loses,
     * now and then, what a node registers that has just taken the place of a dead one.
     *
     * @return references without an incarnation, fit to be told something; none where there is no cluster
     */
    public static List<ActorRef<NodeMessage>> membersOf(ActorSystem<?> system) {
        ActorRefResolver resolver = ActorRefResolver.get(system);
        return members(system)
                .filter(member -> member.status().equals(MemberStatus.up()))
                .map(member -> resolver.<NodeMessage>resolveActorRef(member.address() + "/user/" + NODE_NAME))
                .toList();
    }

    /**
     * Whether {@code actor} and actors of this node can watch each other: at once on one node, else when both nodes have got
     * beyond joining the cluster, for all that this one knows. Where a process has taken the address of a dead one, Pekko says
     * of whoever is watched there before that it is gone.
     *
     * @return true where there is no cluster
     */
    public static boolean isWatchable(ActorSystem<?> system, ActorRef<?> actor) {
        Address address = actor.path().address();
        if (address.hasLocalScope() || !isCluster(system)) {
            return true;
        }
        Set<Address> joined = members(system)
                .filter(member -> !member.status().equals(MemberStatus.joining()))
                .map(Member::address)
                .collect(Collectors.toSet());
        return joined.contains(address)
                && joined.contains(Cluster.get(system).selfMember().address());
    }

    private static Stream<Member> members(ActorSystem<?> system) {
        return isCluster(system)
                ? StreamSupport.stream(Cluster.get(system).state().getMembers().spliterator(), false)
                : Stream.empty();
    }

    private static boolean isCluster(ActorSystem<?> system) {
        return system.settings().config().getString("pekko.actor.provider").equals("cluster");
    }
}
