package dev.sluice.monitoring.run;

import java.nio.file.Path;

/**
 * A line of a run's records that does not read. It costs what it said and nothing else: the lines around it are as good as
 * before.
 *
 * @param number counted from 1
 * @param before how many lines, or events, were read before it
 * @param problem what was expected, and what is there
 */
public record DamagedLine(Path file, int number, int before, String problem) {
    @Override
    public String toString() {
        return file + ", line " + number + ": " + problem;
    }
}
