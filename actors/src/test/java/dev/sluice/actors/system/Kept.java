package dev.sluice.actors.system;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.Role;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;

/** A run over a process for each role, which the command line starts and starts again. */
final class Kept implements AutoCloseable {
    private final Sluice sluice;
    private final Cluster records;

    Kept(Path run, String... more) throws IOException {
        List<String> all = new ArrayList<>(List.of("--processes"));
        all.addAll(List.of(more));
        this.sluice = Sluice.start(Cluster.distill(run, all.toArray(String[]::new)));
        this.records = new Cluster(run);
        this.records.watch(sluice);
    }

    Sluice sluice() {
        return sluice;
    }

    /** The run's records; the command line stands for its control node. */
    Cluster records() {
        return records;
    }

    /** The process that plays {@code role}, once it has been started {@code incarnation} times again. */
    long pid(Role role, int incarnation) {
        Pattern line = Pattern.compile("the " + role.key() + " is process (\\d+)");
        return Awaitility.await("incarnation " + incarnation + " of the " + role.key())
                .atMost(Cluster.PATIENCE)
                .until(
                        () -> {
                            List<Long> pids = new ArrayList<>();
                            for (String text : sluice.output()) {
                                Matcher matcher = line.matcher(text);
                                if (matcher.find()) {
                                    pids.add(Long.parseLong(matcher.group(1)));
                                }
                            }
                            assertThat(sluice.isAlive() || pids.size() > incarnation)
                                    .as(String.join("\n", sluice.output()))
                                    .isTrue();
                            return pids.size() > incarnation ? pids.get(incarnation) : null;
                        },
                        found -> found != null);
    }

    @Override
    public void close() {
        records.close();
    }
}
