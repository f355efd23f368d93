package dev.sluice.actors.experiments;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.actors.fake.TrainedRun;
import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.view.RunView;
import dev.sluice.protocol.Epoch;
import dev.sluice.protocol.event.RunEvent;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** What a cluster's keeper and a resumed run read of an event log that is hurt in any way: a state and an epoch, always. */
class HostileEventsTest {
    private static final List<String> LIES = List.of(
            "\"epoch\":2147483647,",
            "\"epoch\":-5,",
            "\"epoch\":{},",
            "\"type\":\"run-failed\",",
            "\"type\":\"run-finished\",",
            "\"from-phase\":\"x\",",
            "\n\n\0\n");

    private static Path home;
    private static TrainedRun run;
    private static byte[] events;

    @BeforeContainer
    static void train() throws IOException {
        home = Files.createTempDirectory("sluice-events-");
        run = new TrainedRun(home);
        run.begin(1);
        run.publish(1);
        run.tell(new RunEvent.ExpertsSetAside(1));
        run.tell(new RunEvent.RunFailed(1, "a fault"));
        events = Files.readAllBytes(run.folder.events());
    }

    @AfterContainer
    static void clear() throws IOException {
        try (Stream<Path> files = Files.walk(home)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    @Property(tries = 10_000)
    void everyReaderAnswers(@ForAll long seed) throws IOException {
        Files.write(run.folder.events(), hurt(new Random(seed)));

        assertThat(SubmittedRuns.status(run.folder, run.settings).epoch()).isBetween(0, Epoch.LAST);
        EventLog.Reading log = RunStart.log(run.folder);
        assertThat(RunView.of(log).epoch()).isBetween(0, Epoch.LAST);
        assertThat(RunView.of(log).experts()).hasSizeLessThan(10);
    }

    private static byte[] hurt(Random random) {
        byte[] bytes = events.clone();
        for (int i = random.nextInt(4); i >= 0; i--) {
            int at = random.nextInt(bytes.length);
            byte[] lie = LIES.get(random.nextInt(LIES.size())).getBytes(StandardCharsets.UTF_8);
            switch (random.nextInt(4)) {
                case 0 -> bytes = Arrays.copyOf(bytes, at + 1);
                case 1 -> System.arraycopy(lie, 0, bytes, at, Math.min(lie.length, bytes.length - at));
                case 2 -> Arrays.fill(bytes, at, Math.min(bytes.length, at + random.nextInt(300)), (byte) 0);
                default -> bytes[at] ^= (byte) (1 << random.nextInt(8));
            }
        }
        return bytes;
    }
}
