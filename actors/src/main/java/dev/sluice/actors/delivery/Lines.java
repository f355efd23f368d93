package dev.sluice.actors.delivery;

import com.typesafe.config.Config;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.ByteChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.remote.artery.tcp.SSLEngineProvider;
import scala.jdk.javaapi.OptionConverters;

/** Makes connections as Artery is configured to: to the same address, with the same certificates when it uses TLS. */
final class Lines {
    private static final String ARTERY = "pekko.remote.artery.";

    /** Bytes of the buffer for what a receiver tells a sender. */
    static final int NOTICES_BUFFER = 16 * 1024;

    private final String host;
    private final DeliverySettings settings;
    /** Null without TLS. */
    private final SSLEngineProvider engines;

    private Lines(String host, DeliverySettings settings, SSLEngineProvider engines) {
        this.host = host;
        this.settings = settings;
        this.engines = engines;
    }

    /** @throws IllegalStateException when Artery's TLS is not in order */
    static Lines of(ExtendedActorSystem system, DeliverySettings settings) {
        Config config = system.settings().config();
        String bind = config.getString(ARTERY + "bind.hostname");
        String host =
                bind.isEmpty() ? system.provider().getDefaultAddress().getHost().orElseThrow() : bind;
        boolean tls = config.getString(ARTERY + "transport").equals("tls-tcp");
        return new Lines(host, settings, tls ? engines(system) : null);
    }

    private static SSLEngineProvider engines(ExtendedActorSystem system) {
        String name = system.settings().config().getString(ARTERY + "ssl.ssl-engine-provider");
        try {
            return Class.forName(name, true, system.dynamicAccess().classLoader())
                    .asSubclass(SSLEngineProvider.class)
                    .getConstructor(ActorSystem.class)
                    .newInstance(system);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(ARTERY + "ssl.ssl-engine-provider = " + name + " cannot be made", e);
        }
    }

    /** @throws IllegalStateException when the port cannot be had */
    ServerSocketChannel listen() {
        InetSocketAddress address = new InetSocketAddress(host, settings.port());
        try {
            ServerSocketChannel server = ServerSocketChannel.open();
            try {
                return server.bind(address);
            } catch (IOException | RuntimeException e) {
                server.close();
                throw e;
            }
        } catch (IOException | RuntimeException e) {
            throw new IllegalStateException(
                    "cannot take other nodes' tensors at " + host + ":" + settings.port() + " (" + e.getMessage()
                            + "): set node.delivery-port to a free one, or to 0",
                    e);
        }
    }

    /** Connects to another node's courier. Does not talk yet, over TLS either. */
    Line connect(String peer, int port, Duration patience) throws IOException {
        SocketChannel socket = SocketChannel.open();
        try {
            socket.setOption(StandardSocketOptions.TCP_NODELAY, true);
            socket.socket().connect(new InetSocketAddress(peer, port), (int) patience.toMillis());
            ByteChannel channel = engines == null
                    ? socket
                    : new TlsChannel(
                            socket,
                            engines.createClientSSLEngine(peer, port),
                            session -> OptionConverters.toJava(engines.verifyClientSession(peer, session)));
            return new Line(channel, NOTICES_BUFFER, settings.buffer());
        } catch (IOException | RuntimeException e) {
            socket.close();
            throw e instanceof IOException io ? io : new IOException(e.getMessage(), e);
        }
    }

    /** The bytes of a connection that was accepted, which is closed when it cannot be used. */
    ByteChannel accepted(SocketChannel socket) throws IOException {
        socket.setOption(StandardSocketOptions.TCP_NODELAY, true);
        return engines == null
                ? socket
                : new TlsChannel(
                        socket,
                        engines.createServerSSLEngine(host, settings.port()),
                        session -> OptionConverters.toJava(engines.verifyServerSession(host, session)));
    }

    /** With buffers for tensors: a connection of another node's courier that has shown its token. */
    Line admitted(ByteChannel channel) {
        return new Line(channel, settings.buffer(), NOTICES_BUFFER);
    }
}
