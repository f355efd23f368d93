package dev.sluice.monitoring.run;

import dev.sluice.protocol.CycleReport;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code metrics.csv}: one line a committed cycle, in any locale the same; what is not a number reads {@code NaN}.
 * Not safe for use by several threads.
 */
public final class MetricsCsv implements Closeable {
    /** The first line. */
    public static final String HEADER = "phase,cycle,seconds,critic_loss,critic_excess,gradient_magnitude,"
            + "gradient_norm,stepped,skipped_critic_updates";

    private final Path path;
    private final LineFile lines;

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
        } else if (!lines.firstLine(2 * HEADER.length()).equals(HEADER)) {
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

    /**
     * Drops the cycles from {@code cycle} of {@code phase} on, because they are run again.
     *
     * @throws IOException when the file cannot be read or cut
     */
    public void rewind(int phase, int cycle) throws IOException {
        lines.truncate(line -> isFrom(line, phase, cycle));
    }

    private static boolean isFrom(String line, int phase, int cycle) {
        String[] columns = line.split(",", 3);
        if (line.equals(HEADER) || columns.length < 3) {
            return false;
        }
        int ofPhase = Integer.parseInt(columns[0]);
        return ofPhase > phase || (ofPhase == phase && Integer.parseInt(columns[1]) >= cycle);
    }

    /**
     * What identifies a line, when it was written, and whether its step was taken.
     *
     * @param seconds since the run began
     */
    public record Row(int phase, int cycle, double seconds, boolean stepped) {}

    /**
     * Reads a file, also one that is still being written; a last line that was not finished is left out.
     *
     * @throws IOException when it cannot be read, or a line is not one of ours; the message has its number
     */
    public static List<Row> read(Path path) throws IOException {
        String text = Files.readString(path);
        List<String> whole =
                text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < whole.size(); i++) {
            String line = whole.get(i);
            String[] columns = line.split(",", -1);
            try {
                if (i > 0) {
                    rows.add(new Row(
                            Integer.parseInt(columns[0]),
                            Integer.parseInt(columns[1]),
                            Double.parseDouble(columns[2]),
                            stepped(columns)));
                } else if (!line.equals(HEADER)) {
                    throw new IllegalArgumentException("it does not begin with " + HEADER);
                }
            } catch (RuntimeException e) {
                throw new IOException(path + ", line " + (i + 1) + ": not a committed cycle: " + line, e);
            }
        }
        return rows;
    }

    private static boolean stepped(String[] columns) {
        if (columns.length != HEADER.split(",").length) {
            throw new IllegalArgumentException(columns.length + " columns");
        }
        return Boolean.parseBoolean(columns[7]);
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
