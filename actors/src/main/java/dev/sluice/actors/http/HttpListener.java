package dev.sluice.actors.http;

import com.sun.management.UnixOperatingSystemMXBean;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.sluice.config.ConnectionSettings;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.pekko.Done;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.Cancellable;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.event.NoLogging;
import org.apache.pekko.http.javadsl.Http;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpMethod;
import org.apache.pekko.http.javadsl.model.HttpMethods;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.settings.ServerSettings;
import org.apache.pekko.stream.ActorAttributes;
import org.apache.pekko.stream.Attributes;
import org.apache.pekko.stream.TLSProtocol.SslTlsInbound;
import org.apache.pekko.stream.TLSProtocol.SslTlsOutbound;
import org.apache.pekko.stream.javadsl.BidiFlow;
import org.apache.pekko.stream.javadsl.Flow;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.stream.javadsl.TLSPlacebo;
import org.apache.pekko.stream.javadsl.Tcp;
import org.apache.pekko.util.ByteString;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A port that HTTP is spoken on. Connections have threads of their own ({@code sluice.http.dispatcher}), limits in
 * number and in silence ({@link ConnectionSettings}), and are let in at any time.
 */
public final class HttpListener {
    /** Answers requests. Whatever it throws, or its stage fails with, is answered as an error. */
    interface Handler {
        CompletionStage<HttpResponse> handle(HttpRequest request, Caller caller);
    }

    private static final Logger LOG = LoggerFactory.getLogger(HttpListener.class);
    private static final Set<HttpMethod> WITH_BODY = Set.of(HttpMethods.POST, HttpMethods.PUT, HttpMethods.PATCH);
    private static final Duration SWEEP_EVERY = Duration.ofSeconds(1);
    private static final int BACKLOG = 1024;
    private static final Attributes OWN_THREADS = ActorAttributes.dispatcher("sluice.http.dispatcher");

    private static final Attributes SILENT =
            Attributes.createLogLevels(Attributes.logLevelOff(), Attributes.logLevelOff(), Attributes.logLevelOff());

    private final ActorSystem<?> system;
    private final Handler handler;
    private final boolean loopback;
    private final Optional<String> token;
    private final Connections connections;
    private final ServerSettings http;
    private final Cancellable sweeping;
    private Tcp.ServerBinding binding;

    private HttpListener(
            ActorSystem<?> system,
            Handler handler,
            ConnectionSettings limits,
            boolean loopback,
            Optional<String> token) {
        this.system = system;
        this.handler = handler;
        this.loopback = loopback;
        this.token = token;
        connections = new Connections(affordable(limits), System::nanoTime);
        http = settings(system);
        sweeping = system.scheduler()
                .scheduleAtFixedRate(SWEEP_EVERY, SWEEP_EVERY, this::sweep, system.executionContext());
    }

    /**
     * Listens. When the system shuts down, requests that are under way have {@code toFinish} to end.
     *
     * @param port 0 for any free one
     * @param key of the port: an option, or a setting, for messages
     * @param token whoever bears it may come under any name of this machine ({@link LocalOnly})
     * @return fails with {@link ListenException}
     */
    static CompletionStage<HttpListener> start(
            ActorSystem<?> system,
            String host,
            int port,
            String key,
            ConnectionSettings limits,
            Optional<String> token,
            Duration toFinish,
            Handler handler) {
        InetAddress address;
        try {
            address = InetAddress.getByName(host);
        } catch (UnknownHostException e) {
            return CompletableFuture.failedFuture(ListenException.unknown(host, port, e));
        }
        HttpListener listener = new HttpListener(system, handler, limits, address.isLoopbackAddress(), token);
        return Tcp.get(system)
                .bind(host, port, BACKLOG, List.of(), true, Optional.empty())
                .to(Sink.foreach(listener::accept))
                .withAttributes(OWN_THREADS)
                .run(system)
                .thenApply(bound -> {
                    listener.bound(bound, toFinish);
                    return listener;
                })
                .exceptionally(failure -> {
                    listener.sweeping.cancel();
                    throw new CompletionException(ListenException.of(host, port, key, failure));
                });
    }

    private static ServerSettings settings(ActorSystem<?> system) {
        Config own = ConfigFactory.parseMap(Map.of(
                // The sampler keeps the deadline, and answers in the shape of every other error.
                "pekko.http.server.request-timeout",
                "infinite",
                // HTTP/1.0 has no Host; 1.1 is refused without one before this is looked at.
                "pekko.http.server.default-host-header",
                "localhost",
                // What was asked for, before "..", is resolved.
                "pekko.http.server.raw-request-uri-header",
                "on",
                "pekko.http.server.parsing.error-handler",
                MalformedRequests.class.getName()));
        return ServerSettings.create(own.withFallback(system.settings().config()));
    }

    private void bound(Tcp.ServerBinding bound, Duration toFinish) {
        binding = bound;
        CoordinatedShutdown shutdown = CoordinatedShutdown.get(system);
        String name = "http-" + bound.localAddress().getPort();
        shutdown.addTask(CoordinatedShutdown.PhaseServiceUnbind(), name, this::unbind);
        shutdown.addTask(CoordinatedShutdown.PhaseServiceRequestsDone(), name, () -> drain(toFinish));
    }

