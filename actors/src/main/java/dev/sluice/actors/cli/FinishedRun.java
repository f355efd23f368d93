package dev.sluice.actors.cli;

import dev.sluice.config.ExperimentSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.event.RunEvent;
import dev.sluice.runtime.evaluation.Measure;
import dev.sluice.runtime.sampling.MixturePlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.LongStream;

/**
 * A run that is finished, as its records say, with what it cost.
 *
 * @param cost what the log tells of it; runs of older versions tell less
 * @param notes for the user: what of the records is damaged, and what of the cost is not known
 */
record FinishedRun(Path root, Settings settings, MixturePlan plan, Map<Measure, Double> cost, List<String> notes) {
    private static final double MIB = 1 << 20;

    private static final Set<String> TRAINING = Set.of(Role.GENERATOR.key(), Role.CRITIC.key(), Role.TEACHER.key());

    /**
     * @throws UserError when the run is not finished, its log is torn, or a file is not the one that the run says
     * @throws IOException when its log cannot be read
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
        if (plan.experts().size() < phases || !isFinished(log)) {
            throw new UserError(folder.root() + " is not finished: it has experts for "
                    + plan.experts().size() + " of " + phases + " phases; go on with ./sluice resume --run "
                    + folder.root()
                    + log.damaged().stream()
                            .findFirst()
                            .map(line -> "\n        " + line)
                            .orElse(""));
        }
        List<String> notes = new ArrayList<>();
        log.damaged().stream().limit(1).forEach(line -> notes.add(line + "; its cost may be told too low"));
        if (isSpread(log)) {
            notes.add("memory and processor time of " + folder.root() + " are not compared: it was trained by several"
                    + " processes, and its log has only those of the one that controlled it");
        }
        return new FinishedRun(folder.root(), settings, plan, cost(settings.experiment(), plan, log), notes);
    }

    /** Whether the run in that folder has told that it is finished. */
    static boolean isFinished(RunFolder folder) throws IOException {
        return Files.exists(folder.events()) && isFinished(EventLog.read(folder.events()));
    }

    private static boolean isFinished(EventLog.Reading log) {
        return !log.of(RunEvent.RunFinished.class).isEmpty();
    }

    private static Map<Measure, Double> cost(ExperimentSettings experiment, MixturePlan plan, EventLog.Reading log) {
        Map<Measure, Double> cost = new EnumMap<>(Measure.class);
        cost.put(Measure.NFE, (double) plan.nfe());
        cost.put(Measure.UPDATES, (double)
                experiment.cycles().stream().mapToInt(Integer::intValue).sum());
        log.of(RunEvent.RunFinished.class).stream()
                .mapToLong(RunEvent.RunFinished::seconds)
                .max()
                .ifPresent(seconds -> cost.put(Measure.TRAINING_SECONDS, (double) seconds));
        if (isSpread(log)) {
            return cost;
        }
        List<RunEvent.ProcessCost> processes = log.of(RunEvent.ProcessCost.class);
        processes.stream()
                .flatMapToLong(process -> process.peakResidentBytes().stream())
                .max()
                .ifPresent(bytes -> cost.put(Measure.PEAK_MEMORY, bytes / MIB));
        long[] cpu = processes.stream()
                .flatMapToLong(process -> process.cpuMillis().stream())
                .toArray();
        // A process that plays every role tells in each of its starts once that it serves. One that was killed told
        // nothing of its cost, and a sum without it would flatter.
        if (cpu.length > 0 && cpu.length == log.of(RunEvent.Serving.class).size()) {
            cost.put(Measure.CPU_SECONDS, LongStream.of(cpu).sum() / 1000.0);
        }
        return cost;
    }

    /**
     * Whether others than the process that told its cost had a part in the training: it says that it plays no trainer
     * itself, or those of one epoch were on several nodes.
     */
    private static boolean isSpread(EventLog.Reading log) {
        boolean onlyControls = log.of(RunEvent.ProcessCost.class).stream()
                .anyMatch(process -> !List.of(process.roles().split(" ")).containsAll(TRAINING));
        Map<Integer, Set<String>> nodes = new HashMap<>();
        log.of(RunEvent.RoleStarted.class).stream()
                .filter(started -> TRAINING.contains(started.role().key()))
                .forEach(started -> nodes.computeIfAbsent(started.epoch(), first -> new HashSet<>())
                        .add(started.node()));
        return onlyControls || nodes.values().stream().anyMatch(of -> of.size() > 1);
    }
}
