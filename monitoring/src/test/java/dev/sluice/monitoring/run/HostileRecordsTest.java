package dev.sluice.monitoring.run;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.monitoring.check.RunCheck;
import dev.sluice.protocol.CriticReport;
import dev.sluice.protocol.CycleReport;
import dev.sluice.protocol.Epoch;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.event.RunEvent;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/**
 * Records of a whole run, hurt in any way: bits flipped, cut, spliced, with lines that lie. Whatever is in them is read,
 * in time, and every line of an event log is an event or named as damaged.
 */
class HostileRecordsTest {
    private static final List<String> LIES = List.of(
            "{\"at\":\"2026-02-03T04:05:06Z\",\"type\":\"role-started\",\"epoch\":2147483647}",
            "{\"at\":\"2026-02-03T04:05:06Z\",\"type\":\"expert-published\",\"version\":\"phase-999999999\"}",
            "{\"at\":\"2026-02-03T04:05:06Z\",\"type\":\"expert-published\",\"version\":\"../../etc/passwd\"}",
            "{\"at\":\"2026-02-03T04:05:06Z\",\"type\":\"requests-counted\",\"accepted\":1e999}",
            "{\"at\":\"2026-02-03T04:05:06Z\",\"type\":\"requests-counted\",\"accepted\":" + "9".repeat(900) + "}",
            "{\"at\":[],\"type\":{}}",
            "[".repeat(5000),
            "{\"a\":".repeat(5000),
            "2,1,1e999,NaN,NaN,NaN,NaN,true,0",
            "99999999999,1,0,0,0,0,0,true,0",
            "2147483647,2147483647,0,0,0,0,0,false,0",
            "\0".repeat(4096));

    private static Path folder;
    private static RunFolder run;
    private static byte[] events;
    private static byte[] metrics;

    @BeforeContainer
    static void wholeRun() throws IOException {
        folder = Files.createTempDirectory("sluice-records-");
        run = RunFolder.create(folder.resolve("run"), "a = 1");
        Clock clock = Clock.fixed(Instant.parse("2026-02-03T04:05:06Z"), ZoneOffset.UTC);
        try (EventLog log = new EventLog(run.events(), clock);
                MetricsCsv csv = new MetricsCsv(run.metrics())) {
            for (Role role : List.of(Role.GENERATOR, Role.CRITIC, Role.TEACHER)) {
                log.append(new RunEvent.RoleStarted(1, role, "pekko://sluice/user/" + role.key(), "a", "cpu"));
            }
            log.append(new RunEvent.PhaseBegun(1, 1, 1, 0, 0, 4));
            log.append(new RunEvent.ServingChanged(1, "s", "m@teacher", "teacher:ab", "ab"));
            log.append(new RunEvent.RequestServed(1, "s", "r", "m@teacher", "teacher:ab", 1, 4, 1, 1, 2, 3));
            log.append(new RunEvent.CycleSkipped(1, 1, 1));
            log.append(new RunEvent.ExpertPublished(1, 1, "phase-1", "cd", "/gone/phase-1.pt"));
            log.append(new RunEvent.RequestsCounted(
                    1,
                    "s",
                    Map.of("accepted", 1L, "served", 1L, "cancelled", 0L, "failed", 0L, "refused", 0L, "open", 0L),
                    false));
            log.append(new RunEvent.RunFinished(1, 3));
            for (int cycle = 0; cycle < 4; cycle++) {
                csv.append(
                        new CycleReport(1, cycle, new CriticReport(List.of(1.5), 0, 0), 1, Double.NaN, cycle != 1), 9);
            }
        }
        Files.writeString(run.expert(1), "an expert");
        events = Files.readAllBytes(run.events());
        metrics = Files.readAllBytes(run.metrics());
    }

    @AfterContainer
    static void clear() throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    @Property(tries = 10_000)
    void anyEventLogIsReadAndChecked(@ForAll long seed) throws IOException {
        byte[] hurt = hurt(events, new Random(seed));
        Files.write(run.events(), hurt);
        Files.write(run.metrics(), metrics);

        EventLog.Reading reading = EventLog.read(run.events());

        long lines = new String(hurt, StandardCharsets.ISO_8859_1)
                .chars()
                .filter(c -> c == '\n')
                .count();
        assertThat((long) reading.events().size() + reading.damaged().size()).isEqualTo(lines);
        assertThat(reading.of(RunEvent.OfEpoch.class)).allMatch(event -> Epoch.isOne(event.epoch()));
        assertThat(RunCheck.of(run, List.of(4), file -> "cd").facts()).isNotEmpty();
        if (seed % 16 == 0) {
            goesOn();
        }
    }

    @Property(tries = 10_000)
    void anyMetricsAreReadRewoundAndChecked(@ForAll long seed) throws IOException {
        Files.write(run.events(), events);
        Files.write(run.metrics(), hurt(metrics, new Random(seed)));

        assertThat(MetricsCsv.reading(run.metrics()).rows()).isNotNull();
        assertThat(RunCheck.of(run, List.of(4), file -> "cd").facts()).isNotEmpty();
        try (MetricsCsv csv = new MetricsCsv(run.metrics())) {
            csv.rewind(1, 2);
        }
    }

    private static void goesOn() throws IOException {
        try (EventLog log = new EventLog(run.events(), Clock.systemUTC())) {
            log.append(new RunEvent.RunStopped(1, "phase 1, cycle 2"));
        }
        List<EventLog.Event> after = EventLog.read(run.events()).events();
        assertThat(after.get(after.size() - 1).event()).isEqualTo(new RunEvent.RunStopped(1, "phase 1, cycle 2"));
    }

    /** One to four injuries. */
    private static byte[] hurt(byte[] whole, Random random) {
        byte[] bytes = whole.clone();
        for (int i = random.nextInt(4); i >= 0; i--) {
            int at = random.nextInt(bytes.length + 1);
            switch (random.nextInt(6)) {
                case 0 -> bytes = Arrays.copyOf(bytes, at);
                case 1 -> bytes = splice(bytes, at, LIES.get(random.nextInt(LIES.size())) + "\n");
                case 2 -> bytes = splice(bytes, at, new String(bytes, 0, at, StandardCharsets.ISO_8859_1));
                case 3 -> {
                    byte[] noise = new byte[random.nextInt(64)];
                    random.nextBytes(noise);
                    bytes = splice(bytes, at, new String(noise, StandardCharsets.ISO_8859_1));
                }
                case 4 -> {
                    int from = Math.min(at, bytes.length);
                    Arrays.fill(bytes, from, Math.min(bytes.length, from + random.nextInt(512)), (byte) 0);
                }
                default -> {
                    if (at < bytes.length) {
                        bytes[at] ^= (byte) (1 << random.nextInt(8));
                    }
                }
            }
        }
        return bytes;
    }

    private static byte[] splice(byte[] into, int at, String text) {
        byte[] piece = text.getBytes(StandardCharsets.ISO_8859_1);
        byte[] spliced = Arrays.copyOf(into, into.length + piece.length);
        System.arraycopy(into, at, spliced, at + piece.length, into.length - at);
        System.arraycopy(piece, 0, spliced, at, piece.length);
        return spliced;
    }
}
