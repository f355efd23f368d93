package dev.sluice.monitoring.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sluice.protocol.Epoch;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * {@code events.jsonl}: what happened in a run, one JSON object a line, in the order of happening. Each
 * has {@code at} (ISO 8601, UTC, milliseconds) and {@code type}; the other fields are the event's own, by name.
 *
 * <p>A line is written at once and whole. One that a crash tore is cut off when the log goes on, and told as the event
 * {@value #TORN}. Not safe for use by several threads.
 */
public final class EventLog implements Closeable {
    /** Type of the event that tells of a line cut off; its field {@code text} has what was there of it. */
    public static final String TORN = "torn-line-dropped";

    /** Field of the events that belong to a start: its {@link Epoch}. */
    private static final String EPOCH = "epoch";

    // What follows the object on its line is damage as well.
    private static final ObjectMapper JSON = new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
    private static final TypeReference<LinkedHashMap<String, Object>> FIELDS = new TypeReference<>() {};
    private static final int TOLD_OF_A_TORN_LINE = 200;

    private final Clock clock;
    private final LineFile lines;
    private Optional<String> torn = Optional.empty();

    /** Opens nothing yet: the first {@link #append} does, and its caller is told what goes wrong. */
    public EventLog(Path path, Clock clock) {
        this.clock = clock;
        this.lines = new LineFile(path, text -> torn = Optional.of(text));
    }

    /**
     * Adds an event.
     *
     * @param fields values that JSON knows; names other than {@code at} and {@code type}
     * @throws IllegalArgumentException when a field has a reserved name or a value that JSON does not know
     * @throws IOException when the file cannot be written; the event is lost, later ones may not be
     */
    public void append(String type, Map<String, ?> fields) throws IOException {
        String line = line(type, fields);
        lines.open();
        if (torn.isPresent()) {
            String text = torn.get();
            String told = text.substring(0, Math.min(text.length(), TOLD_OF_A_TORN_LINE));
            lines.append(line(TORN, Map.of("text", told)));
            torn = Optional.empty();
        }
        lines.append(line);
    }

    private String line(String type, Map<String, ?> fields) {
        Map<String, Object> event = new LinkedHashMap<>();
        event.put("at", clock.instant().truncatedTo(ChronoUnit.MILLIS).toString());
        event.put("type", type);
        new TreeMap<>(fields).forEach((name, value) -> {
            if (event.putIfAbsent(name, value) != null) {
                throw new IllegalArgumentException(
                        "event " + type + " has a field " + name + " twice; at and type are the log's own");
            }
        });
        try {
            return JSON.writeValueAsString(event);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("event " + type + " cannot be written as JSON: " + fields, e);
        }
    }

    /** Onto the disk, whatever happens to the machine. */
    public void force() throws IOException {
        lines.force();
    }

    @Override
    public void close() throws IOException {
        lines.close();
    }

    /** One line of a log. */
    public record Event(Instant at, String type, Map<String, Object> fields) {
        public Event {
            fields = Map.copyOf(fields);
        }

        /** Of the start that it belongs to; empty for an event that names none. */
        public OptionalInt epoch() {
            return Epoch.of(fields.get(EPOCH));
        }

        /** A field as text; empty when there is none or it is something else. */
        public Optional<String> text(String name) {
            return fields.get(name) instanceof String text ? Optional.of(text) : Optional.empty();
        }

        /** A field that is a whole number; empty when there is none or it is something else. */
        public OptionalLong number(String name) {
            Object value = fields.get(name);
            return value instanceof Integer || value instanceof Long
                    ? OptionalLong.of(((Number) value).longValue())
                    : OptionalLong.empty();
        }
    }

    /**
     * A whole log.
     *
     * @param damaged lines that are no events, in their order
     * @param torn what is there of a last line that was not finished
     */
    public record Reading(List<Event> events, List<DamagedLine> damaged, Optional<String> torn) {
        /** Of a run that has not begun. */
        public static final Reading NOTHING = new Reading(List.of(), List.of(), Optional.empty());

        public Reading {
            events = List.copyOf(events);
            damaged = List.copyOf(damaged);
        }

        /** Events of one type. */
        public List<Event> of(String type) {
            return events.stream().filter(event -> event.type().equals(type)).toList();
        }
    }

    /**
     * Reads a log, also one that is still being written. A line that is damaged is told of and read over.
     *
     * @throws IOException when it cannot be read
     */
    public static Reading read(Path path) throws IOException {
        List<Event> events = new ArrayList<>();
        List<DamagedLine> damaged = new ArrayList<>();
        Optional<String> torn = LineFile.read(path, (number, line) -> {
            try {
                events.add(event(line));
            } catch (JsonProcessingException | RuntimeException e) {
                damaged.add(new DamagedLine(
                        path,
                        number,
                        events.size(),
                        "not an event with a time and a type, the line is damaged: " + LineFile.shown(line)));
            }
        });
        return new Reading(events, damaged, torn);
    }

    private static Event event(String line) throws JsonProcessingException {
        Map<String, Object> fields = JSON.readValue(line, FIELDS);
        Instant at = Instant.parse((String) fields.remove("at"));
        String type = (String) fields.remove("type");
        if (type == null
                || fields.containsKey(EPOCH) && Epoch.of(fields.get(EPOCH)).isEmpty()) {
            throw new IllegalArgumentException("no type, or an epoch that is none");
        }
        return new Event(at, type, fields);
    }
}
