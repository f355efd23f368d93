package dev.sluice.protocol.wire;

import com.esotericsoftware.kryo.Kryo;
import com.esotericsoftware.kryo.KryoException;
import com.esotericsoftware.kryo.Registration;
import com.esotericsoftware.kryo.io.Input;
import com.esotericsoftware.kryo.io.Output;
import com.esotericsoftware.kryo.util.DefaultClassResolver;
import dev.sluice.protocol.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;

/**
 * A Kryo that knows the classes of {@link Registrations} and no other, and that leaves tensors to the {@link Frame}:
 * where a tensor stands in a message, Kryo writes its index.
 *
 * <p>References are off: messages are trees of values. Not thread-safe; one a thread.
 */
final class MessageKryo extends Kryo {
    /** The deepest message has five levels; a hostile list of lists of lists would have thousands. */
    private static final int MAX_DEPTH = 8;

    /**
     * Kryo reads a class's name where the id says "by name", and loads that class, even when registration is required.
     */
    private static final class IdsOnly extends DefaultClassResolver {
        @Override
        protected Registration readName(Input input) {
            throw new KryoException("it names a class instead of giving a registered id");
        }
    }

    private List<Tensor> tensors = List.of();
    private int tensorsRead;

    MessageKryo(ActorRefResolver actors) {
        super(new IdsOnly(), null);
        setRegistrationRequired(true);
        setOptimizedGenerics(false);
        setMaxDepth(MAX_DEPTH);
        Registrations.register(this, actors);
    }

    /** Every implementation of List and ActorRef goes by the interface: which one it was does not cross the wire. */
    @Override
    @SuppressWarnings("rawtypes") // as Kryo declares it
    public Registration getRegistration(Class type) {
        if (List.class.isAssignableFrom(type)) {
            return super.getRegistration(List.class);
        }
        if (ActorRef.class.isAssignableFrom(type)) {
            return super.getRegistration(ActorRef.class);
        }
        return super.getRegistration(type);
    }

    /** Writes {@code message} and takes its tensors out of it, in the order of their indices. */
    Frame write(Record message) {
        tensors = new ArrayList<>();
        try {
            Output output = new Output(512, -1);
            writeClass(output, message.getClass());
            writeObject(output, message);
            return new Frame(output.getBuffer(), output.position(), List.copyOf(tensors));
        } finally {
            tensors = List.of();
        }
    }

    /**
     * Reads a {@code type} and puts the frame's tensors back.
     *
     * @throws RuntimeException of any kind when the bytes are not exactly such a message
     */
    <T extends Record> T read(Frame frame, Class<T> type) {
        tensors = frame.tensors();
        tensorsRead = 0;
        try {
            Input input = new Input(frame.kryo(), 0, frame.kryoLength());
            Registration registration = readClass(input);
            if (registration == null || registration.getType() != type) {
                throw new KryoException("it holds "
                        + (registration == null
                                ? "nothing"
                                : "a " + registration.getType().getSimpleName()));
            }
            T message = readObject(input, type);
            if (input.position() != input.limit()) {
                throw new KryoException((input.limit() - input.position()) + " bytes follow the message");
            }
            if (tensorsRead != tensors.size()) {
                throw new KryoException(
                        "it has " + tensors.size() + " tensors, the message has places for " + tensorsRead);
            }
            return message;
        } finally {
            tensors = List.of();
        }
    }

    /** Sets {@code tensor} aside for the frame and gives its index. */
    int setAside(Tensor tensor) {
        tensors.add(tensor);
        return tensors.size() - 1;
    }

    /** The frame's tensor at {@code index}. Each is taken once, in order, as {@link #setAside} numbered them. */
    Tensor take(int index) {
        if (index != tensorsRead || index >= tensors.size()) {
            throw new KryoException("it asks for tensor " + index + " where tensor " + tensorsRead + " of "
                    + tensors.size() + " is due");
        }
        return tensors.get(tensorsRead++);
    }

    /** Reads a number of things that take at least a byte each, and refuses more than there are bytes. */
    static int readCount(Input input, String what) {
        int count = input.readVarInt(true);
        int remaining = input.limit() - input.position();
        if (count < 0 || count > remaining) {
            throw new KryoException("it claims " + Integer.toUnsignedString(count) + " " + what + ", only " + remaining
                    + " bytes are there");
        }
        return count;
    }
}
