package dev.sluice.actors.http;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Locale;

/** Reading and writing bodies. */
final class Json {
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private Json() {}

    static ObjectNode object() {
        return MAPPER.createObjectNode();
    }

    static byte[] bytes(JsonNode node) {
        try {
            return MAPPER.writeValueAsBytes(node);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException("a tree of JSON cannot fail to be written", e);
        }
    }

    /** The object in {@code body}; anything else is a 400 that says where. */
    static ObjectNode read(byte[] body) {
        JsonNode node;
        try {
            node = MAPPER.readTree(body);
        } catch (JsonProcessingException e) {
            String where = e.getLocation() == null
                    ? ""
                    : " at line " + e.getLocation().getLineNr() + ", column "
                            + e.getLocation().getColumnNr();
            throw malformed("the body is not JSON" + where + ": "
                    + e.getOriginalMessage().lines().findFirst().orElse(""));
        } catch (IOException e) {
            throw malformed("the body is not JSON: " + e.getMessage());
        }
        if (!(node instanceof ObjectNode object)) {
            throw malformed("the body must be a JSON object such as {\"n\": 1}, and it is "
                    + (node.isMissingNode()
                            ? "empty"
                            : "of type " + node.getNodeType().name().toLowerCase(Locale.ROOT)));
        }
        return object;
    }

    private static ApiError malformed(String message) {
        return ApiError.of(400, "malformed_json", null, message);
    }
}
