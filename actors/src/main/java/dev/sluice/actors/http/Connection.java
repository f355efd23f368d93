package dev.sluice.actors.http;

import dev.sluice.actors.http.Connections.State;
import dev.sluice.protocol.message.SamplerMessage;
import java.net.InetAddress;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.http.javadsl.model.HttpProtocols;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;
import org.apache.pekko.stream.Attributes;
import org.apache.pekko.stream.BidiShape;
import org.apache.pekko.stream.Inlet;
import org.apache.pekko.stream.Outlet;
import org.apache.pekko.stream.stage.AbstractInHandler;
import org.apache.pekko.stream.stage.AbstractOutHandler;
import org.apache.pekko.stream.stage.AsyncCallback;
import org.apache.pekko.stream.stage.GraphStage;
import org.apache.pekko.stream.stage.GraphStageLogic;
import org.apache.pekko.stream.stage.TimerGraphStageLogic;
import org.apache.pekko.util.ByteString;

/**
 * One connection between TCP and HTTP: it sees the bytes of both directions and knows which request they belong to. One
 * request at a time, as the HTTP layer reads no further before it is answered.
 *
 * <p>A client that closes its sending side may still wait for its answer, or be gone: TCP says the same of both until
 * something is sent. While a sampler works for such a client, it is sent interim responses (RFC 9110, 15.2), which every
 * client must skip: one that is gone answers them with a reset, and then its request is cancelled. HTTP/1.0 knows none;
 * there the client counts as present.
 */
final class Connection extends GraphStage<BidiShape<ByteString, ByteString, ByteString, ByteString>> implements Caller {
    private static final ByteString INTERIM = ByteString.fromString("HTTP/1.1 102 Processing\r\n\r\n");
    private static final Duration BETWEEN_INTERIM = Duration.ofMillis(250);

    /** For a client to read its answer before a close that the rest of its request would turn into a reset. */
    private static final Duration LINGER = Duration.ofSeconds(2);

    private static final class Closed extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Closed() {
            super("the connection was closed", null, false, false);
        }
    }

    private record Asked(ActorRef<SamplerMessage> sampler, String id) {}

    private final Inlet<ByteString> fromHttp = Inlet.create("fromHttp");
    private final Outlet<ByteString> toNetwork = Outlet.create("toNetwork");
    private final Inlet<ByteString> fromNetwork = Inlet.create("fromNetwork");
    private final Outlet<ByteString> toHttp = Outlet.create("toHttp");
    private final BidiShape<ByteString, ByteString, ByteString, ByteString> shape =
            new BidiShape<>(fromHttp, toNetwork, fromNetwork, toHttp);

    private final Connections all;
    private final Connections.Entry entry;
    private final AtomicReference<Asked> computing = new AtomicReference<>();
    private volatile boolean gone;
    private volatile AsyncCallback<Connection> aborting;
    /** Whether bytes of an answer would come at the wrong place: no request waits, or its answer has begun. */
    private volatile boolean mayInterrupt;

    Connection(Connections all, InetAddress address) {
        this.all = all;
        this.entry = new Connections.Entry(address, () -> aborting.invoke(this));
    }

    HttpRequest requested(HttpRequest request) {
        all.enter(entry, State.REQUEST);
        mayInterrupt = request.protocol().equals(HttpProtocols.HTTP_1_1);
        return request;
    }

    HttpResponse answered(HttpResponse response) {
        mayInterrupt = false;
        all.enter(entry, State.IDLE);
        return all.isDraining() ? response.addHeader(RawHeader.create("Connection", "close")) : response;
    }

    @Override
    public void begun(ActorRef<SamplerMessage> sampler, String id) {
        all.enter(entry, State.WORKING);
        computing.set(new Asked(sampler, id));
        if (gone) {
            cancel();
        }
    }

    @Override
    public void ended() {
        computing.set(null);
        all.enter(entry, State.REQUEST);
    }

    private void left() {
        gone = true;
        all.remove(entry);
        cancel();
    }

    private void cancel() {
        Asked asked = computing.getAndSet(null);
        if (asked != null) {
            asked.sampler().tell(new SamplerMessage.Cancel(asked.id()));
        }
    }

    @Override
    public BidiShape<ByteString, ByteString, ByteString, ByteString> shape() {
        return shape;
    }

    @Override
    public GraphStageLogic createLogic(Attributes attributes) {
        return new Logic();
    }

    private final class Logic extends TimerGraphStageLogic {
        private static final String PROBE = "probe";
        private static final String GIVE_UP = "give up";

        Logic() {
            super(shape);
            aborting = createAsyncCallback(connection -> failStage(new Closed()));
            setHandler(fromNetwork, new AbstractInHandler() {
                @Override
                public void onPush() {
                    ByteString bytes = grab(fromNetwork);
                    if (isClosed(toHttp) || isClosed(fromHttp)) {
                        readOn();
                        return;
                    }
                    all.heard(entry);
                    push(toHttp, bytes);
                }

                @Override
                public void onUpstreamFinish() {
                    if (isClosed(toNetwork)) {
                        completeStage();
                        return;
                    }
                    complete(toHttp);
                    scheduleAtFixedRate(PROBE, Duration.ZERO, BETWEEN_INTERIM);
                }
            });
            setHandler(toHttp, new AbstractOutHandler() {
                @Override
                public void onPull() {
                    readOn();
                }

                @Override
                public void onDownstreamFinish(Throwable cause) {
                    readOn();
                }
            });
            setHandler(fromHttp, new AbstractInHandler() {
                @Override
                public void onPush() {
                    all.said(entry);
                    push(toNetwork, grab(fromHttp));
                }

                @Override
                public void onUpstreamFailure(Throwable failure) {
                    // An answer may be on its way, such as one that says the body is too long.
                    onUpstreamFinish();
                }

                @Override
                public void onUpstreamFinish() {
                    complete(toNetwork);
                    if (isClosed(fromNetwork)) {
                        completeStage();
                        return;
                    }
                    cancelTimer(PROBE);
                    scheduleOnce(GIVE_UP, LINGER);
                    readOn();
                }
            });
            setHandler(toNetwork, new AbstractOutHandler() {
                @Override
                public void onPull() {
                    if (!isClosed(fromHttp) && !hasBeenPulled(fromHttp)) {
                        pull(fromHttp);
                    }
                }
            });
        }

        /** Also when nobody wants it: what is not read turns the close into a reset, and the answer is lost on its way. */
        private void readOn() {
            if (!isClosed(fromNetwork) && !hasBeenPulled(fromNetwork)) {
                pull(fromNetwork);
            }
        }

        @Override
        public void onTimer(Object key) {
            if (key.equals(GIVE_UP)) {
                failStage(new Closed());
            } else if (mayInterrupt && isAvailable(toNetwork)) {
                push(toNetwork, INTERIM);
            }
        }

        @Override
        public void preStart() {
            all.add(entry);
        }

        @Override
        public void postStop() {
            left();
        }
    }
}
