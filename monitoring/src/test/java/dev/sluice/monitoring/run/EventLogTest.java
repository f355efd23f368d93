package dev.sluice.monitoring.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.protocol.event.RunEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class EventLogTest {
    private static final Instant NOW = Instant.parse("2026-02-03T04:05:06.007890Z");
    private static final RunEvent BEGUN = new RunEvent.PhaseBegun(1, 1, 1, 0.5, 0, 200);
    private static final RunEvent ENDED = new RunEvent.PhaseEnded(1, 1, 200);
    private static final Clock CLOCK = Clock.fixed(NOW, ZoneOffset.UTC);

    @TempDir
    Path temp;

    private Path file;

    @BeforeEach
    void name() {
        file = temp.resolve("events.jsonl");
    }

    @Test
    void writesOneObjectALineAtOnce() throws IOException {
        try (EventLog log = new EventLog(file, CLOCK)) {
            log.append(new RunEvent.PhaseBegun(1, 2, 0.5, 0, 7, 200));
            log.append(new RunEvent.FaultSeen(3, "ring", "two\nlines \"é\""));

            assertThat(Files.readString(file)).isEqualTo("""
                            {"at":"2026-02-03T04:05:06.007Z","type":"phase-begun","boundary":0.0,"cycle":7,"cycles":200,"epoch":1,"phase":2,"start":0.5}
                            {"at":"2026-02-03T04:05:06.007Z","type":"fault-seen","cause":"two\\nlines \\"é\\"","epoch":3,"role":"ring"}
                            """);
        }
    }

    @Test
    @Timeout(value = 20, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void aPipeInItsPlaceIsRefusedAndNotWaitedFor() throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/mkfifo")));
        assertThat(new ProcessBuilder("/usr/bin/mkfifo", file.toString())
                        .start()
                        .waitFor())
                .isZero();

        assertThatThrownBy(() -> EventLog.read(file))
                .isInstanceOf(IOException.class)
                .hasMessage(file + " is not a file; remove it, or put the file back");
    }

    @Test
    void readsWhatItWrote() throws IOException {
        write(BEGUN, ENDED);

        EventLog.Reading reading = EventLog.read(file);

        assertThat(reading.torn()).isEmpty();
        assertThat(reading.events())
                .containsExactly(
                        new EventLog.Event(Instant.parse("2026-02-03T04:05:06.007Z"), BEGUN),
                        new EventLog.Event(Instant.parse("2026-02-03T04:05:06.007Z"), ENDED));
    }

    @Test
    void goesOnWhereItStopped() throws IOException {
        write(BEGUN);
        write(ENDED);

        assertThat(events()).containsExactly(BEGUN, ENDED);
    }

    @Test
    void theReaderSaysThatTheLastLineIsTorn() throws IOException {
        write(BEGUN);
        tear("{\"at\":\"2026-02-03T04:0");

        EventLog.Reading reading = EventLog.read(file);

        assertThat(reading.events()).extracting(EventLog.Event::event).containsExactly(BEGUN);
        assertThat(reading.torn()).contains("{\"at\":\"2026-02-03T04:0");
    }

    @Test
    void aCharacterMayBeTornToo() throws IOException {
        write(BEGUN);
        Files.write(file, new byte[] {'{', (byte) 0xc3}, StandardOpenOption.APPEND);

        assertThat(EventLog.read(file).torn()).contains("{\ufffd");
    }

    @Test
    void aTornLineIsCutOffAndToldWhenTheLogGoesOn() throws IOException {
        write(BEGUN);
        tear("{\"at\":\"2026" + "x".repeat(20_000));
        write(ENDED);

        assertThat(events()).hasSize(3).startsWith(BEGUN).endsWith(ENDED);
        assertThat(((RunEvent.TornLineDropped) events().get(1)).text())
                .startsWith("{\"at\":\"2026xx")
                .hasSize(200);
    }

    @Test
    void aLogThatIsOneTornLineBeginsAnew() throws IOException {
        tear("{\"at");
        write(BEGUN);

        assertThat(events()).containsExactly(new RunEvent.TornLineDropped("{\"at"), BEGUN);
    }

    @Test
    void aDamagedLineIsNamedAndCostsNothingElse() throws IOException {
        write(BEGUN);
        tear("{}\n\0\0{\"at\"\n");
        write(ENDED);

        EventLog.Reading reading = EventLog.read(file);

        assertThat(reading.events()).extracting(EventLog.Event::event).containsExactly(BEGUN, ENDED);
        assertThat(reading.damaged())
                .extracting(DamagedLine::toString)
                .containsExactly(
                        file + ", line 2: not an event with a time and a type, the line is damaged: {}",
                        file
                                + ", line 3: not an event with a time and a type, the line is damaged: \ufffd\ufffd{\"at\"");
        assertThat(reading.damaged()).extracting(DamagedLine::before).containsOnly(1);
    }

    @Test
    void anEpochThatNoStartCanHaveIsDamage() throws IOException {
        for (String epoch : List.of("2147483647", "2147483648", "1e30", "0", "-1", "\"1\"", "1.5", "null")) {
            tear("{\"at\":\"2026-02-03T04:05:06Z\",\"type\":\"run-cancelled\",\"epoch\":" + epoch + "}\n");
        }
        tear("{\"at\":\"2026-02-03T04:05:06Z\",\"type\":\"run-cancelled\",\"epoch\":999999999}\n");

        EventLog.Reading reading = EventLog.read(file);

        assertThat(reading.damaged()).hasSize(8);
        assertThat(reading.events())
                .extracting(EventLog.Event::event)
                .containsExactly(new RunEvent.RunCancelled(999_999_999));
    }

    /** Never misread: what an older version wrote otherwise is named, and what a newer one adds is passed over. */
    @Test
    void whatAnotherVersionWroteIsReadOrNamed() throws IOException {
        tear("{\"at\":\"2026-02-03T04:05:06Z\",\"type\":\"phase-ended\",\"epoch\":1,\"phase\":2}\n");
        tear("{\"at\":\"2026-02-03T04:05:06Z\",\"type\":\"run-cancelled\",\"epoch\":1,\"by\":[\"me\"]}\n");
        tear("{\"at\":\"2026-02-03T04:05:06Z\",\"type\":\"moon-risen\",\"full\":true}\n");

        EventLog.Reading reading = EventLog.read(file);

        assertThat(reading.damaged())
                .extracting(DamagedLine::problem)
                .containsExactly("not an event of this version (phase-ended without cycles): "
                        + "{\"at\":\"2026-02-03T04:05:06Z\",\"type\":\"phase-ended\",\"epoch\":1,\"phase\":2}");
        assertThat(reading.of(RunEvent.class))
                .containsExactly(new RunEvent.RunCancelled(1), new RunEvent.Unknown("moon-risen"));
    }

    @Test
    void whatIsUnknownIsNotWritten() throws IOException {
        try (EventLog log = new EventLog(file, CLOCK)) {
            assertThatThrownBy(() -> log.append(new RunEvent.Unknown("moon-risen")))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("moon-risen");
            log.append(BEGUN);
        }
        assertThat(events()).containsExactly(BEGUN);
    }

    @Test
    void worksAgainWhenTheFileCanBeWrittenAgain() throws IOException {
        Path absent = temp.resolve("folder/events.jsonl");
        try (EventLog log = new EventLog(absent, CLOCK)) {
            assertThatThrownBy(() -> log.append(BEGUN)).isInstanceOf(IOException.class);
            Files.createDirectory(absent.getParent());
            log.append(ENDED);
        }
        assertThat(EventLog.read(absent).of(RunEvent.class)).containsExactly(ENDED);
    }

    @Test
    void aFullDiskIsTold() throws IOException {
        Path full = Path.of("/dev/full");
        assumeTrue(Files.exists(full), "no /dev/full here");
        try (EventLog log = new EventLog(full, CLOCK)) {
            assertThatThrownBy(() -> log.append(BEGUN))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("No space left");
            assertThatThrownBy(() -> log.append(BEGUN)).isInstanceOf(IOException.class);
        }
    }

    private void write(RunEvent... events) throws IOException {
        try (EventLog log = new EventLog(file, CLOCK)) {
            for (RunEvent event : events) {
                log.append(event);
            }
            log.force();
        }
    }

    private void tear(String rest) throws IOException {
        Files.writeString(file, rest, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    private List<RunEvent> events() throws IOException {
        EventLog.Reading reading = EventLog.read(file);
        assertThat(reading.torn()).isEmpty();
        return reading.of(RunEvent.class);
    }
}
