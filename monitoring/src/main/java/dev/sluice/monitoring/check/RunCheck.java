package dev.sluice.monitoring.check;

import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.run.EventLog.Event;
import dev.sluice.monitoring.run.MetricsCsv;
import dev.sluice.monitoring.run.MetricsCsv.Row;
import dev.sluice.monitoring.run.RunFolder;
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
 * Reads what a run left behind and says what contradicts the contracts: R1, one owner a role and epoch; R2, every cycle of
 * a phase committed once and in order, none lost; R3, a published expert is the file that lies there; R4 and R5, what
 * served a request and what became of every one ({@link RequestsCheck}).
 *
 * @param violations none for a run that holds together
 * @param facts what was looked at, for whoever reads the report
 */
public record RunCheck(List<Violation> violations, List<String> facts) {
    /** A contract and what breaks it. */
    public record Violation(String contract, String what) {
        @Override
        public String toString() {
            return contract + ": " + what;
        }
    }

    /** SHA-256 of a file in lower-case hex. */
    @FunctionalInterface
    public interface Digest {
        String of(Path file) throws IOException;
    }

    /** Of these there may be any number. */
    private static final Set<String> MANY = Set.of("teacher", "sampler");

    public RunCheck {
        violations = List.copyOf(violations);
        facts = List.copyOf(facts);
    }

    /**
     * Checks a run, finished or not.
     *
     * @param cycles budget of every phase
     * @throws IOException when a record cannot be read or is damaged; the message says where
     */
    public static RunCheck of(RunFolder run, List<Integer> cycles, Digest digest) throws IOException {
        EventLog.Reading log = EventLog.read(run.events());
        List<Row> rows = Files.exists(run.metrics()) ? MetricsCsv.read(run.metrics()) : List.of();
        Reading reading = new Reading(log.events(), rows, cycles, digest);
        log.torn().ifPresent(text -> reading.facts.add("the last line of the log is torn: " + text));
        reading.owners();
        reading.commits();
        reading.experts();
        reading.requests(run.root().relativize(run.events()).toString());
        return new RunCheck(reading.violations, reading.facts);
    }

    private static final class Reading {
        private final List<Event> events;
        private final List<Row> rows;
        private final List<Integer> cycles;
        private final Digest digest;
        private final List<Violation> violations = new ArrayList<>();
        private final List<String> facts = new ArrayList<>();

        Reading(List<Event> events, List<Row> rows, List<Integer> cycles, Digest digest) {
            this.events = events;
            this.rows = rows;
            this.cycles = cycles;
            this.digest = digest;
        }

        private List<Event> of(String type) {
            return events.stream().filter(event -> event.type().equals(type)).toList();
        }

        private void broken(String contract, String what) {
            violations.add(new Violation(contract, what));
        }

        private void owners() {
            Map<String, Set<String>> owners = new TreeMap<>();
            Set<Object> epochs = new HashSet<>();
            for (Event started : of("role-started")) {
                String role = started.fields().get("role").toString();
                Object epoch = started.fields().get("epoch");
                epochs.add(epoch);
                if (!MANY.contains(role)) {
                    Set<String> known = owners.computeIfAbsent(role + " in epoch " + epoch, key -> new TreeSet<>());
                    if (!known.add(started.fields().get("actor").toString()) || known.size() > 1) {
                        broken("R1", "the " + role + " in epoch " + epoch + " was started more than once: " + known);
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
                            "R2",
                            "phase " + row.phase() + ", cycle " + row.cycle() + " was committed where phase " + phase
                                    + ", cycle " + cycle + " was due");
                    return;
                }
                cycle++;
            }
            int budget = cycles.stream().mapToInt(Integer::intValue).sum();
            boolean finished = !of("run-finished").isEmpty();
            if (finished && rows.size() < budget) {
                broken("R2", "the run is finished with " + rows.size() + " of " + budget + " cycles committed");
            }
            if (rows.size() > budget) {
                broken("R2", rows.size() + " cycles were committed, the budget is " + budget);
            }
            skipped();
            facts.add(rows.size() + " of " + budget + " cycles committed"
                    + (finished ? ", the run is finished" : ", the run is not finished"));
        }

        /** Every commit stepped or was told as skipped. */
        private void skipped() {
            Set<String> told = of("cycle-skipped").stream()
                    .map(event ->
                            event.fields().get("phase") + "/" + event.fields().get("cycle"))
                    .collect(Collectors.toSet());
            for (Row row : rows) {
                if (!row.stepped() && !told.contains(row.phase() + "/" + row.cycle())) {
                    broken("R2", "phase " + row.phase() + ", cycle " + row.cycle() + " was skipped without a word");
                }
            }
        }

        private void experts() throws IOException {
            Map<Object, Event> last = new TreeMap<>();
            for (Event published : of("expert-published")) {
                Object version = published.fields().get("version");
                Event before = last.put(version, published);
                if (before != null && !sha(before).equals(sha(published))) {
                    broken("R3", version + " was published as " + sha(before) + " and then as " + sha(published));
                }
            }
            for (Event published : last.values()) {
                Path file = Path.of(published.fields().get("path").toString());
                if (!Files.isRegularFile(file)) {
                    broken("R3", published.fields().get("version") + " is not there any more: " + file);
                } else if (!digest.of(file).equals(sha(published))) {
                    broken(
                            "R3",
                            published.fields().get("version") + " was published as " + sha(published) + ", but " + file
                                    + " is " + digest.of(file));
                }
            }
            facts.add(last.size() + " experts published");
        }

        private void requests(String logFile) {
            RequestsCheck check = new RequestsCheck(logFile, this::broken);
            check.read(events);
            facts.addAll(check.facts());
        }

        private static String sha(Event published) {
            return published.fields().get("sha256").toString();
        }
    }
}
