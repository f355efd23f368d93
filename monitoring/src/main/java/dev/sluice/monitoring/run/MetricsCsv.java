package dev.sluice.monitoring.run;

import dev.sluice.protocol.CycleReport;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * {@code metrics.csv}: one line a committed cycle, in any locale the same; what is not a number reads {@code NaN}.
 * Not safe for use by several threads.
 */
public final class MetricsCsv implements Closeable {
    /** The first line. */
    public static final String HEADER = "phase,cycle,seconds,critic_loss,critic_excess,gradient_magnitude,"
            + "gradient_norm,stepped,skipped_critic_updates";

    private static final int COLUMNS = HEADER.split(",").length;

    private final Path path;
    private final LineFile lines;
    private boolean ours;

    /** Opens nothing yet: the first {@link #append} does, and its caller is told what goes wrong. */
    public MetricsCsv(Path path) {
        this.path = path;
        // A cycle whose line was torn is in the event log or is run again; half its numbers help nobody.
        this.lines = new LineFile(path, text -> {});
    }

    /**
     * Adds a cycle.
     *
     * @param elapsedMillis since the run began
     * @throws IOException when the file cannot be written, or holds something else
     */
    public void append(CycleReport report, long elapsedMillis) throws IOException {
        if (lines.isEmpty()) {
            lines.append(HEADER);
        } else if (!isOurs()) {
            throw new IOException(path + " does not begin with " + HEADER + "; it is not this program's, move it away");
        }
        lines.append(String.join(
                ",",
                Integer.toString(report.phase()),
                Integer.toString(report.cycle()),
                Double.toString(elapsedMillis / 1000.0),
                Double.toString(report.critic().meanLoss()),
                Double.toString(report.critic().excess()),
                Double.toString(report.gradientMagnitude()),
                Double.toString(report.gradientNorm()),
                Boolean.toString(report.stepped()),
                Integer.toString(report.critic().skipped())));
    }

    /** A first line that is damaged costs itself, not the cycles that are to come. */
    private boolean isOurs() throws IOException {
        ours = ours
                || lines.firstLine(2 * HEADER.length()).equals(HEADER)
                || !reading(path).rows().isEmpty();
        return ours;
    }

    /**
     * Drops the cycles from {@code cycle} of {@code phase} on, because they are run again.
     *
     * @throws IOException when the file cannot be read or cut
     */
    public void rewind(int phase, int cycle) throws IOException {
        lines.truncate(line -> isFrom(line, phase, cycle));
    }

    /** A line that is damaged says nothing; it goes when one before it does. */
    private static boolean isFrom(String line, int phase, int cycle) {
        return row(line)
                .filter(row -> row.phase() > phase || (row.phase() == phase && row.cycle() >= cycle))
                .isPresent();
    }

    /**
     * What identifies a line, when it was written, and whether its step was taken.
     *
     * @param seconds since the run began
     */
    public record Row(int phase, int cycle, double seconds, boolean stepped) {}

    /**
     * A whole file; a last line that was not finished is left out.
     *
     * @param damaged lines that are no cycles, in their order
     */
    public record Reading(List<Row> rows, List<DamagedLine> damaged) {
        /** Of a run without a committed cycle. */
        public static final Reading NOTHING = new Reading(List.of(), List.of());

        public Reading {
            rows = List.copyOf(rows);
            damaged = List.copyOf(damaged);
        }
    }

    /**
     * Reads a file, also one that is still being written. A line that is damaged is told of and read over.
     *
     * @throws IOException when it cannot be read
     */
    public static Reading reading(Path path) throws IOException {
        List<Row> rows = new ArrayList<>();
        List<DamagedLine> damaged = new ArrayList<>();
        LineFile.read(path, (number, line) -> {
            if (number == 1) {
                if (!line.equals(HEADER)) {
                    damaged.add(new DamagedLine(
                            path, number, 0, "does not begin with " + HEADER + ": " + LineFile.shown(line)));
                }
                return;
            }
            row(line)
                    .ifPresentOrElse(
                            rows::add,
                            () -> damaged.add(new DamagedLine(
                                    path, number, rows.size(), "not a committed cycle: " + LineFile.shown(line))));
        });
        return new Reading(rows, damaged);
    }

    /**
     * Reads a file of which no line is damaged.
     *
     * @throws IOException when it cannot be read, or a line is not one of ours; the message has its number
     */
    public static List<Row> read(Path path) throws IOException {
        Reading reading = reading(path);
        if (!reading.damaged().isEmpty()) {
            throw new IOException(reading.damaged().get(0).toString());
        }
        return reading.rows();
    }

    private static Optional<Row> row(String line) {
        String[] columns = line.split(",", -1);
        if (columns.length != COLUMNS) {
            return Optional.empty();
        }
        try {
            return Optional.of(new Row(
                    Integer.parseInt(columns[0]),
                    Integer.parseInt(columns[1]),
                    Double.parseDouble(columns[2]),
                    Boolean.parseBoolean(columns[7])));
        } catch (NumberFormatException e) {
            return Optional.empty();
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
}
