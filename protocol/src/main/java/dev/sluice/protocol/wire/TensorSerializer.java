package dev.sluice.protocol.wire;

import com.esotericsoftware.kryo.Kryo;
import com.esotericsoftware.kryo.io.Input;
import com.esotericsoftware.kryo.io.Output;
import com.esotericsoftware.kryo.serializers.ImmutableSerializer;
import dev.sluice.protocol.Tensor;

/** Where a tensor stands in a message: its index among the frame's tensors, whose bytes Kryo never touches. */
final class TensorSerializer extends ImmutableSerializer<Tensor> {
    @Override
    public void write(Kryo kryo, Output output, Tensor tensor) {
        output.writeVarInt(((MessageKryo) kryo).setAside(tensor), true);
    }

    @Override
    public Tensor read(Kryo kryo, Input input, Class<? extends Tensor> type) {
        return ((MessageKryo) kryo).take(input.readVarInt(true));
    }
}
