package dev.sluice.runtime.network;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Reads the JSON texts that say what a network is: every key by its name, none missing, none that nobody knows. */
final class CardReader {
    static final ObjectMapper JSON = JsonMapper.builder()
            .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private CardReader() {}

    /**
     * @param kind a record whose components are the keys
     * @param optional keys that may be absent
     * @throws IllegalArgumentException saying what is wrong; nothing of the text but its keys and short values is repeated
     */
    static <C extends Record> C read(byte[] json, Class<C> kind, Set<String> optional) {
        List<String> keys = Arrays.stream(kind.getRecordComponents())
                .map(RecordComponent::getName)
                .toList();
        ObjectNode node = object(json);
        for (String key : keys) {
            if (!optional.contains(key) && (!node.has(key) || node.get(key).isNull())) {
                throw new IllegalArgumentException("the key " + key + " is " + (node.has(key) ? "null" : "missing"));
            }
        }
        requireNoOther(node, keys);
        try {
            return JSON.treeToValue(node, kind);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(problem(e), e);
        }
    }

    /** @throws IllegalArgumentException when it is none, without a word of what it says instead */
    static ObjectNode object(byte[] json) {
        JsonNode root;
        try {
            root = JSON.readTree(json);
        } catch (JsonProcessingException e) {
            // Its own words quote the text, which may be any file's.
            throw new IllegalArgumentException(
                    "torn or not JSON"
                            + (e.getLocation() == null
                                    ? ""
                                    : " (line " + e.getLocation().getLineNr() + ", column "
                                            + e.getLocation().getColumnNr() + ")"),
                    e);
        } catch (IOException e) {
            throw new IllegalArgumentException("torn or not JSON", e);
        }
        if (!(root instanceof ObjectNode object)) {
            throw new IllegalArgumentException("torn or not a JSON object");
        }
        return object;
    }

    /** Refuses keys that nobody reads: one that is misspelt would be as if it were absent. */
    static void requireNoOther(ObjectNode object, List<String> keys) {
        object.fieldNames().forEachRemaining(name -> {
            if (!keys.contains(name)) {
                throw new IllegalArgumentException("it has no key " + ModuleArchive.quoted(name)
                        + nearest(name, keys)
                                .map(key -> "; did you mean " + key + "?")
                                .orElse("; its keys are " + keys));
            }
        });
    }

    private static String problem(JsonProcessingException e) {
        Throwable cause = e;
        while (cause.getCause() != null && cause.getCause() != cause) {
            cause = cause.getCause();
        }
        String where = e instanceof com.fasterxml.jackson.databind.JsonMappingException mapping
                        && !mapping.getPath().isEmpty()
                ? "the key " + mapping.getPath().get(0).getFieldName() + ": "
                : "";
        return where
                + EngineErrors.cause(
                        cause instanceof JsonProcessingException json
                                ? new IllegalArgumentException(json.getOriginalMessage())
                                : cause);
    }

    private static Optional<String> nearest(String name, List<String> keys) {
        if (name.length() > 64) {
            return Optional.empty();
        }
        return keys.stream()
                .filter(key -> distance(name, key) <= 1 + key.length() / 3)
                .min(Comparator.comparingInt(key -> distance(name, key)));
    }

    /** Levenshtein's. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                boolean same = Character.toLowerCase(a.charAt(i - 1)) == Character.toLowerCase(b.charAt(j - 1));
                int best = Math.min(Math.min(row[j], row[j - 1]) + 1, diagonal + (same ? 0 : 1));
                diagonal = row[j];
                row[j] = best;
            }
        }
        return row[b.length()];
    }
}
