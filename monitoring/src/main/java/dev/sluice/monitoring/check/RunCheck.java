package dev.sluice.monitoring.check;

import dev.sluice.monitoring.run.DamagedLine;
import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.run.MetricsCsv;
import dev.sluice.monitoring.run.MetricsCsv.Row;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.monitoring.view.RunView;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.event.RunEvent;
import dev.sluice.protocol.event.RunEvent.ExpertPublished;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Reads what a run left behind and says which {@link Guarantee} it breaks, and how. Experts are those in the run's own
 * folder, which may have been moved or copied. {@link RequestsCheck} looks at the requests.
 *
 * @param violations none for a run that holds together
 * @param facts what was looked at, for whoever reads the report
 */
public record RunCheck(List<Violation> violations, List<String> facts) {
    /** A guarantee and what breaks it. */
    public record Violation(Guarantee guarantee, String what) {
        @Override
        public String toString() {
            return guarantee + ": " + what;
        }
    }

    /** SHA-256 of a file in lower-case hex. */
    @FunctionalInterface
    public interface Digest {
        String of(Path file) throws IOException;
    }

    /** Of these there may be any number. */
    private static final Set<Role> MANY = Set.of(Role.TEACHER, Role.SAMPLER);

    /** One place of a damaged disk may have hurt any number of lines. */
    private static final int DAMAGE_NAMED = 20;

    public RunCheck {
        violations = List.copyOf(violations);
        facts = List.copyOf(facts);
    }

    /**
     * Checks a run, finished or not.
     *
     * @param cycles budget of every phase
     * @throws IOException when a file cannot be read; the message says which
     */
    public static RunCheck of(RunFolder run, List<Integer> cycles, Digest digest) throws IOException {
        EventLog.Reading log = EventLog.read(run.events());
        MetricsCsv.Reading metrics =
                Files.exists(run.metrics()) ? MetricsCsv.reading(run.metrics()) : MetricsCsv.Reading.NOTHING;
        Reading reading = new Reading(run, log, metrics.rows(), cycles, digest);
        log.torn().ifPresent(text -> reading.facts.add("the last line of the log is torn: " + text));
        reading.damage(log.damaged());
        reading.damage(metrics.damaged());
        reading.owners();
        reading.commits();
        reading.told();
        reading.experts();
        reading.requests();
        return new RunCheck(reading.violations, reading.facts);
    }

    private static final class Reading {
        private final RunFolder run;
        private final EventLog.Reading log;
        private final RunView view;
        private final List<Row> rows;
        private final List<Integer> cycles;
        private final Digest digest;
        private final List<Violation> violations = new ArrayList<>();
        private final List<String> facts = new ArrayList<>();

        Reading(RunFolder run, EventLog.Reading log, List<Row> rows, List<Integer> cycles, Digest digest) {
            this.run = run;
            this.log = log;
            this.view = RunView.of(log);
            this.rows = rows;
            this.cycles = cycles;
            this.digest = digest;
        }

        private void broken(Guarantee guarantee, String what) {
            violations.add(new Violation(guarantee, what));
        }

        private void damage(List<DamagedLine> lines) {
            lines.stream().limit(DAMAGE_NAMED).forEach(line -> broken(Guarantee.UNDAMAGED, line.toString()));
            if (lines.size() > DAMAGE_NAMED) {
                broken(
                        Guarantee.UNDAMAGED,
                        lines.get(0).file() + " has " + (lines.size() - DAMAGE_NAMED) + " more damaged lines");
            }
        }

        private void owners() {
            Map<String, Set<String>> owners = new TreeMap<>();
            Set<Integer> epochs = new HashSet<>();
            for (RunEvent.RoleStarted started : log.of(RunEvent.RoleStarted.class)) {
                epochs.add(started.epoch());
                if (!MANY.contains(started.role())) {
                    String role = started.role().key() + " in epoch " + started.epoch();
                    Set<String> known = owners.computeIfAbsent(role, key -> new TreeSet<>());
                    if (!known.add(started.actor()) || known.size() > 1) {
                        broken(Guarantee.ONE_OWNER, "the " + role + " was started more than once: " + known);
                    }
                }
            }
            facts.add(epochs.size() + " starts");
        }

