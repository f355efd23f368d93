package dev.sluice.protocol.wire;

import java.io.IOException;
import java.io.NotSerializableException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.event.Logging;
import org.apache.pekko.event.LoggingAdapter;
import org.apache.pekko.serialization.ByteBufferSerializer;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/**
 * Pekko's serializer for every message between actors; {@code reference.conf} binds it.
 *
 * <p><b>What the sender sees.</b> A tell to another node returns before the message is serialized, so the sending actor
 * never sees an exception. When a message is refused here, Pekko's remoting logs "Failed to serialize message" with the
 * reason as an error on the sender's node and goes on with the next message; the connection stays. When it is refused
 * for its size, this class logs the error itself, since Pekko's own line leaves out the setting, and Pekko publishes
 * {@link org.apache.pekko.actor.Dropped} with the message on the sender's event stream: who must know subscribes to it.
 * There is a tighter limit below ours: a recipient that is not among {@code
 * pekko.remote.artery.large-message-destinations} has only an ordinary lane's {@code maximum-frame-size}; going over that
 * is refused in the same way.
 *
 * <p><b>What the receiver sees.</b> Bytes that are not exactly a message end in {@link NotSerializableException}, whatever
 * they are; Pekko's remoting logs it as an error with the peer's address and drops that message only. Reading
 * allocates in proportion to the bytes that are there, never to what they claim.
 *
 * <p>Thread-safe.
 */
public final class MessageSerializer extends SerializerWithStringManifest implements ByteBufferSerializer {
    /** Part of the wire's format; Pekko keeps 0–40 for itself. */
    private static final int IDENTIFIER = 74_501;

    private static final int MAX_QUOTED = 500;

    private final WireSettings settings;
    private final LoggingAdapter log;
    /** Kryo is not thread-safe. Filled on first use, when the system that makes this serializer has started. */
    private final ThreadLocal<MessageKryo> kryos;

    /**
     * For Pekko, which makes one instance a system.
     *
     * @throws IllegalArgumentException when {@code sluice.wire} is not in order
     */
    public MessageSerializer(ExtendedActorSystem system) {
        settings = WireSettings.from(system.settings().config());
        log = Logging.getLogger(system, MessageSerializer.class);
        kryos = ThreadLocal.withInitial(() -> new MessageKryo(ActorRefResolver.get(Adapter.toTyped(system))));
    }

    @Override
    public int identifier() {
        return IDENTIFIER;
    }

    /**
     * The message's stable name on the wire, such as {@code critic.samples}.
     *
     * @throws IllegalArgumentException when it is no message that may leave the JVM
     */
    @Override
    public String manifest(Object message) {
        return registered(message).manifest();
    }

    /**
     * Writes {@code message} to an array of its own.
     *
     * @throws IllegalArgumentException when it is no message that may leave the JVM, or holds a null
     * @throws FrameTooLargeException when it takes more than {@code sluice.wire.max-frame}
     */
    @Override
    public byte[] toBinary(Object message) {
        WireMessage framed = framed(message);
        ByteBuffer bytes = ByteBuffer.allocate(framed.size());
        framed.writeTo(bytes);
        return bytes.array();
    }

    /**
     * Makes {@code message} ready for a connection without Artery's limits. Copies its structure and none of its tensors.
     *
     * @throws IllegalArgumentException when it is no message that may leave the JVM, or holds a null
     * @throws FrameTooLargeException when it takes more than {@code sluice.wire.max-message}
     */
    public WireMessage prepare(Object message) {
        Frame frame = frame(message);
        String name = name(message.getClass());
        if (frame.size() > settings.maxMessage()) {
            throw new FrameTooLargeException(name + " takes " + frame.size()
                    + " bytes, the limit sluice.wire.max-message is " + settings.maxMessage()
                    + ": send smaller batches, or raise it on every node");
        }
        return new WireMessage(manifest(message), name, frame);
    }

    /**
     * Writes {@code message} to {@code sink}, advancing it; nothing is written when it is refused.
     *
     * @throws IllegalArgumentException when it is no message that may leave the JVM, or holds a null
     * @throws FrameTooLargeException when it takes more than {@code sluice.wire.max-frame} or than {@code sink} has left
     */
    @Override
    public void toBinary(Object message, ByteBuffer sink) {
        try {
            WireMessage framed = framed(message);
            if (framed.size() > sink.remaining()) {
                throw new FrameTooLargeException(framed.name() + " takes " + framed.size()
                        + " bytes, the frame of its lane has " + sink.remaining()
                        + " left: put the recipient's path under pekko.remote.artery.large-message-destinations on"
                        + " both nodes, or raise pekko.remote.artery.advanced.maximum-frame-size");
            }
            framed.writeTo(sink);
        } catch (FrameTooLargeException e) {
            log.error("Not sent: {}", e.getMessage());
            throw e;
        }
    }

