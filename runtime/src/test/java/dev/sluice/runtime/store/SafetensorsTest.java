package dev.sluice.runtime.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.protocol.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsTest {
    @TempDir
    Path folder;

    private static Safetensors sample() {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put("samples", Tensor.of(new float[] {1, -2, Float.NaN}, 3, 1));
        tensors.put("labels", Tensor.of(new long[] {7, Long.MIN_VALUE}, 2));
        tensors.put("times \"ü\"", Tensor.of(new double[] {0.1}, 1));
        tensors.put("scalar", Tensor.of(new float[] {4}));
        tensors.put("nothing", Tensor.of(new float[0], 0, 5));
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("step", "12");
        metadata.put("about", "α\n");
        return new Safetensors(tensors, metadata);
    }

    private Path file(byte[] header, byte[] data) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(8 + header.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(header.length).put(header).put(data);
        return Files.write(folder.resolve("crafted.safetensors"), bytes.array());
    }

    private Path file(String header, int dataBytes) throws IOException {
        return file(header.getBytes(StandardCharsets.UTF_8), new byte[dataBytes]);
    }

    @Test
    void whatIsWrittenIsReadBackInItsOrder() throws IOException {
        Path file = folder.resolve("a.safetensors");
        sample().write(file);

        Safetensors read = Safetensors.read(file);

        assertThat(read).isEqualTo(sample());
        assertThat(read.tensors().keySet()).containsExactly("samples", "labels", "times \"ü\"", "scalar", "nothing");
        assertThat(read.metadata()).containsExactly(Map.entry("step", "12"), Map.entry("about", "α\n"));
    }

    @Test
    void theBytesAreThoseOfTheFormat() throws IOException {
        Path file = folder.resolve("a.safetensors");
        new Safetensors(Map.of("x", Tensor.of(new float[] {1, 2}, 2)), Map.of("k", "v")).write(file);

        byte[] bytes = Files.readAllBytes(file);
        String json = "{\"__metadata__\":{\"k\":\"v\"},\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
        ByteBuffer view = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int header = (int) view.getLong();
        assertThat(header).isEqualTo((json.length() + 7) / 8 * 8);
        assertThat(new String(bytes, 8, header, StandardCharsets.UTF_8).stripTrailing())
                .isEqualTo(json);
        assertThat(view.getFloat(8 + header)).isEqualTo(1f);
        assertThat(view.getFloat(12 + header)).isEqualTo(2f);
        assertThat(bytes).hasSize(16 + header);
    }

    @Test
    void everyTensorIsAlignedToItsElementSize() throws IOException {
        Path file = folder.resolve("a.safetensors");
        sample().write(file);
        byte[] bytes = Files.readAllBytes(file);
        int header = (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
        byte[] json = java.util.Arrays.copyOfRange(bytes, 8, 8 + header);

        assertThat(header % 8).isZero();
        assertThat(SafetensorsHeader.parse(json, bytes.length - 8 - header).entries())
                .hasSize(5)
                .allSatisfy(e -> assertThat(e.begin() % e.dtype().bytes()).isZero());
    }

    @Test
    void equalContentGivesEqualBytes() throws IOException {
        sample().write(folder.resolve("a"));
        sample().write(folder.resolve("b"));

        assertThat(Sha256.of(folder.resolve("a"))).isEqualTo(Sha256.of(folder.resolve("b")));
    }

    @Test
    void noTensorsAreAFileToo() throws IOException {
        Safetensors empty = new Safetensors(Map.of(), Map.of());
        empty.write(folder.resolve("a"));

        assertThat(Safetensors.read(folder.resolve("a"))).isEqualTo(empty);
    }

    @Test
    void theMetadataKeyCannotNameATensor() {
        Map<String, Tensor> tensors = Map.of("__metadata__", Tensor.of(new float[1], 1));

        assertThatThrownBy(() -> new Safetensors(tensors, Map.of()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no tensor can be named __metadata__");
    }

    @Test
    void aMissingFileIsNamed() {
        assertThatThrownBy(() -> Safetensors.read(folder.resolve("gone")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("gone does not exist");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
        {"x":{"dtype":"F32","shape":[2],"data_offsets":[0,16]}}| 8| not a range within the 8 bytes
        {"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}| 8| not a range within the 8 bytes
        {"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}| 8| not a range within
        {"x":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}| 8| shape [3] takes 12 bytes, its data_offsets hold 8
        {"x":{"dtype":"F64","shape":[2],"data_offsets":[0,8]}}| 8| takes 16 bytes, its data_offsets hold 8
        {"x":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}}| 8| tensor 'x' has dtype "BF16"; F32, F64 and I64 are read
        {"x":{"dtype":5,"shape":[4],"data_offsets":[0,8]}}| 8| has dtype 5
        {"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}| 8| has -2 in its shape
        {"x":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}| 8| has 2.0 in its shape
        {"x":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}}| 8| has "2" in its shape
        {"x":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551624]}}| 8| has 18446744073709551624 in its data_offsets
        {"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}| 0| which is too large
        {"x":{"dtype":"F32","shape":[65536,65536],"data_offsets":[0,0]}}| 0| which is too large
        {"x":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}| 4| which is too large: at most 8 axes
        {"x":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}| 8| tensor 'x' has no array shape
        {"x":{"dtype":"F32","shape":[2]}}| 8| tensor 'x' must have exactly dtype, shape and data_offsets
        {"x":[]}| 0| tensor 'x' must have exactly
        {"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}| 8| the tensors take 4 bytes of data, the file holds 8
        {"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}| 8| begins at byte 4, but data ends at 0
        {"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"y":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}| 8| 'y' begins at byte 4, inside the one before it
        {"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}| 8| not valid JSON: Duplicate field 'x'
        {"__metadata__":{"a":1}}| 0| __metadata__ entry 'a' is not a string
        {"__metadata__":"a"}| 0| __metadata__ is not an object
        {"x":{"dtype":"F32"| 0| the header is not valid JSON
        {} {}| 0| the header is not valid JSON
        [1,2]| 0| the header is not a JSON object
        """)
    void aHeaderThatLiesIsRefused(String header, int dataBytes, String message) throws IOException {
        Path file = file(header, dataBytes);

        assertThatThrownBy(() -> Safetensors.read(file))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("crafted.safetensors cannot be read as safetensors")
                .hasMessageContaining(message);
    }

    @ParameterizedTest
    @CsvSource({"-1", "0", "1", "9223372036854775807", "100000001", "17"})
    void aHeaderLengthThatLiesIsRefusedBeforeAnythingIsAllocated(long length) throws IOException {
        ByteBuffer bytes =
                ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
        Path file = Files.write(folder.resolve("lie"), bytes.array());

        assertThatThrownBy(() -> Safetensors.read(file))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("announces a header of " + Long.toUnsignedString(length) + " bytes");
    }

    @Test
    void aDeeplyNestedHeaderIsRefused() throws IOException {
        Path file = file("{\"a\":" + "[".repeat(1_000_000), 0);

        assertThatThrownBy(() -> Safetensors.read(file))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("not valid JSON");
    }

    @Test
    void aFileTornAnywhereIsRefused() throws IOException {
        Path whole = folder.resolve("whole");
        sample().write(whole);
        byte[] bytes = Files.readAllBytes(whole);
        Path torn = folder.resolve("torn");

        for (int length = 0; length < bytes.length; length++) {
            Files.write(torn, java.util.Arrays.copyOf(bytes, length));
            assertThatThrownBy(() -> Safetensors.read(torn))
                    .as("the first %d bytes", length)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("torn cannot be read as safetensors");
        }
    }

    /** Whatever bytes change, reading ends with tensors or with an IOException, never with anything else. */
    @Test
    void changedBytesNeverDoMoreThanFail() throws IOException {
        Path whole = folder.resolve("whole");
        sample().write(whole);
        byte[] bytes = Files.readAllBytes(whole);
        Path changed = folder.resolve("changed");
        Random random = new Random(5);
        int refused = 0;
        for (int i = 0; i < 3000; i++) {
            byte[] copy = bytes.clone();
            for (int k = 0; k <= random.nextInt(3); k++) {
                copy[random.nextInt(copy.length)] = (byte) random.nextInt(256);
            }
            Files.write(changed, copy);
            try {
                assertThat(Safetensors.read(changed).tensors()).isNotNull();
            } catch (IOException e) {
                assertThat(e).hasMessageContaining("changed cannot be read as safetensors");
                refused++;
            }
        }
        assertThat(refused).isBetween(1000, 2999);
    }
}
