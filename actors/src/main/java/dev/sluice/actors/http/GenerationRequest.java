package dev.sluice.actors.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sluice.actors.sampler.Classes;
import dev.sluice.protocol.ModelCard;
import java.util.Iterator;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;

/**
 * The body of {@code POST /v1/images/generations}, read against the model that is served.
 *
 * @param model that was asked for, by name or exact version; empty where none was
 * @param label class index, −1 for none
 * @param seeds one an image
 * @param format of the samples in the answer
 */
record GenerationRequest(String model, int label, List<Long> seeds, Format format) {
    /** How a sample is written. */
    enum Format {
        /** A PNG file, base64; of images only. */
        B64_JSON,
        /** The raw floats, row-major. */
        VALUES
    }

    private static final int MOST_IMAGES = 10;

    /** Above it not every whole number is a double. */
    private static final double LARGEST_EXACT = 1L << 53;

    private static final Set<String> KNOWN =
            new TreeSet<>(List.of("prompt", "model", "n", "size", "response_format", "output_format", "seed"));

    /** OpenAI's own, which its clients may send and which mean nothing here. */
    private static final Set<String> IGNORED =
            Set.of("user", "quality", "style", "background", "moderation", "output_compression", "partial_images");

    /** What a diffusion pipeline takes, and a distilled model has built in. */
    private static final Set<String> BUILT_IN = Set.of(
            "steps",
            "num_steps",
            "num_inference_steps",
            "guidance",
            "guidance_scale",
            "cfg_scale",
            "negative_prompt",
            "strength",
            "sampler",
            "scheduler");

    /**
     * @param random where the first seed comes from when the request has none
     * @throws ApiError naming the field that is wrong
     */
    static GenerationRequest read(ObjectNode body, ModelCard card, LongSupplier random) {
        for (Iterator<String> names = body.fieldNames(); names.hasNext(); ) {
            String name = names.next();
            if (!KNOWN.contains(name) && !IGNORED.contains(name) && !name.equals("stream")) {
                throw ApiError.of(
                        400,
                        "unknown_field",
                        name,
                        "there is no field " + name + "; the fields are " + String.join(", ", KNOWN)
                                + (BUILT_IN.contains(name)
                                        ? ". Steps and guidance are distilled into the model: every sample takes the"
                                                + " nfe network evaluations that /v1/models tells, with the guidance"
                                                + " of its training"
                                        : ""));
            }
        }
        stream(body);
        size(body, card);
        Format format = format(body, card);
        return new GenerationRequest(model(body), label(body, card), seeds(body, count(body), random), format);
    }

    /** The model that a body asks for; empty where it asks for none. */
    static String model(ObjectNode body) {
        return text(body, "model", "");
    }

    private static void stream(ObjectNode body) {
        JsonNode stream = field(body, "stream");
        if (stream != null && !(stream.isBoolean() && !stream.booleanValue())) {
            throw ApiError.field("stream", "stream must be false: an answer comes whole");
        }
    }

    private static int count(ObjectNode body) {
        JsonNode n = field(body, "n");
        if (n == null) {
            return 1;
        }
        OptionalLong count = whole(n);
        if (count.isEmpty() || count.getAsLong() < 1 || count.getAsLong() > MOST_IMAGES) {
            throw ApiError.field("n", "n = " + n + " must be a whole number between 1 and " + MOST_IMAGES);
        }
        return (int) count.getAsLong();
    }

    /** A whole number of 64 bits, also where it is written as 3.0 or "3", as forms and spreadsheets do. */
    private static OptionalLong whole(JsonNode node) {
        if (node.isIntegralNumber()) {
            return node.canConvertToLong() ? OptionalLong.of(node.longValue()) : OptionalLong.empty();
        }
        if (node.isNumber()) {
            double value = node.doubleValue();
            return value == Math.rint(value) && Math.abs(value) <= LARGEST_EXACT
                    ? OptionalLong.of((long) value)
                    : OptionalLong.empty();
        }
        try {
            return node.isTextual()
                    ? OptionalLong.of(Long.parseLong(node.textValue().strip()))
                    : OptionalLong.empty();
        } catch (NumberFormatException e) {
            return OptionalLong.empty();
        }
    }

