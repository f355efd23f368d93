package dev.sluice.actors.cli;

import dev.sluice.config.ExperimentSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.process.ProcessCost;
import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.Role;
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
        if (plan.experts().size() < phases || !isFinished(log.events())) {
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
        String unknown = "memory and processor time of " + folder.root() + " are not known: ";
        if (isSpread(log)) {
            notes.add(unknown + "it was trained by several processes, and its log does not have those of all");
        } else if (processes(log).isEmpty()) {
            notes.add(unknown + "a process that trained it did not write them down, as one that is killed does not");
        }
        return new FinishedRun(folder.root(), settings, plan, cost(settings.experiment(), plan, log), notes);
    }

    /** Whether the run in that folder has told that it is finished. */
    static boolean isFinished(RunFolder folder) throws IOException {
        return Files.exists(folder.events())
                && isFinished(EventLog.read(folder.events()).events());
    }

    private static boolean isFinished(List<EventLog.Event> events) {
        return events.stream().anyMatch(event -> event.type().equals("run-finished"));
    }

    private static Map<Measure, Double> cost(ExperimentSettings experiment, MixturePlan plan, EventLog.Reading log) {
        List<EventLog.Event> events = log.events();
        Map<Measure, Double> cost = new EnumMap<>(Measure.class);
        cost.put(Measure.NFE, (double) plan.nfe());
        cost.put(Measure.UPDATES, (double)
                experiment.cycles().stream().mapToInt(Integer::intValue).sum());
        told(events, "run-finished", "seconds")
                .max()
                .ifPresent(seconds -> cost.put(Measure.TRAINING_SECONDS, (double) seconds));
        if (isSpread(log)) {
            return cost;
        }
        List<EventLog.Event> processes = processes(log);
        long[] peaks =
                told(processes, ProcessCost.EVENT, ProcessCost.PEAK_RESIDENT).toArray();
        long[] cpu = told(processes, ProcessCost.EVENT, ProcessCost.CPU_MILLIS).toArray();
        if (peaks.length > 0 && peaks.length == processes.size()) {
            cost.put(Measure.PEAK_MEMORY, LongStream.of(peaks).max().orElseThrow() / MIB);
        }
        if (cpu.length > 0 && cpu.length == processes.size()) {
            cost.put(Measure.CPU_SECONDS, LongStream.of(cpu).sum() / 1000.0);
        }
        return cost;
    }

    /**
     * What each process that trained told of itself at its end, of those that trained one after the other until the run was
     * finished. None when one of them told nothing: without that of a process that was killed, a sum and a peak would flatter.
     */
    private static List<EventLog.Event> processes(EventLog.Reading log) {
        List<EventLog.Event> told = new ArrayList<>();
        Set<String> nodes = new HashSet<>();
        boolean silent = false;
        boolean serves = false;
        boolean finished = false;
        for (EventLog.Event event : log.events()) {
            switch (event.type()) {
                case "serving" -> {
                    silent |= serves;
                    serves = true;
                }
                case "role-started" ->
                    event.text("node").filter(node -> isTrainer(event)).ifPresent(nodes::add);
                case "run-finished" -> finished = true;
                case ProcessCost.EVENT -> {
                    told.add(event);
                    serves = false;
                }
                default -> {
                    // Says nothing of processes.
                }
            }
            if (finished && event.type().equals(ProcessCost.EVENT)) {
                break;
            }
        }
        return silent || serves || nodes.size() > told.size() ? List.of() : told;
    }

    private static boolean isTrainer(EventLog.Event started) {
        return started.text("role").filter(TRAINING::contains).isPresent();
    }

    /**
     * Whether others than the process that told its cost had a part in the training: it says that it plays no trainer
     * itself, or those of one epoch were on several nodes.
     */
    private static boolean isSpread(EventLog.Reading log) {
        boolean onlyControls = log.of(ProcessCost.EVENT).stream()
                .flatMap(event -> event.text(ProcessCost.ROLES).stream())
                .anyMatch(roles -> !List.of(roles.split(" ")).containsAll(TRAINING));
        Map<Integer, Set<String>> nodes = new HashMap<>();
        log.of("role-started").stream().filter(FinishedRun::isTrainer).forEach(event -> event.text("node")
                .ifPresent(node -> nodes.computeIfAbsent(event.epoch().orElse(0), first -> new HashSet<>())
                        .add(node)));
        return onlyControls || nodes.values().stream().anyMatch(of -> of.size() > 1);
    }

    private static LongStream told(List<EventLog.Event> events, String type, String field) {
        return events.stream()
                .filter(event -> event.type().equals(type))
                .map(event -> event.fields().get(field))
                .filter(Number.class::isInstance)
                .mapToLong(value -> ((Number) value).longValue());
    }
}
