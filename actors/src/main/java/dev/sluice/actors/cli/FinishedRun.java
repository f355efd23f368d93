package dev.sluice.actors.cli;

import dev.sluice.actors.experiments.RunStart;
import dev.sluice.config.ExperimentSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.monitoring.view.RunView;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.event.RunEvent;
import dev.sluice.runtime.evaluation.Measure;
import dev.sluice.runtime.sampling.MixturePlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
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

    private static final Set<Role> TRAINING = EnumSet.of(Role.GENERATOR, Role.CRITIC, Role.TEACHER);

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
        if (plan.experts().size() < phases || !RunView.of(log).isFinished()) {
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
            notes.add(unknown
                    + "a process that trained it did not write them down: it was killed, or it is a cluster's node");
        }
        return new FinishedRun(folder.root(), settings, plan, cost(settings.experiment(), plan, log), notes);
    }

    /** Whether the run in that folder has told that it is finished. */
    static boolean isFinished(RunFolder folder) throws IOException {
        return RunView.of(RunStart.log(folder)).isFinished();
    }

    private static Map<Measure, Double> cost(ExperimentSettings experiment, MixturePlan plan, EventLog.Reading log) {
        Map<Measure, Double> cost = new EnumMap<>(Measure.class);
        cost.put(Measure.NFE, (double) plan.nfe());
        cost.put(Measure.UPDATES, (double)
                experiment.cycles().stream().mapToInt(Integer::intValue).sum());
        RunView.of(log).seconds().ifPresent(seconds -> cost.put(Measure.TRAINING_SECONDS, (double) seconds));
        if (isSpread(log)) {
            return cost;
        }
        List<RunEvent.ProcessCost> processes = processes(log);
        long[] peaks = processes.stream()
                .flatMapToLong(process -> process.peakResidentBytes().stream())
                .toArray();
        long[] cpu = processes.stream()
                .flatMapToLong(process -> process.cpuMillis().stream())
                .toArray();
        if (peaks.length > 0 && peaks.length == processes.size()) {
            cost.put(Measure.PEAK_MEMORY, LongStream.of(peaks).max().orElseThrow() / MIB);
        }
        if (cpu.length > 0 && cpu.length == processes.size()) {
            cost.put(Measure.CPU_SECONDS, LongStream.of(cpu).sum() / 1000.0);
        }
        return cost;
    }

    /**
     * What each process that trained recorded of its cost, in order, until the run was finished. Empty when one of them
     * recorded nothing: without a killed process's share, sum and peak would be too low.
     */
    private static List<RunEvent.ProcessCost> processes(EventLog.Reading log) {
        List<RunEvent.ProcessCost> told = new ArrayList<>();
        Set<String> nodes = new HashSet<>();
        boolean silent = false;
        boolean serves = false;
        boolean finished = false;
        for (RunEvent event : log.of(RunEvent.class)) {
            if (event instanceof RunEvent.Serving) {
                silent |= serves;
                serves = true;
            } else if (isSamplersEnd(event)) {
                // The process goes on, with another one.
                serves = false;
            } else if (event instanceof RunEvent.RoleStarted started && TRAINING.contains(started.role())) {
                nodes.add(started.node());
            } else if (event instanceof RunEvent.RunFinished) {
                finished = true;
            } else if (event instanceof RunEvent.ProcessCost cost) {
                told.add(cost);
                serves = false;
                if (finished) {
                    break;
                }
            }
        }
        return silent || serves || nodes.size() > told.size() ? List.of() : told;
    }

    private static boolean isSamplersEnd(RunEvent event) {
        return event instanceof RunEvent.RoleStopped stopped && stopped.role() == Role.SAMPLER
                || event instanceof RunEvent.FaultSeen fault && fault.role().equals(Role.SAMPLER.key());
    }

    /**
     * Whether others than the process that told its cost had a part in the training: it says that it plays no trainer
     * itself, or those of one epoch were on several nodes.
     */
    private static boolean isSpread(EventLog.Reading log) {
        boolean onlyControls = log.of(RunEvent.ProcessCost.class).stream()
                .anyMatch(process -> !List.of(process.roles().split(" "))
                        .containsAll(TRAINING.stream().map(Role::key).toList()));
        Map<Integer, Set<String>> nodes = new HashMap<>();
        log.of(RunEvent.RoleStarted.class).stream()
                .filter(started -> TRAINING.contains(started.role()))
                .forEach(started -> nodes.computeIfAbsent(started.epoch(), first -> new HashSet<>())
                        .add(started.node()));
        return onlyControls || nodes.values().stream().anyMatch(of -> of.size() > 1);
    }
}