    /**
     * Reads the message that {@code manifest} names from all of {@code bytes}.
     *
     * @throws NotSerializableException when they are not exactly that
     */
    @Override
    public Object fromBinary(byte[] bytes, String manifest) throws NotSerializableException {
        return fromBinary(ByteBuffer.wrap(bytes), manifest);
    }

    /**
     * Reads the message that {@code manifest} names from all that remains of {@code source}, copying what it keeps.
     *
     * @throws NotSerializableException when that is not exactly such a message
     */
    @Override
    public Object fromBinary(ByteBuffer source, String manifest) throws NotSerializableException {
        FrameInput in = new FrameInput(source);
        source.position(source.limit());
        try {
            return read(in, manifest);
        } catch (NotSerializableException e) {
            throw e;
        } catch (IOException e) {
            throw new UncheckedIOException("memory was read", e);
        }
    }

    /**
     * Reads the message that {@code manifest} names from the next {@code size} bytes of {@code buffer} and, behind it, of
     * a blocking channel. All of them are taken, also when they are refused.
     *
     * <p>Arrays are made before their elements are there, {@code size} bytes in all at most.
     *
     * @param size at most {@code sluice.wire.max-message}, which the caller has seen to
     * @param buffer little-endian, of at least eight bytes, ready to be read from
     * @throws NotSerializableException when they are not exactly such a message
     * @throws IOException when they do not come
     */
    public Object read(String manifest, int size, ReadableByteChannel channel, ByteBuffer buffer) throws IOException {
        FrameInput in = new FrameInput(channel, buffer, size);
        try {
            return read(in, manifest);
        } catch (NotSerializableException e) {
            in.skip();
            throw e;
        }
    }

    /** Bytes of the largest message, {@code sluice.wire.max-message}. */
    public int maxMessage() {
        return settings.maxMessage();
    }

    private Object read(FrameInput in, String manifest) throws IOException {
        Registrations.Message message = Registrations.ofManifest(manifest);
        if (message == null) {
            throw new NotSerializableException("no message is called \"" + printable(manifest)
                    + "\" here: run one version of Sluice on all nodes");
        }
        long size = in.remaining();
        try {
            Record read = kryos.get().read(Frame.read(in), message.type());
            Conformance.require(read);
            return read;
        } catch (RuntimeException e) { // any: what may go wrong inside is the sender's choice
            NotSerializableException refused =
                    new NotSerializableException("a frame of " + size + " bytes is no " + manifest + ": " + reason(e));
            refused.initCause(e);
            throw refused;
        }
    }

    private WireMessage framed(Object message) {
        Frame frame = frame(message);
        String name = name(message.getClass());
        if (frame.size() > settings.maxFrame()) {
            throw new FrameTooLargeException(name + " takes " + frame.size()
                    + " bytes, the limit sluice.wire.max-frame is " + settings.maxFrame()
                    + ": send smaller batches, or raise it together with"
                    + " pekko.remote.artery.advanced.maximum-large-frame-size");
        }
        return new WireMessage(manifest(message), name, frame);
    }

    private Frame frame(Object message) {
        registered(message);
        try {
            Conformance.require((Record) message);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(name(message.getClass()) + "." + e.getMessage(), e);
        }
        return kryos.get().write((Record) message);
    }

    private static Registrations.Message registered(Object message) {
        Registrations.Message registered = Registrations.ofType(message.getClass());
        if (registered == null) {
            String name = name(message.getClass());
            throw new IllegalArgumentException(
                    Registrations.isLocal(message.getClass())
                            ? name + " is a Local message, which never leaves the JVM: its recipient must be in the"
                                    + " sender's own system"
                            : name + " is not registered, so it cannot be sent: give it an id and a manifest in "
                                    + Registrations.class.getSimpleName());
        }
        return registered;
    }

    private static String name(Class<?> type) {
        return type.getName().substring(type.getName().lastIndexOf('.') + 1).replace('$', '.');
    }

    /** The innermost cause: Kryo wraps what a record's own constructor says. */
    private static String reason(Throwable e) {
        Throwable cause = e;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        if (isOfTheJvm(cause)) {
            return "a value is missing or of another kind (" + cause.getClass().getSimpleName() + ")";
        }
        return printable(cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage());
    }

    /** These lose their messages where the JVM has compiled what throws them often, so that one cause would read in two ways. */
    private static boolean isOfTheJvm(Throwable cause) {
        return cause instanceof NullPointerException
                || cause instanceof ClassCastException
                || cause instanceof ArrayIndexOutOfBoundsException
                || cause instanceof ArrayStoreException
                || cause instanceof ArithmeticException;
    }

    /** One line of bounded length: it goes to a log and may quote what a stranger sent. */
    private static String printable(String text) {
        String line = text.replace("\nSerialization trace:\n", ", in ").replaceAll("\\p{Cntrl}+", " ");
        return line.length() <= MAX_QUOTED ? line : line.substring(0, MAX_QUOTED) + " …";
    }
}
