package dev.sluice.protocol.wire;

import com.esotericsoftware.kryo.Kryo;
import com.esotericsoftware.kryo.KryoException;
import com.esotericsoftware.kryo.io.Input;
import com.esotericsoftware.kryo.io.Output;
import com.esotericsoftware.kryo.serializers.ImmutableSerializer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Lists of any implementation, read as unmodifiable ones. */
final class ListSerializer extends ImmutableSerializer<List<?>> {
    @Override
    public void write(Kryo kryo, Output output, List<?> list) {
        output.writeVarInt(list.size(), true);
        for (Object element : list) {
            kryo.writeClassAndObject(output, element);
        }
    }

    @Override
    public List<?> read(Kryo kryo, Input input, Class<? extends List<?>> type) {
        int count = MessageKryo.readCount(input, "list elements");
        // Grows with what is really there, because nested lists may each claim everything that remains.
        List<Object> list = new ArrayList<>(Math.min(count, 16));
        for (int i = 0; i < count; i++) {
            Object element = kryo.readClassAndObject(input);
            if (element == null) {
                throw new KryoException("element " + i + " of a list is null");
            }
            list.add(element);
        }
        return Collections.unmodifiableList(list);
    }
}
