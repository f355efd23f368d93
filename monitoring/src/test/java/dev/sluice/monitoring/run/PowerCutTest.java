package dev.sluice.monitoring.run;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.event.RunEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run cannot do without is forced to the disk with every folder that has a new name in it, as the JVM records. */
class PowerCutTest {
    @TempDir
    Path folder;

    @FunctionalInterface
    private interface Work {
        void run() throws IOException;
    }

    @Test
    void aNewRunsConfigurationIsInItsFolderAndThatInTheOneAbove() throws IOException {
        Path run = folder.resolve("runs/a");

        List<Path> forced = forced(() -> RunFolder.create(run, "a = 1"));

        assertThat(forced).contains(folder, folder.resolve("runs"), run);
        assertThat(forced).anyMatch(path -> path.getFileName().toString().startsWith(".config.conf."));
        assertThat(run.resolve("config.conf")).hasContent("a = 1");
    }

    @Test
    void aNewLogsNameIsForcedWithItsFirstLines() throws IOException {
        Path file = folder.resolve("events.jsonl");
        try (EventLog log = new EventLog(file, Clock.systemUTC())) {
            log.append(new RunEvent.RunCancelled(1));

            assertThat(forced(log::force)).containsExactly(file, folder);
            assertThat(forced(log::force)).containsExactly(file);
        }
    }

    private List<Path> forced(Work work) throws IOException {
        Path dump = Files.createTempFile("forces", ".jfr");
        try (Recording recording = new Recording()) {
            recording.enable("jdk.FileForce").withoutThreshold();
            recording.start();
            work.run();
            recording.stop();
            recording.dump(dump);
            return RecordingFile.readAllEvents(dump).stream()
                    .filter(event -> event.getEventType().getName().equals("jdk.FileForce"))
                    .map(event -> Path.of(event.getString("path")))
                    .filter(path -> path.startsWith(folder))
                    .toList();
        } finally {
            Files.delete(dump);
        }
    }
}
