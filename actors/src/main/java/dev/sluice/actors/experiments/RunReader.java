package dev.sluice.actors.experiments;

import dev.sluice.config.BadSettings;
import dev.sluice.config.DeploymentSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.ExperimentStatus;
import dev.sluice.runtime.network.NetworkFileException;
import dev.sluice.runtime.trial.MemoryBudget;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What the keeper of experiments has parsed, read and hashed, which may take long or break: each on a thread of the
 * executor, where everything that is thrown, errors of the virtual machine too, is how that one stage ends.
 *
 * <p>Thread-safe; nothing of what is read is kept.
 */
final class RunReader {
    private final DeploymentSettings here;
    private final Path home;
    private final MemoryBudget budget;
    private final Executor threads;
    private final AtomicInteger submissions = new AtomicInteger();

    /**
     * @param home of the installation; relative teachers are found from it
     * @param budget of which each run that is started is promised what it needs
     * @param threads may wait for disks
     */
    RunReader(DeploymentSettings here, Path home, MemoryBudget budget, Executor threads) {
        this.here = here;
        this.home = home.toAbsolutePath().normalize();
        this.budget = budget;
        this.threads = threads;
    }

    /** A run as its folder has it. */
    record Found(RunFolder folder, Settings settings, ExperimentStatus status) {}

    /**
     * A submitted experiment that may be begun. All that is to be tried of it before it is believed is tried here.
     *
     * @param config HOCON, whatever it is
     */
    CompletionStage<Settings> submitted(String config) {
        submissions.incrementAndGet();
        return onThread(() -> {
            try {
                return checked(config);
            } finally {
                submissions.decrementAndGet();
            }
        });
    }

    /** Submissions that are being looked at, whether or not somebody still waits for it. */
    int submissions() {
        return submissions.get();
    }

    private Settings checked(String config) {
        Settings settings = Settings.submitted(config, here, home);
        Path teacher = settings.experiment().teacher();
        try {
            TeacherCheck.requireRoom(settings, TeacherCheck.requireFits(settings), budget);
        } catch (NetworkFileException e) {
            throw teacher.startsWith(home) ? e : BadSettings.ofTeacher(teacher, e);
        }
        return settings;
    }

    /** What is in a run's folder, if it is one. */
    CompletionStage<Found> found(Path run) {
        return onThread(() -> {
            RunFolder folder = RunFolder.open(run);
            Settings settings = Settings.read(folder.config());
            return new Found(folder, settings, SubmittedRuns.status(folder, settings));
        });
    }

    /** Where a run begins or goes on, under a new epoch; whoever asks holds the folder's lock until this is done. */
    CompletionStage<RunStart> start(RunFolder folder, Settings settings) {
        return onThread(() -> {
            Settings now = settings.takenUpBy(here);
            TeacherCheck.promiseRoom(now, TeacherCheck.requireFits(now), budget);
            // A log that was lost is no reason to begin again over what the run has kept.
            boolean begun = Files.exists(folder.events()) || Files.exists(folder.epochs());
            return begun ? RunStart.resumed(now, folder) : RunStart.first(now, folder);
        });
    }

    private <T> CompletionStage<T> onThread(Callable<T> work) {
        return CompletableFuture.supplyAsync(
                () -> {
                    try {
                        return work.call();
                    } catch (RuntimeException e) {
                        throw e;
                    } catch (Exception e) {
                        throw new CompletionException(e);
                    }
                },
                threads);
    }

    /** What was thrown, as it was thrown. */
    static Throwable cause(Throwable failure) {
        return failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
    }
}
