package dev.sluice.actors.cli;

import dev.sluice.config.ExperimentSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.process.ProcessCost;
import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.runtime.evaluation.Measure;
import dev.sluice.runtime.sampling.MixturePlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.stream.LongStream;

/**
 * A run that is finished, as its records say, with what it cost.
 *
 * @param cost what the log tells of it; runs of older versions tell less
 */
record FinishedRun(Path root, Settings settings, MixturePlan plan, Map<Measure, Double> cost) {
    private static final double MIB = 1 << 20;

    /**
     * @throws UserError when the run is not finished, or its log is torn
     * @throws IOException when its log cannot be read or is damaged; the message says where
     */
    static FinishedRun open(Path dir) throws IOException {
        RunFolder folder = RunFolder.open(dir);
        Settings settings = Settings.read(folder.config());
        if (!Files.exists(folder.events())) {
            throw new UserError(folder.root() + " has no events.jsonl: the run never began");
        }
        EventLog.Reading log = EventLog.read(folder.events());
        if (log.torn().isPresent()) {
            throw new UserError(folder.events() + " is torn: its last line is not finished, so nobody knows what came"
                    + " after it. If the run was killed, finish it with ./sluice resume --run " + folder.root()
                    + "; the line reads: " + log.torn().get());
        }
        MixturePlan plan = Runs.finished(folder);
        int phases = plan.phases().phaseCount();
        if (plan.experts().size() < phases || !isFinished(log.events())) {
            throw new UserError(folder.root() + " is not finished: it has experts for "
                    + plan.experts().size() + " of " + phases + " phases; go on with ./sluice resume --run "
                    + folder.root());
        }
        return new FinishedRun(folder.root(), settings, plan, cost(settings.experiment(), plan, log.events()));
    }

    /** Whether the run in that folder has told that it is finished. */
    static boolean isFinished(RunFolder folder) throws IOException {
        return Files.exists(folder.events())
                && isFinished(EventLog.read(folder.events()).events());
    }

    private static boolean isFinished(List<EventLog.Event> events) {
        return events.stream().anyMatch(event -> event.type().equals("run-finished"));
    }

    private static Map<Measure, Double> cost(
            ExperimentSettings experiment, MixturePlan plan, List<EventLog.Event> events) {
        Map<Measure, Double> cost = new EnumMap<>(Measure.class);
        cost.put(Measure.NFE, (double) plan.nfe());
        cost.put(Measure.UPDATES, (double)
                experiment.cycles().stream().mapToInt(Integer::intValue).sum());
        told(events, "run-finished", "seconds")
                .max()
                .ifPresent(seconds -> cost.put(Measure.TRAINING_SECONDS, (double) seconds));
        OptionalLong peak =
                told(events, ProcessCost.EVENT, ProcessCost.PEAK_RESIDENT).max();
        peak.ifPresent(bytes -> cost.put(Measure.PEAK_MEMORY, bytes / MIB));
        long[] cpu = told(events, ProcessCost.EVENT, ProcessCost.CPU_MILLIS).toArray();
        // A process that was killed told nothing, and a sum without it would flatter.
        if (cpu.length > 0 && cpu.length == starts(events)) {
            cost.put(Measure.CPU_SECONDS, LongStream.of(cpu).sum() / 1000.0);
        }
        return cost;
    }

    private static LongStream told(List<EventLog.Event> events, String type, String field) {
        return events.stream()
                .filter(event -> event.type().equals(type))
                .map(event -> event.fields().get(field))
                .filter(Number.class::isInstance)
                .mapToLong(value -> ((Number) value).longValue());
    }

    /** Every process that trains serves. */
    private static long starts(List<EventLog.Event> events) {
        return events.stream().filter(event -> event.type().equals("serving")).count();
    }
}
