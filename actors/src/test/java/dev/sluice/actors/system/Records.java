package dev.sluice.actors.system;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.config.Settings;
import dev.sluice.monitoring.check.RunCheck;
import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.runtime.store.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What system tests end with: {@code ./sluice check} finds nothing in the records of the run. */
final class Records {
    private Records() {}

    static void assertHoldTogether(Path run) throws IOException {
        RunFolder folder = RunFolder.open(run);
        RunCheck check =
                RunCheck.of(folder, Settings.read(folder.config()).experiment().cycles(), Sha256::of);
        assertThat(check.violations()).as(check.facts().toString()).isEmpty();
    }

    /** A process that ended in order left the last count of its sampler, behind everything else. */
    static EventLog.Event assertLastCount(Path run) throws IOException {
        List<EventLog.Event> events =
                EventLog.read(RunFolder.open(run).events()).events();
        EventLog.Event last = events.get(events.size() - 1);
        assertThat(last.form().type()).as(last.toString()).isEqualTo("requests-counted");
        assertThat(last.form().fields()).containsEntry("last", true).containsEntry("open", 0L);
        return last;
    }

    /** The lines of metrics.csv without their times. */
    static List<String> numbers(Path run) throws IOException {
        return Files.readAllLines(run.resolve("metrics.csv")).stream()
                .map(line -> line.replaceFirst("^(\\d+,\\d+),[^,]*,", "$1,"))
                .toList();
    }
}
