package dev.sluice.config;

import dev.sluice.protocol.Role;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What this node does and how the others reach it: section {@code node}.
 *
 * @param roles it offers; all of them make a cluster of one (design, decision 8)
 * @param host that the other nodes reach it by; loopback unless the user says otherwise, because the transport does
 *     not authenticate
 * @param port 0 takes any free one
 * @param seeds {@code host:port} of nodes to join; empty for a node that starts its own cluster
 */
public record NodeSettings(Set<Role> roles, String host, int port, List<String> seeds) {
    private static final Pattern SEED = Pattern.compile("([^:/@\\s]+|\\[[0-9a-fA-F:.]+]):(\\d{1,5})");

    public NodeSettings {
        Limits limits = new Limits("node");
        limits.require(
                !roles.isEmpty(),
                "roles",
                "[]",
                "must name one or more of "
                        + Arrays.stream(Role.values()).map(Role::key).toList());
        roles = roles.isEmpty() ? Set.of() : Collections.unmodifiableSet(EnumSet.copyOf(roles));
        seeds = List.copyOf(seeds);
        limits.require(!host.isBlank(), "host", '"' + host + '"', "must be an address of this node: 127.0.0.1");
        limits.within("port", port, 0, 65_535);
        limits.require(
                seeds.stream().allMatch(NodeSettings::isSeed),
                "seeds",
                seeds,
                "must be addresses such as \"10.0.0.1:25520\"");
        limits.requireTogether(
                roles.isEmpty() || hasAllRoles(roles) || !seeds.isEmpty() || port != 0,
                "roles",
                roles.stream().map(Role::key).toList(),
                "must be all roles when the node has neither node.seeds to join nor a fixed node.port to be joined"
                        + " at: it would wait for ever");
        limits.refuse();
    }

    private static boolean isSeed(String seed) {
        Matcher form = SEED.matcher(seed);
        if (!form.matches()) {
            return false;
        }
        int port = Integer.parseInt(form.group(2));
        return port >= 1 && port <= 65_535;
    }

    private static boolean hasAllRoles(Set<Role> roles) {
        return roles.size() == Role.values().length;
    }

    /** Whether an experiment runs on this node alone. */
    public boolean isWholeCluster() {
        return hasAllRoles(roles);
    }
}
