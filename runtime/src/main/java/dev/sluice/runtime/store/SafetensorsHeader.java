package dev.sluice.runtime.store;

import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sluice.protocol.DType;
import dev.sluice.protocol.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The JSON header of a safetensors file: which tensor lies where. Reading trusts nothing: what leaves {@link #parse}
 * lies inside the data, does not overlap, leaves no hole, and has the size that its type and shape say.
 *
 * @param entries in the header's order
 * @param metadata in the header's order
 */
record SafetensorsHeader(List<Entry> entries, Map<String, String> metadata) {
    /** The header's key for what is not a tensor. */
    static final String METADATA = "__metadata__";

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    /** One tensor's place: bytes {@code begin} to {@code end}, exclusive, of the data after the header. */
    record Entry(String name, DType dtype, long[] shape, long begin, long end) {}

    /**
     * Lays tensors out: the header keeps their order, the data puts wider element types first, so that every tensor is
     * aligned to its element size. Readers that map the file need that.
     */
    static SafetensorsHeader of(Map<String, Tensor> tensors, Map<String, String> metadata) {
        Map<String, Long> begins = new LinkedHashMap<>();
        long at = 0;
        for (Map.Entry<String, Tensor> e : widestFirst(tensors)) {
            begins.put(e.getKey(), at);
            at += e.getValue().byteSize();
        }
        List<Entry> entries = new ArrayList<>();
        tensors.forEach((name, tensor) -> {
            long begin = begins.get(name);
            entries.add(new Entry(name, tensor.dtype(), tensor.shape(), begin, begin + tensor.byteSize()));
        });
        return new SafetensorsHeader(entries, metadata);
    }

    /** The order in which {@link #of} lays out the data. */
    static List<Map.Entry<String, Tensor>> widestFirst(Map<String, Tensor> tensors) {
        return tensors.entrySet().stream()
                .sorted(Comparator.comparingInt(e -> -e.getValue().dtype().bytes()))
                .toList();
    }

    /** UTF-8 JSON, padded with spaces to a multiple of 8 bytes. */
    byte[] toJson() throws IOException {
        ObjectNode root = JSON.createObjectNode();
        if (!metadata.isEmpty()) {
            ObjectNode strings = root.putObject(METADATA);
            metadata.forEach(strings::put);
        }
        for (Entry entry : entries) {
            ObjectNode node = root.putObject(entry.name());
            node.put("dtype", code(entry.dtype()));
            ArrayNode shape = node.putArray("shape");
            Arrays.stream(entry.shape()).forEach(shape::add);
            node.putArray("data_offsets").add(entry.begin()).add(entry.end());
        }
        byte[] json = JSON.writeValueAsBytes(root);
        byte[] padded = Arrays.copyOf(json, (json.length + 7) / 8 * 8);
        Arrays.fill(padded, json.length, padded.length, (byte) ' ');
        return padded;
    }

    /**
     * Reads and checks a header.
     *
     * @param dataBytes that follow it in the file
     * @throws IOException saying what is wrong with it; the caller adds the file's name
     */
    static SafetensorsHeader parse(byte[] json, long dataBytes) throws IOException {
        if (json.length == 0 || json[0] != '{') {
            throw new IOException("the header is not a JSON object");
        }
        JsonNode root;
        try {
            root = JSON.readTree(json);
        } catch (IOException e) {
            throw new IOException("the header is not valid JSON: " + firstLine(e.getMessage()), e);
        }
        List<Entry> entries = new ArrayList<>();
        Map<String, String> metadata = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> field : root.properties()) {
            if (field.getKey().equals(METADATA)) {
                strings(field.getValue(), metadata);
            } else {
                entries.add(entry(field.getKey(), field.getValue(), dataBytes));
            }
        }
        tiles(entries, dataBytes);
        return new SafetensorsHeader(entries, metadata);
    }

    private static void strings(JsonNode node, Map<String, String> into) throws IOException {
        if (!node.isObject()) {
            throw new IOException(METADATA + " is not an object of strings");
        }
        for (Map.Entry<String, JsonNode> field : node.properties()) {
            if (!field.getValue().isTextual()) {
                throw new IOException(METADATA + " entry '" + field.getKey() + "' is not a string");
            }
            into.put(field.getKey(), field.getValue().textValue());
        }
    }

    private static Entry entry(String name, JsonNode node, long dataBytes) throws IOException {
        String where = "tensor '" + name + "'";
        if (!node.isObject() || node.size() != 3) {
            throw new IOException(where + " must have exactly dtype, shape and data_offsets");
        }
        DType dtype = dtype(where, node.path("dtype"));
        long[] shape = numbers(where, "shape", node.path("shape"));
        long[] offsets = numbers(where, "data_offsets", node.path("data_offsets"));
        if (offsets.length != 2 || offsets[0] > offsets[1] || offsets[1] > dataBytes) {
            throw new IOException(where + " has data_offsets " + Arrays.toString(offsets)
                    + ", which are not a range within the " + dataBytes + " bytes of data");
        }
        long bytes = bytes(where, dtype, shape);
        if (offsets[1] - offsets[0] != bytes) {
            throw new IOException(where + " of dtype " + code(dtype) + " and shape " + Arrays.toString(shape)
                    + " takes " + bytes + " bytes, its data_offsets hold " + (offsets[1] - offsets[0]));
        }
        return new Entry(name, dtype, shape, offsets[0], offsets[1]);
    }

    private static long bytes(String where, DType dtype, long[] shape) throws IOException {
        boolean fits = shape.length <= Tensor.MAX_RANK;
        long elements = 1;
        for (long d : shape) {
            // Both factors stay below 2^31, so the product does not overflow.
            fits = fits && d <= Integer.MAX_VALUE && (elements *= d) <= Integer.MAX_VALUE / Double.BYTES;
        }
        if (!fits) {
            throw new IOException(where + " has shape " + Arrays.toString(shape) + ", which is too large: at most "
                    + Tensor.MAX_RANK + " axes and " + Integer.MAX_VALUE / Double.BYTES + " elements are read");
        }
        return elements * dtype.bytes();
    }

    private static long[] numbers(String where, String key, JsonNode node) throws IOException {
        if (!node.isArray()) {
            throw new IOException(where + " has no array " + key);
        }
        long[] numbers = new long[node.size()];
        for (int i = 0; i < numbers.length; i++) {
            JsonNode n = node.get(i);
            if (!n.isIntegralNumber() || !n.canConvertToLong() || n.longValue() < 0) {
                throw new IOException(
                        where + " has " + firstLine(n.toString()) + " in its " + key + "; whole numbers from 0 can be");
            }
            numbers[i] = n.longValue();
        }
        return numbers;
    }

    private static void tiles(List<Entry> entries, long dataBytes) throws IOException {
        List<Entry> byPlace = new ArrayList<>(entries);
        byPlace.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
        long at = 0;
        for (Entry entry : byPlace) {
            if (entry.begin() != at) {
                throw new IOException("tensor '" + entry.name() + "' begins at byte " + entry.begin()
                        + (entry.begin() < at ? ", inside the one before it, which ends at " : ", but data ends at ")
                        + at);
            }
            at = entry.end();
        }
        if (at != dataBytes) {
            throw new IOException("the tensors take " + at + " bytes of data, the file holds " + dataBytes);
        }
    }

    private static String code(DType dtype) {
        return switch (dtype) {
            case FLOAT32 -> "F32";
            case FLOAT64 -> "F64";
            case INT64 -> "I64";
        };
    }

    private static DType dtype(String where, JsonNode node) throws IOException {
        for (DType dtype : DType.values()) {
            if (code(dtype).equals(node.textValue())) {
                return dtype;
            }
        }
        throw new IOException(where + " has dtype " + firstLine(node.toString()) + "; F32, F64 and I64 are read");
    }

    /** What a hostile file says must not fill the log. */
    private static String firstLine(String text) {
        String line = String.valueOf(text).lines().findFirst().orElse("");
        return line.length() <= 200 ? line : line.substring(0, 200) + "…";
    }
}
