package dev.sluice.protocol.wire;

import com.esotericsoftware.kryo.Kryo;
import com.esotericsoftware.kryo.KryoException;
import com.esotericsoftware.kryo.io.Input;
import com.esotericsoftware.kryo.io.Output;
import com.esotericsoftware.kryo.serializers.ImmutableSerializer;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * Strings as UTF-8 after their length in bytes. An unpaired surrogate is no text: it arrives as a question mark, so that
 * a message that quotes a broken prompt still arrives.
 */
final class TextSerializer extends ImmutableSerializer<String> {
    static void write(Output output, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        output.writeVarInt(bytes.length, true);
        output.writeBytes(bytes);
    }

    static String read(Input input) {
        byte[] bytes = input.readBytes(MessageKryo.readCount(input, "bytes of text"));
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new KryoException("text that is not UTF-8");
        }
    }

    @Override
    public void write(Kryo kryo, Output output, String text) {
        write(output, text);
    }

    @Override
    public String read(Kryo kryo, Input input, Class<? extends String> type) {
        return read(input);
    }
}
