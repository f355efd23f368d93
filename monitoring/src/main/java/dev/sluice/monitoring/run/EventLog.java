package dev.sluice.monitoring.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * {@code events.jsonl}: what happened in a run, one JSON object a line, in the order of happening (contracts, R). Each
 * has {@code at} (ISO 8601, UTC, milliseconds) and {@code type}; the other fields are the event's own, by name.
 *
 * <p>A line is written at once and whole. One that a crash tore is cut off when the log goes on, and told as the event
 * {@value #TORN}. Not safe for use by several threads.
 */
public final class EventLog implements Closeable {
    /** Type of the event that tells of a line cut off; its field {@code text} has what was there of it. */
    public static final String TORN = "torn-line-dropped";

    private static final ObjectMapper JSON = new ObjectMapper();
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
    }

    /**
     * A whole log.
     *
     * @param torn what is there of a last line that was not finished
     */
    public record Reading(List<Event> events, Optional<String> torn) {
        public Reading {
            events = List.copyOf(events);
        }
    }

    /**
     * Reads a log, also one that is still being written.
     *
     * @throws IOException when it cannot be read, or a line before the last is not an event; the message has its number
     */
    public static Reading read(Path path) throws IOException {
        List<Event> events = new ArrayList<>();
        // Unlike Files.newBufferedReader, this one survives a character that was torn in the middle.
        try (Reader reader =
                new BufferedReader(new InputStreamReader(Files.newInputStream(path), StandardCharsets.UTF_8))) {
            StringBuilder line = new StringBuilder();
            for (int c = reader.read(); c >= 0; c = reader.read()) {
                if (c == '\n') {
                    events.add(event(path, events.size() + 1, line.toString()));
                    line.setLength(0);
                } else {
                    line.append((char) c);
                }
            }
            return new Reading(events, line.isEmpty() ? Optional.empty() : Optional.of(line.toString()));
        }
    }

    private static Event event(Path path, int number, String line) throws IOException {
        try {
            Map<String, Object> fields = JSON.readValue(line, new TypeReference<LinkedHashMap<String, Object>>() {});
            Instant at = Instant.parse((String) fields.remove("at"));
            String type = fields.remove("type").toString();
            return new Event(at, type, fields);
        } catch (JsonProcessingException | RuntimeException e) {
            throw new IOException(
                    path + ", line " + number + ": not an event with a time and a type, the log is damaged: " + line,
                    e);
        }
    }
}
