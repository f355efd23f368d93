package dev.sluice.config;

import dev.sluice.protocol.Role;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What this node does and how the others reach it: section {@code node}.
 *
 * @param roles it offers; all of them make a cluster of one
 * @param name for people, in logs and events; empty for {@code host:port}
 * @param host that the other nodes reach it by; loopback unless the user says otherwise
 * @param port that the other nodes reach it by; 0 takes any free one
 * @param bindHost address to listen on where that is not {@code host}: behind address translation, in a container
 * @param bindPort likewise
 * @param deliveryPort for the tensors of other nodes, on the address that is listened on; 0 takes any free one, which they
 *     are told
 * @param seeds {@code host:port} of nodes to join; empty for a node that starts its own cluster
 * @param runs folder that runs are kept in, absolute; used by control nodes
 * @param sharedStore whether this node sees the folders of runs under the same paths as the control nodes do; files are
 *     sent to it otherwise
 * @param cache folder for the files that are sent to this node, absolute; of this process alone
 * @param cacheGib that the cache may hold, in GiB; files in use stay, also above it
 * @param memoryGib of memory that experiments may be estimated to need here, in GiB; empty for what the machine or the
 *     container has
 * @param trialWithin a network file from outside is tried, before an experiment with it is accepted; 0 for no trial
 * @param healthHost address that {@code healthPort} is opened on
 * @param healthPort where {@code /live} and {@code /ready} are answered over HTTP, and nothing else; 0 takes any free
 *     one, empty opens none. A control node answers them at {@code serving.port} too
 * @param insecureNetwork {@link #INSECURE}, or empty
 */
public record NodeSettings(
        Set<Role> roles,
        Optional<String> name,
        String host,
        int port,
        Optional<String> bindHost,
        Optional<Integer> bindPort,
        int deliveryPort,
        List<String> seeds,
        Path runs,
        boolean sharedStore,
        Path cache,
        int cacheGib,
        Optional<Integer> memoryGib,
        Duration trialWithin,
        String healthHost,
        Optional<Integer> healthPort,
        Optional<String> insecureNetwork,
        TlsSettings tls) {
    /** What {@code node.insecure-network} must say for a node that others reach without TLS. */
    public static final String INSECURE = "whoever reaches this port controls this node";

    /** {@code node.trial-within} where nothing is configured. */
    public static final Duration TRIAL_WITHIN = Duration.ofSeconds(60);

    private static final String LOOPBACK = "127.0.0.1";
    private static final int MOST_PORT = 65_535;
    private static final Pattern SEED = Pattern.compile("([^:/@\\s]+|\\[[0-9a-fA-F:.]+]):(\\d{1,5})");
    private static final Pattern EVERYWHERE = Pattern.compile("0\\.0\\.0\\.0|\\[?(0*:)*:?0*]?");

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
        name.ifPresent(given -> limits.require(
                given.matches("[A-Za-z0-9][A-Za-z0-9._:-]{0,252}"),
                "name",
                '"' + given + '"',
                "must be 1 to 253 letters, digits, dots, dashes, colons and underscores, or be left out"));
        limits.require(
                !host.isBlank() && !EVERYWHERE.matcher(host).matches(),
                "host",
                '"' + host + '"',
                "must be an address by which the other nodes reach this one, such as 127.0.0.1; to listen on every"
                        + " address write that into node.bind-host");
        limits.within("port", port, 0, MOST_PORT);
        bindHost.ifPresent(address -> requireAddress(limits, "bind-host", address));
        bindPort.ifPresent(number -> limits.within("bind-port", number, 1, MOST_PORT));
        limits.within("delivery-port", deliveryPort, 0, MOST_PORT);
        limits.requireTogether(
                deliveryPort == 0 || deliveryPort != bindPort.orElse(port),
                "delivery-port",
                deliveryPort,
                "must not be the port of node.port or node.bind-port, which is for everything else between nodes");
        limits.requireTogether(
                bindPort.isEmpty() || port != 0,
                "bind-port",
                bindPort.orElse(0),
                "must go with a node.port other than 0: nobody would know by which port to reach this node");
        limits.within("cache-gib", cacheGib, 0, 1 << 20);
        memoryGib.ifPresent(gib -> limits.within("memory-gib", gib, 1, 1 << 20));
        limits.within("trial-within", trialWithin, Duration.ZERO, Duration.ofHours(24));
        requireAddress(limits, "health-host", healthHost);
        healthPort.ifPresent(number -> limits.within("health-port", number, 0, MOST_PORT));
        insecureNetwork.ifPresent(said -> limits.require(
                said.equals(INSECURE),
                "insecure-network",
                '"' + said + '"',
                "must be null, or say \"" + INSECURE + "\" word for word"));
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

    /** The rest as where nothing is configured: no name, no TLS, the folder {@code runs} of where we are. */
    public NodeSettings(Set<Role> roles, String host, int port, List<String> seeds) {
        this(
                roles,
                Optional.empty(),
                host,
                port,
                Optional.empty(),
                Optional.empty(),
                0,
                seeds,
                Path.of("runs").toAbsolutePath(),
                true,
                Path.of("cache").toAbsolutePath(),
                20,
                Optional.empty(),
                TRIAL_WITHIN,
                LOOPBACK,
                Optional.empty(),
                Optional.empty(),
                TlsSettings.OFF);
    }

    private static void requireAddress(Limits limits, String key, String address) {
        limits.require(!address.isBlank(), key, '"' + address + '"', "must be an address to listen on: 127.0.0.1");
    }

    private static boolean isSeed(String seed) {
        Matcher form = SEED.matcher(seed);
        if (!form.matches()) {
            return false;
        }
        int port = Integer.parseInt(form.group(2));
        return port >= 1 && port <= MOST_PORT;
    }

    private static boolean hasAllRoles(Set<Role> roles) {
        return roles.size() == Role.values().length;
    }

    /** Whether an experiment runs on this node alone. */
    public boolean isWholeCluster() {
        return hasAllRoles(roles);
    }
}
