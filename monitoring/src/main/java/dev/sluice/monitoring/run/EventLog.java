package dev.sluice.monitoring.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sluice.protocol.event.EventForm;
import dev.sluice.protocol.event.RunEvent;
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
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;

/**
 * {@code events.jsonl}: what happened in a run, one JSON object a line, in the order of happening. Each has
 * {@code at} (ISO 8601, UTC, milliseconds) and {@code type}; the other fields are the event's own, by name
 * ({@link EventForm}).
 *
 * <p>A line is written at once and whole. One that a crash tore is cut off when the log goes on, and told as
 * {@link RunEvent.TornLineDropped}. Not safe for use by several threads.
 */
public final class EventLog implements Closeable {
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
     * @throws IllegalArgumentException for one of an unknown type
     * @throws IOException when the file cannot be written; the event is lost, later ones may not be
     */
    public void append(RunEvent event) throws IOException {
        String line = line(event);
        lines.open();
        if (torn.isPresent()) {
            String text = torn.get();
            lines.append(line(
                    new RunEvent.TornLineDropped(text.substring(0, Math.min(text.length(), TOLD_OF_A_TORN_LINE)))));
            torn = Optional.empty();
        }
        lines.append(line);
    }

    private String line(RunEvent event) {
        EventForm form = EventForm.of(event);
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("at", clock.instant().truncatedTo(ChronoUnit.MILLIS).toString());
        fields.put("type", form.type());
        fields.putAll(new TreeMap<>(form.fields()));
        try {
            return JSON.writeValueAsString(fields);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
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
    public record Event(Instant at, RunEvent event) {
        /**
         * What its line says beside the time.
         *
         * @throws IllegalArgumentException for an event of an unknown type
         */
        public EventForm form() {
            return EventForm.of(event);
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

        /** Events of one type, in their order. */
        public <T extends RunEvent> List<T> of(Class<T> type) {
            return events.stream()
                    .map(Event::event)
                    .filter(type::isInstance)
                    .map(type::cast)
                    .toList();
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
            } catch (BadEvent e) {
                damaged.add(new DamagedLine(path, number, events.size(), e.getMessage() + ": " + LineFile.shown(line)));
            }
        });
        return new Reading(events, damaged, torn);
    }

    private static Event event(String line) throws BadEvent {
        Instant at;
        String type;
        Map<String, Object> fields;
        try {
            fields = JSON.readValue(line, FIELDS);
            fields.values().removeIf(Objects::isNull);
            at = Instant.parse((String) fields.remove("at"));
            type = Objects.requireNonNull((String) fields.remove("type"));
        } catch (JsonProcessingException | RuntimeException e) {
            throw new BadEvent("not an event with a time and a type, the line is damaged");
        }
        try {
            return new Event(at, new EventForm(type, fields).event());
        } catch (IllegalArgumentException e) {
            throw new BadEvent("not an event of this version (" + e.getMessage() + ")");
        }
    }

    private static final class BadEvent extends Exception {
        private static final long serialVersionUID = 1L;

        BadEvent(String problem) {
            super(problem, null, false, false);
        }
    }
}