    private static List<Long> seeds(ObjectNode body, int count, LongSupplier random) {
        JsonNode seed = field(body, "seed");
        long first = seed == null
                ? random.getAsLong()
                : whole(seed)
                        .orElseThrow(
                                () -> ApiError.field("seed", "seed = " + seed + " must be a whole number of 64 bits"));
        if (first > Long.MAX_VALUE - (count - 1)) {
            throw ApiError.field(
                    "seed",
                    "seed = " + first + " with n = " + count + ": image i has the seed + i, and the last one is beyond"
                            + " 64 bits");
        }
        return IntStream.range(0, count).mapToObj(i -> first + i).toList();
    }

    private static void size(ObjectNode body, ModelCard card) {
        String size = text(body, "size", "auto").strip();
        if (size.isEmpty() || size.equalsIgnoreCase("auto")) {
            return;
        }
        if (!card.isImage()) {
            throw ApiError.field("size", card.name() + " makes points, which have no size; leave it out");
        }
        String own = card.sampleShape().get(2) + "x" + card.sampleShape().get(1);
        if (!size.replace(" ", "").equalsIgnoreCase(own)) {
            throw ApiError.field(
                    "size",
                    "size = \"" + size + "\": " + card.name() + " makes images of " + own
                            + " only; leave size out, or send \"auto\"");
        }
    }

    private static Format format(ObjectNode body, ModelCard card) {
        // PNG knows grey and RGB.
        boolean drawable = card.isImage()
                && (card.sampleShape().get(0) == 1 || card.sampleShape().get(0) == 3);
        String output = text(body, "output_format", "png");
        if (!output.equals("png")) {
            throw ApiError.field("output_format", "output_format = \"" + output + "\" must be \"png\"");
        }
        String format = text(body, "response_format", drawable ? "b64_json" : "values");
        switch (format) {
            case "values":
                return Format.VALUES;
            case "b64_json":
                if (drawable) {
                    return Format.B64_JSON;
                }
                throw ApiError.field(
                        "response_format",
                        card.name() + " makes samples of shape " + card.sampleShape()
                                + ", which are no pictures: response_format must be \"values\", the raw numbers");
            default:
                throw ApiError.field(
                        "response_format",
                        "response_format = \"" + format + "\" must be \"b64_json\" or \"values\"; files are not hosted"
                                + " here, so there are no URLs");
        }
    }

    private static int label(ObjectNode body, ModelCard card) {
        JsonNode prompt = field(body, "prompt");
        if (prompt != null && !prompt.isTextual() && !prompt.isIntegralNumber()) {
            throw ApiError.field("prompt", "prompt must be a string or a whole number, and it is " + prompt);
        }
        String asked = prompt == null ? "" : prompt.asText().strip();
        if (asked.isEmpty()) {
            return -1;
        }
        List<String> names = card.classNames();
        if (names.isEmpty()) {
            throw ApiError.field("prompt", card.name() + " has no classes; leave the prompt out or empty");
        }
        return Classes.index(names, asked)
                .orElseThrow(() -> ApiError.field(
                        "prompt",
                        "there is no class \"" + asked + "\": prompt is the name or the index of one of "
                                + Classes.list(names)));
    }

    private static String text(ObjectNode body, String name, String otherwise) {
        JsonNode node = field(body, name);
        if (node == null) {
            return otherwise;
        }
        if (!node.isTextual()) {
            throw ApiError.field(name, name + " must be a string, and it is " + node);
        }
        return node.textValue();
    }

    /** The field, or null where it is absent or null, which clients treat alike. */
    private static JsonNode field(ObjectNode body, String name) {
        JsonNode node = body.get(name);
        return node == null || node.isNull() ? null : node;
    }
}