        private void commits() {
            int phase = 1;
            int cycle = 0;
            for (Row row : rows) {
                while (phase < cycles.size() && cycle == cycles.get(phase - 1)) {
                    phase++;
                    cycle = 0;
                }
                if (row.phase() != phase || row.cycle() != cycle) {
                    broken(
                            Guarantee.NO_GAP,
                            "phase " + row.phase() + ", cycle " + row.cycle() + " was committed where phase " + phase
                                    + ", cycle " + cycle + " was due");
                    return;
                }
                cycle++;
            }
            int budget = cycles.stream().mapToInt(Integer::intValue).sum();
            boolean finished = view.isFinished();
            if (finished && rows.size() < budget) {
                broken(
                        Guarantee.NO_GAP,
                        "the run is finished with " + rows.size() + " of " + budget + " cycles committed");
            }
            if (rows.size() > budget) {
                broken(Guarantee.NO_GAP, rows.size() + " cycles were committed, the budget is " + budget);
            }
            skipped();
            facts.add(rows.size() + " of " + budget + " cycles committed"
                    + (finished ? ", the run is finished" : ", the run is not finished"));
        }

        /** Every commit stepped or was told as skipped. */
        private void skipped() {
            Set<String> told = log.of(RunEvent.CycleSkipped.class).stream()
                    .map(skipped -> skipped.phase() + "/" + skipped.cycle())
                    .collect(Collectors.toSet());
            for (Row row : rows) {
                if (!row.stepped() && !told.contains(row.phase() + "/" + row.cycle())) {
                    broken(
                            Guarantee.NO_GAP,
                            "phase " + row.phase() + ", cycle " + row.cycle() + " was skipped without a word");
                }
            }
        }

        /** A log that says nothing proves nothing: cycles were committed by somebody, in a phase, for an expert. */
        private void told() {
            if (rows.isEmpty()) {
                return;
            }
            if (!log.of(RunEvent.RecordingResumed.class).isEmpty()
                    || !log.damaged().isEmpty()) {
                facts.add("lines of the log are missing or damaged: what it does not tell was not looked for");
                return;
            }
            Set<Role> roles = log.of(RunEvent.RoleStarted.class).stream()
                    .map(RunEvent.RoleStarted::role)
                    .collect(Collectors.toSet());
            for (Role role : List.of(Role.GENERATOR, Role.CRITIC)) {
                if (!roles.contains(role)) {
                    broken(
                            Guarantee.COMMITS_EXPLAINED,
                            rows.size() + " cycles were committed, but the log tells of no " + role.key()
                                    + " that started");
                }
            }
            Set<Integer> begun = view.begun();
            Set<Integer> published =
                    view.experts().stream().map(ExpertPublished::phase).collect(Collectors.toSet());
            int last = Math.min(cycles.size(), rows.get(rows.size() - 1).phase());
            for (int phase = 1; phase <= last; phase++) {
                if (!begun.contains(phase)) {
                    broken(
                            Guarantee.COMMITS_EXPLAINED,
                            "cycles of phase " + phase + " were committed, but the log does not tell that it began");
                }
                if ((phase < last || view.isFinished()) && !published.contains(phase)) {
                    broken(
                            Guarantee.COMMITS_EXPLAINED,
                            "phase " + phase + " is over, but the log tells of no expert that it published");
                }
            }
        }

        private void experts() throws IOException {
            Map<Integer, ExpertPublished> last = new TreeMap<>();
            for (ExpertPublished published : view.experts()) {
                ExpertPublished before = last.put(published.phase(), published);
                if (before != null && !before.sha256().equals(published.sha256())) {
                    broken(
                            Guarantee.PUBLISHED_AS_SAID,
                            published.version() + " was published as " + before.sha256() + " and then as "
                                    + published.sha256());
                }
            }
            for (ExpertPublished published : last.values()) {
                String version = published.version();
                if (published.phase() < 1 || !version.equals("phase-" + published.phase())) {
                    broken(
                            Guarantee.PUBLISHED_AS_SAID,
                            version + " was published, which is not the expert of phase " + published.phase());
                    continue;
                }
                Path file = run.expert(published.phase());
                if (!Files.isRegularFile(file)) {
                    broken(Guarantee.PUBLISHED_AS_SAID, version + " is not there any more: " + file);
                    continue;
                }
                String found = digest.of(file);
                if (!found.equals(published.sha256())) {
                    broken(
                            Guarantee.PUBLISHED_AS_SAID,
                            version + " was published as " + published.sha256() + ", but " + file + " is " + found);
                }
            }
            facts.add(last.size() + " experts published");
        }

        private void requests() {
            RequestsCheck check =
                    new RequestsCheck(run.root().relativize(run.events()).toString(), this::broken);
            check.read(log);
            facts.addAll(check.facts());
        }
    }
}
