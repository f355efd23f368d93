package dev.sluice.actors.experiments;

import dev.sluice.config.Settings;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.monitoring.view.RunView;
import dev.sluice.protocol.ExperimentStatus;
import dev.sluice.protocol.ExperimentStatus.State;
import dev.sluice.protocol.file.Durable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * The runs that were submitted to the cluster, as the folder of all runs has them.
 *
 * @param folder of all runs; made with the first
 */
record SubmittedRuns(Path folder) {
    /** Tells them from runs that a command of its own carries out. */
    private static final String MARK = ".submitted";

    /** In the folder of a run that nobody wants any more. */
    private static final String CANCELLED = ".cancelled";

    /** Makes the folder of a new run: the experiment's name and the next number. */
    RunFolder make(Settings settings) throws IOException {
        String name = settings.experiment().name();
        int n = 1;
        while (Files.exists(folder.resolve(name + "-" + n))) {
            n++;
        }
        RunFolder run = RunFolder.create(folder.resolve(name + "-" + n), settings.render());
        Durable.claim(run.root().resolve(MARK));
        return run;
    }

    /** All of them, in the order of their folders' ages. */
    List<Path> all() throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> runs = Files.list(folder)) {
            return runs.filter(run -> Files.exists(run.resolve(MARK)))
                    .sorted(Comparator.comparingLong(SubmittedRuns::madeAt).thenComparing(Path::toString))
                    .toList();
        }
    }

    private static long madeAt(Path run) {
        try {
            return Files.getLastModifiedTime(run.resolve(MARK)).toMillis();
        } catch (IOException e) {
            return Long.MAX_VALUE;
        }
    }

    /**
     * Writes down that a run is cancelled, whatever becomes of those who carry it out: nobody takes it up any more.
     *
     * @throws IOException when it cannot be written
     */
    static void cancel(Path run) throws IOException {
        Durable.write(run.resolve(CANCELLED), nothing -> {});
    }

    /** What the records of a run say of it; WAITING for one that is not over. */
    static ExperimentStatus status(RunFolder run, Settings settings) throws IOException {
        RunView view = RunView.of(RunStart.log(run));
        State state =
                switch (view.state()) {
                    case UNDER_WAY -> State.WAITING;
                    case FINISHED -> State.FINISHED;
                    case FAILED -> State.FAILED;
                    case CANCELLED -> State.CANCELLED;
                };
        if (state == State.WAITING && Files.exists(run.root().resolve(CANCELLED))) {
            state = State.CANCELLED;
        }
        List<Integer> cycles = settings.experiment().cycles();
        int phases = cycles.size();
        boolean finished = state == State.FINISHED;
        return new ExperimentStatus(
                settings.experiment().name(),
                run.root().toString(),
                state,
                view.epoch(),
                finished ? phases : 0,
                phases,
                finished ? cycles.get(phases - 1) : 0,
                finished ? cycles.get(phases - 1) : 0,
                view.cause());
    }
}