    private void accept(Tcp.IncomingConnection incoming) {
        Connection connection =
                new Connection(connections, incoming.remoteAddress().getAddress());
        Flow<HttpRequest, HttpResponse, NotUsed> requests = Flow.of(HttpRequest.class)
                .map(connection::requested)
                .mapAsync(1, request -> answer(request, connection))
                .map(connection::answered);
        BidiFlow<HttpResponse, ByteString, ByteString, HttpRequest, NotUsed> layers = Http.get(system)
                // Whatever a client does wrong is answered; a line in the log for each is a way to fill the disk.
                .serverLayer(http, Optional.of(incoming.remoteAddress()), NoLogging.getInstance())
                .withAttributes(SILENT)
                .atop(plain())
                .atop(BidiFlow.fromGraph(connection));
        try {
            layers.join(incoming.flow())
                    .join(requests)
                    .withAttributes(OWN_THREADS)
                    .run(system);
        } catch (RuntimeException e) {
            LOG.warn("A connection could not be taken: {}", e.toString());
        }
    }

    /** In the place of TLS. What it lets in is one of the kinds that TLS does, which Java's generics do not see. */
    @SuppressWarnings("unchecked")
    private static BidiFlow<SslTlsOutbound, ByteString, ByteString, SslTlsInbound, NotUsed> plain() {
        return (BidiFlow<SslTlsOutbound, ByteString, ByteString, SslTlsInbound, NotUsed>)
                (BidiFlow<?, ?, ?, ?, ?>) TLSPlacebo.getInstance();
    }

    private CompletionStage<HttpResponse> answer(HttpRequest request, Caller caller) {
        CompletionStage<HttpResponse> answer;
        try {
            LocalOnly.require(request, loopback, token);
            requirePlainPath(request);
            answer = WITH_BODY.contains(request.method())
                    ? handler.handle(request, caller)
                    : Bodies.ignored(system, request).thenCompose(read -> handler.handle(read, caller));
        } catch (RuntimeException | LinkageError | StackOverflowError e) {
            answer = CompletableFuture.failedFuture(e);
        }
        return answer.exceptionally(failure -> {
            // A body that nobody read would hold up the connection.
            request.discardEntityBytes(system);
            return Responses.failed(failure, request);
        });
    }

    /** Pekko resolves {@code ..} in a path, and whoever lets only some paths through to here may not. */
    private static void requirePlainPath(HttpRequest request) {
        String raw = request.getHeader("Raw-Request-URI").map(HttpHeader::value).orElse("");
        String path = raw.split("[?#]", 2)[0].replaceAll("(?i)%2e", ".");
        if (Stream.of(path.split("/")).anyMatch(segment -> segment.equals(".") || segment.equals(".."))) {
            throw ApiError.of(400, "path_not_plain", null, "a path must not go back or stay with \"..\" or \".\"");
        }
    }

    private void sweep() {
        connections.sweep();
        if (ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean os
                && os.getMaxFileDescriptorCount() - os.getOpenFileDescriptorCount() < connections.size() / 4) {
            // Others need files too, and a port on which nobody can be accepted helps no one.
            connections.spare(connections.size() / 4);
        }
    }

    /** As configured, and no more than half of the files that this process may still open. */
    private static ConnectionSettings affordable(ConnectionSettings limits) {
        if (!(ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean os)) {
            return limits;
        }
        long half = (os.getMaxFileDescriptorCount() - os.getOpenFileDescriptorCount()) / 2;
        int most = (int) Math.max(1, Math.min(limits.most(), half));
        return new ConnectionSettings(
                most, Math.min(most, limits.ofOneAddress()), limits.headerWithin(), limits.idleWithin());
    }

    /** Where it listens; tells the port where 0 was asked for. */
    public InetSocketAddress localAddress() {
        return binding.localAddress();
    }

    /** An address at which this machine reaches it, such as {@code http://127.0.0.1:8080}. */
    public String url() {
        return url(localAddress());
    }

    static String url(InetSocketAddress address) {
        InetAddress ip = address.getAddress();
        boolean v6 = ip.getAddress().length > 4;
        String host;
        if (ip.isAnyLocalAddress() || ip.isLoopbackAddress() && v6) {
            host = v6 ? "[::1]" : "127.0.0.1";
        } else {
            host = v6 ? "[" + ip.getHostAddress().replaceFirst("%.*", "") + "]" : ip.getHostAddress();
        }
        return "http://" + host + ":" + address.getPort();
    }

    /** Takes no more connections; those that are open stay. */
    public CompletionStage<Done> unbind() {
        return binding.unbind().thenApply(unit -> Done.getInstance());
    }

    private CompletionStage<Done> drain(Duration within) {
        return connections
                .drain()
                .toCompletableFuture()
                .orTimeout(within.toMillis(), TimeUnit.MILLISECONDS)
                .handle((done, late) -> {
                    connections.abort();
                    sweeping.cancel();
                    return Done.getInstance();
                });
    }
}
