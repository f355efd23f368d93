package dev.sluice.monitoring.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class EventLogTest {
    private static final Instant NOW = Instant.parse("2026-02-03T04:05:06.007890Z");
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
            log.append("phase-begun", Map.of("phase", 1, "cycles", 200L));
            log.append("said", Map.of("text", "two\nlines \"é\"", "loss", Double.NaN, "stepped", true));

            assertThat(Files.readString(file)).isEqualTo("""
                            {"at":"2026-02-03T04:05:06.007Z","type":"phase-begun","cycles":200,"phase":1}
                            {"at":"2026-02-03T04:05:06.007Z","type":"said","loss":"NaN","stepped":true,"text":"two\\nlines \\"é\\""}
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
        write("begun", "ended");

        EventLog.Reading reading = EventLog.read(file);

        assertThat(reading.torn()).isEmpty();
        assertThat(reading.events())
                .containsExactly(
                        new EventLog.Event(Instant.parse("2026-02-03T04:05:06.007Z"), "begun", Map.of("n", 1)),
                        new EventLog.Event(Instant.parse("2026-02-03T04:05:06.007Z"), "ended", Map.of("n", 1)));
    }

    @Test
    void goesOnWhereItStopped() throws IOException {
        write("begun");
        write("ended");

        assertThat(types()).containsExactly("begun", "ended");
    }

    @Test
    void theReaderSaysThatTheLastLineIsTorn() throws IOException {
        write("begun");
        tear("{\"at\":\"2026-02-03T04:0");

        EventLog.Reading reading = EventLog.read(file);

        assertThat(reading.events()).extracting(EventLog.Event::type).containsExactly("begun");
        assertThat(reading.torn()).contains("{\"at\":\"2026-02-03T04:0");
    }

    @Test
    void aCharacterMayBeTornToo() throws IOException {
        write("begun");
        Files.write(file, new byte[] {'{', (byte) 0xc3}, StandardOpenOption.APPEND);

        assertThat(EventLog.read(file).torn()).contains("{\ufffd");
    }

    @Test
    void aTornLineIsCutOffAndToldWhenTheLogGoesOn() throws IOException {
        write("begun");
        tear("{\"at\":\"2026" + "x".repeat(20_000));
        write("recovered");

        assertThat(types()).containsExactly("begun", EventLog.TORN, "recovered");
        assertThat((String) EventLog.read(file).events().get(1).fields().get("text"))
                .startsWith("{\"at\":\"2026xx")
                .hasSize(200);
    }

    @Test
    void aLogThatIsOneTornLineBeginsAnew() throws IOException {
        tear("{\"at");
        write("begun");

        assertThat(types()).containsExactly(EventLog.TORN, "begun");
    }

    @Test
    void aDamagedLineIsNamedAndCostsNothingElse() throws IOException {
        write("begun");
        tear("{}\n\0\0{\"at\"\n");
        write("ended");

        EventLog.Reading reading = EventLog.read(file);

        assertThat(reading.events()).extracting(EventLog.Event::type).containsExactly("begun", "ended");
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
            tear("{\"at\":\"2026-02-03T04:05:06Z\",\"type\":\"begun\",\"epoch\":" + epoch + "}\n");
        }
        tear("{\"at\":\"2026-02-03T04:05:06Z\",\"type\":\"begun\",\"epoch\":999999999}\n");

        EventLog.Reading reading = EventLog.read(file);

        assertThat(reading.damaged()).hasSize(8);
        assertThat(reading.events()).singleElement().satisfies(event -> assertThat(event.epoch())
                .hasValue(999_999_999));
    }

    @Test
    void reservedNamesAndUnknownValuesAreRefusedAndLeaveNoTrace() throws IOException {
        try (EventLog log = new EventLog(file, CLOCK)) {
            log.append("begun", Map.of());
            assertThatThrownBy(() -> log.append("x", Map.of("at", "noon")))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("at and type are the log's own");
            assertThatThrownBy(() -> log.append("x", Map.of("thing", new Object())))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("event x cannot be written as JSON");
        }
        assertThat(types()).containsExactly("begun");
    }

    @Test
    void worksAgainWhenTheFileCanBeWrittenAgain() throws IOException {
        Path absent = temp.resolve("folder/events.jsonl");
        try (EventLog log = new EventLog(absent, CLOCK)) {
            assertThatThrownBy(() -> log.append("lost", Map.of())).isInstanceOf(IOException.class);
            Files.createDirectory(absent.getParent());
            log.append("kept", Map.of());
        }
        assertThat(EventLog.read(absent).events())
                .extracting(EventLog.Event::type)
                .containsExactly("kept");
    }

    @Test
    void aFullDiskIsTold() throws IOException {
        Path full = Path.of("/dev/full");
        assumeTrue(Files.exists(full), "no /dev/full here");
        try (EventLog log = new EventLog(full, CLOCK)) {
            assertThatThrownBy(() -> log.append("lost", Map.of()))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("No space left");
            assertThatThrownBy(() -> log.append("lost", Map.of())).isInstanceOf(IOException.class);
        }
    }

    private void write(String... types) throws IOException {
        try (EventLog log = new EventLog(file, CLOCK)) {
            for (String type : types) {
                log.append(type, Map.of("n", 1));
            }
            log.force();
        }
    }

    private void tear(String rest) throws IOException {
        Files.writeString(file, rest, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    private List<String> types() throws IOException {
        EventLog.Reading reading = EventLog.read(file);
        assertThat(reading.torn()).isEmpty();
        return reading.events().stream().map(EventLog.Event::type).toList();
    }
}
