package dev.sluice.runtime.checkpoint;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.sluice.protocol.file.Durable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * How often the process that trains a run has died with it, since the run last kept something: what kills a process can
 * count nothing itself, so each start is written down before anything is loaded, and taken back when it ends in order. A
 * start that was not taken back is a death.
 *
 * <p>Stateless: what is on the disk is the truth. One process writes at a time, whoever holds the run.
 *
 * @param file in the run's folder; made by the first start
 */
public record Deaths(Path file) {
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .build();

    /**
     * The deaths before a start.
     *
     * @param times with nothing kept between them
     * @param during what the run was at when the process died last, for the user; empty when that is not known
     */
    public record Past(int times, String during) {
        /** Nothing has happened. */
        public static final Past NONE = new Past(0, "");
    }

    private record State(int deaths, boolean underWay, String during) {
        static final State NEW = new State(0, false, "");
    }

    /**
     * A start begins. The one after too many deaths has them for a reason not to begin, and says so; they count no more, so
     * that whoever has mended something may try again.
     *
     * @param most deaths that a run survives
     * @return the deaths before it
     * @throws IOException when it cannot be written down
     */
    public Past begin(int most) throws IOException {
        State was = read();
        Past past = new Past(was.deaths() + (was.underWay() ? 1 : 0), was.during() == null ? "" : was.during());
        write(new State(past.times() > most ? 0 : past.times(), past.times() <= most, ""));
        return past;
    }

    /** The start that is under way is at this now. */
    public void during(String what) throws IOException {
        State was = read();
        if (was.underWay()) {
            write(new State(was.deaths(), true, what));
        }
    }

    /** The run has kept something, or is given up: what was before counts no more. */
    public void forget() throws IOException {
        State was = read();
        if (was.deaths() > 0) {
            write(new State(0, was.underWay(), was.during()));
        }
    }

    /** The start that is under way ends in order. */
    public void ended() throws IOException {
        State was = read();
        if (was.underWay()) {
            write(new State(was.deaths(), false, was.during()));
        }
    }

    /** A file that is not there, or is hurt, accuses nobody. */
    private State read() throws IOException {
        if (!Files.isRegularFile(file)) {
            return State.NEW;
        }
        byte[] text = Files.readAllBytes(file);
        try {
            State state = JSON.readValue(text, State.class);
            return state == null || state.deaths() < 0 ? State.NEW : state;
        } catch (IOException | RuntimeException hurt) {
            return State.NEW;
        }
    }

    private void write(State state) throws IOException {
        Durable.write(file, out -> JSON.writeValue(out, state));
    }
}
