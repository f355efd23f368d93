package dev.sluice.config;

import java.nio.file.Path;
import java.util.Optional;

/**
 * Encryption and mutual authentication between nodes: section {@code node.tls}. The files are PEM; they are read again
 * while the node runs, so that certificates can be replaced.
 *
 * @param enabled whether nodes talk by TLS; all of a cluster do, or none
 * @param certificate of this node, naming {@code node.host}
 * @param key of the certificate: RSA, PKCS#8, not encrypted
 * @param ca certificate of the authority that signed those of all nodes
 */
public record TlsSettings(boolean enabled, Optional<Path> certificate, Optional<Path> key, Optional<Path> ca) {
    /** No TLS. */
    public static final TlsSettings OFF = new TlsSettings(false, Optional.empty(), Optional.empty(), Optional.empty());
}
