package dev.sluice.protocol.wire;

import com.esotericsoftware.kryo.Kryo;
import com.esotericsoftware.kryo.KryoException;
import com.esotericsoftware.kryo.io.Input;
import com.esotericsoftware.kryo.io.Output;
import com.esotericsoftware.kryo.serializers.ImmutableSerializer;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** An event's fields: names to scalars, which {@link Conformance} holds them to. */
final class FieldsSerializer extends ImmutableSerializer<Map<String, ?>> {
    @Override
    public void write(Kryo kryo, Output output, Map<String, ?> fields) {
        output.writeVarInt(fields.size(), true);
        fields.forEach((name, value) -> {
            TextSerializer.write(output, name);
            kryo.writeClassAndObject(output, value);
        });
    }

    @Override
    public Map<String, ?> read(Kryo kryo, Input input, Class<? extends Map<String, ?>> type) {
        int count = MessageKryo.readCount(input, "fields");
        Map<String, Object> fields = new LinkedHashMap<>();
        for (int i = 0; i < count; i++) {
            String name = TextSerializer.read(input);
            Object value = kryo.readClassAndObject(input);
            if (value == null) {
                throw new KryoException("field " + name + " is null");
            }
            if (fields.put(name, value) != null) {
                throw new KryoException("field " + name + " occurs twice");
            }
        }
        return Collections.unmodifiableMap(fields);
    }
}
