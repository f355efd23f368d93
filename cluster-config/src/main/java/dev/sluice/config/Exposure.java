package dev.sluice.config;

import dev.sluice.protocol.Role;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Who can reach a node, and what keeps them from it. A node that its owner did not mean to open is refused.
 *
 * <p>Names are not looked up: what they lead to may be another address tomorrow. So {@code localhost} is loopback, and
 * every other name is not.
 */
public final class Exposure {
    private static final Pattern LOOPBACK =
            Pattern.compile("(?i)localhost|127(\\.\\d{1,3}){3}|\\[?(::1|0:0:0:0:0:0:0:1)]?");

    private Exposure() {}

    /** Whether {@code host}, a name or an address with or without brackets, says this machine itself. */
    public static boolean isLoopback(String host) {
        return LOOPBACK.matcher(host).matches();
    }

    /** @param limits whose keys are complete */
    static void require(Limits limits, NodeSettings node, ServingSettings serving) {
        if (!node.tls().enabled() && node.insecureNetwork().isEmpty()) {
            requireLoopback(limits, "node.host", Optional.of(node.host()));
            requireLoopback(limits, "node.bind-host", node.bindHost());
        }
        // Only a node that controls opens it.
        limits.requireTogether(
                isLoopback(serving.host())
                        || serving.token().isPresent()
                        || !node.roles().contains(Role.CONTROL),
                "serving.host",
                serving.host(),
                "must be loopback, such as 127.0.0.1, without a serving.token: whoever reaches the port may start and"
                        + " cancel experiments. Make one with: openssl rand -hex 32");
    }

    private static void requireLoopback(Limits limits, String key, Optional<String> host) {
        limits.requireTogether(
                host.map(Exposure::isLoopback).orElse(true),
                key,
                host.orElse(""),
                "must be loopback, such as 127.0.0.1, without TLS: whoever reaches the port controls the node. Set"
                        + " node.tls (cluster-config/certificates.sh makes the files), or, where nobody else is in"
                        + " the network, node.insecure-network = \"" + NodeSettings.INSECURE + '"');
    }
}
