package dev.sluice.actors.cli;

import dev.sluice.actors.sampler.Classes;
import dev.sluice.monitoring.progress.Progress;
import dev.sluice.protocol.file.Durable;
import dev.sluice.runtime.data.Dataset;
import dev.sluice.runtime.data.Datasets;
import dev.sluice.runtime.store.Sha256;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntToDoubleFunction;
import picocli.CommandLine.Model.CommandSpec;

/** What the commands share that train one network on data: its data, its loop, and the record of how it was made. */
final class Training {
    private final String command;
    private final long begun = System.nanoTime();

    /** Begins now. */
    Training(CommandSpec spec) {
        this.command = "./sluice "
                + String.join(
                        " ", spec.commandLine().getParent().getParseResult().originalArgs());
    }

    /**
     * Opens the dataset that an option names.
     *
     * @throws UserError when it names none
     * @throws IOException when it cannot be read
     */
    static Dataset dataset(String option, String name) throws IOException {
        try {
            return Datasets.open(name);
        } catch (IllegalArgumentException e) {
            throw new UserError(option + ": " + e.getMessage());
        }
    }

    /** What was read, for the user to compare with what he meant: how many samples, of what size, and how many of which class. */
    static String summary(Dataset data) {
        List<Integer> shape = data.sampleShape();
        boolean images = shape.size() == 3;
        String what = images
                ? shape.get(2) + "×" + shape.get(1) + (shape.get(0) == 1 ? " grey" : " colour") + " images"
                : "points of " + shape.get(0) + (shape.get(0) == 1 ? " coordinate" : " coordinates");
        // A synthetic set has no end.
        String count = data.size() == Integer.MAX_VALUE ? "" : data.size() + " ";
        List<String> names = data.classNames();
        return count + what + (names.isEmpty() ? " without classes" : " of " + Classes.list(names));
    }

    /**
     * Takes all steps, with a progress bar.
     *
     * @param step from its number, counted from 0, to its loss
     * @return the loss, averaged over about the last 100 steps
     */
    static double run(int steps, IntToDoubleFunction step) {
        double smoothed = Double.NaN;
        try (Progress progress = Progress.onStdout("steps")) {
            progress.begin("training", steps, 0);
            for (int i = 0; i < steps; i++) {
                double loss = step.applyAsDouble(i);
                smoothed = Double.isNaN(smoothed) ? loss : smoothed + 0.01 * (loss - smoothed);
                progress.advance(i + 1, String.format(Locale.ROOT, "loss %.4f", smoothed));
            }
        }
        return smoothed;
    }

    /** Command, date and how long it took until now. */
    Map<String, String> provenance() {
        Duration took = Duration.ofNanos(System.nanoTime() - begun);
        Map<String, String> provenance = new LinkedHashMap<>();
        provenance.put("command", command);
        provenance.put("date", LocalDate.now().toString());
        provenance.put("took", String.format(Locale.ROOT, "%d min %d s", took.toMinutes(), took.toSecondsPart()));
        return provenance;
    }

    /** Writes {@code <file>.txt}: how the file was made, for a reader who has only the folder. */
    static void note(Path file, Map<String, String> provenance) throws IOException {
        StringBuilder text = new StringBuilder("How " + file.getFileName() + " was made\n\n");
        provenance.forEach(
                (key, value) -> text.append(key).append(": ").append(value).append('\n'));
        text.append("sha256: ").append(Sha256.of(file)).append('\n');
        Durable.write(
                Path.of(file + ".txt"), stream -> stream.write(text.toString().getBytes(StandardCharsets.UTF_8)));
    }
}
