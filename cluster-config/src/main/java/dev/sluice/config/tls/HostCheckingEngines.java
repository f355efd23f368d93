package dev.sluice.config.tls;

import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSession;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.remote.artery.tcp.SSLEngineProvider;
import org.apache.pekko.remote.artery.tcp.ssl.RotatingKeysSSLEngineProvider;
import scala.Option;

/**
 * Pekko's engines that read their PEM files again while the node runs, and beside that the check which those leave out:
 * the certificate of the node that is called must name the host that was called. Without it the certificate of one node,
 * once stolen, would do for all.
 *
 * <p>What Pekko's check at both ends already: the authority, that the other end has a certificate at all, and that the
 * two have a subject name in common. Pekko makes one of these a node, by its class name.
 */
public final class HostCheckingEngines implements SSLEngineProvider {
    private final SSLEngineProvider rotating;

    public HostCheckingEngines(ActorSystem system) {
        rotating = new RotatingKeysSSLEngineProvider(system);
    }

    @Override
    public SSLEngine createServerSSLEngine(String hostname, int port) {
        return rotating.createServerSSLEngine(hostname, port);
    }

    @Override
    public SSLEngine createClientSSLEngine(String hostname, int port) {
        SSLEngine engine = rotating.createClientSSLEngine(hostname, port);
        SSLParameters parameters = engine.getSSLParameters();
        // RFC 2818: names and addresses of the certificate against the one that was called.
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        engine.setSSLParameters(parameters);
        return engine;
    }

    @Override
    public Option<Throwable> verifyClientSession(String hostname, SSLSession session) {
        return rotating.verifyClientSession(hostname, session);
    }

    @Override
    public Option<Throwable> verifyServerSession(String hostname, SSLSession session) {
        return rotating.verifyServerSession(hostname, session);
    }
}
