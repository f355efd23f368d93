package dev.sluice.actors.experiments;

import com.sun.management.OperatingSystemMXBean;
import com.typesafe.config.ConfigFactory;
import dev.sluice.config.ExperimentSettings;
import dev.sluice.config.NodeSettings;
import dev.sluice.config.Settings;
import dev.sluice.runtime.distillation.PhaseSetting;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.NetworkFileException;
import dev.sluice.runtime.network.TrialReport;
import dev.sluice.runtime.network.TwoExperts;
import dev.sluice.runtime.network.TwoExpertsFile;
import dev.sluice.runtime.trial.MemoryBudget;
import dev.sluice.runtime.trial.MemoryEstimate;
import dev.sluice.runtime.trial.Trials;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * Whether an experiment and its teacher fit together and into the memory, before anything is opened or trained here. The
 * teacher is tried in a process of its own, so this blocks for seconds the first time that these bytes are seen.
 */
public final class TeacherCheck {
    private static final String MAX_MESSAGE = "sluice.wire.max-message";

    private TeacherCheck() {}

    /**
     * All checks but the one for room.
     *
     * @return what the experiment will need of memory
     * @throws IllegalArgumentException naming what to mend
     * @throws dev.sluice.runtime.network.NetworkFileException when the teacher's file cannot be used
     */
    public static MemoryEstimate requireFits(Settings settings) {
        ExperimentSettings experiment = settings.experiment();
        Path teacher = experiment.teacher();
        NetworkCard card = requireFits(experiment);
        requireShortMessages(settings, card);
        TrialReport report = tried(
                teacher,
                settings.node().trialWithin(),
                memory(settings.node().memoryGib()),
                settings.engine().threads());
        requireNone(teacher, report.evaluation());
        requireNone(teacher, report.withoutClass());
        requireNone(teacher, report.training());
        return MemoryEstimate.of(new MemoryEstimate.Experiment(
                report,
                TwoExpertsFile.isOne(teacher) ? 2 : 1,
                card.sampleSize(),
                experiment.plan(),
                experiment.recipe(),
                settings.serving().maxBatch(),
                experiment.gridSamples()));
    }

    /**
     * Whether samples can be drawn from a teacher alone.
     *
     * @param guided whether it is asked without a class too
     * @param within the trial, as {@code node.trial-within}
     * @param gib of memory, as {@code node.memory-gib}
     * @param threads of the engine
     * @throws IllegalArgumentException naming what to mend
     * @throws dev.sluice.runtime.network.NetworkFileException when the file cannot be used
     */
    public static void requireSamples(
            Path teacher, boolean guided, Duration within, Optional<Integer> gib, int threads) {
        TrialReport report = tried(teacher, within, memory(gib), threads);
        requireNone(teacher, report.evaluation());
        if (guided) {
            requireNone(teacher, report.withoutClass());
        }
    }

    /** The memory of this process for experiments. */
    public static MemoryBudget budget(NodeSettings node) {
        return new MemoryBudget(memory(node.memoryGib()), Runtime.getRuntime().maxMemory());
    }

    /**
     * Whether the experiment can have the memory: all of it on a node that plays every role on its CPU; elsewhere that of
     * each role, where {@code node.memory-gib} says what the nodes have.
     *
     * @throws IllegalArgumentException with the estimate and the mend
     */
    public static void requireRoom(Settings settings, MemoryEstimate estimate, MemoryBudget budget) {
        String name = settings.experiment().name();
        if (isAllHere(settings)) {
            budget.requireRoom(name, estimate);
        } else if (settings.node().memoryGib().isPresent()) {
            budget.requireRolesFit(name, estimate);
        }
    }

    /** {@link #requireRoom}, which then is this experiment's until it is released. */
    static void promiseRoom(Settings settings, MemoryEstimate estimate, MemoryBudget budget) {
        requireRoom(settings, estimate, budget);
        if (isAllHere(settings)) {
            budget.promise(settings.experiment().name(), estimate);
        }
    }

    private static boolean isAllHere(Settings settings) {
        return settings.node().isWholeCluster()
                && settings.engine().devices().stream().allMatch("cpu"::equals);
    }

    /** The parts that can be read off the configuration and the teacher's card. */
    private static NetworkCard requireFits(ExperimentSettings experiment) {
        Path teacher = experiment.teacher();
        Optional<TwoExperts> experts = experts(teacher);
        NetworkCard card = NetworkFile.readCard(teacher);
        if (card.phase() != 0) {
            throw new IllegalArgumentException("the teacher " + teacher + " is the distilled expert of phase "
                    + card.phase() + " of a run, not a teacher; name the file that the run was distilled from");
        }
        if (card.schedule() != experiment.recipe().schedule()) {
            throw new IllegalArgumentException(
                    "experiment.recipe.schedule is " + experiment.recipe().schedule() + ", the teacher " + teacher
                            + " was trained on " + card.schedule() + "; set it to that");
        }
        for (int k = 1; k <= experiment.plan().phaseCount(); k++) {
            // Its constructor refuses what does not go together.
            new PhaseSetting(experiment.plan(), k, experiment.recipe(), experts);
        }
        return card;
    }

    /** Within one process no message is written, and none is too long. */
    private static void requireShortMessages(Settings settings, NetworkCard card) {
        if (settings.node().isWholeCluster() && settings.node().port() == 0) {
            return;
        }
        int batch = settings.experiment().recipe().batch();
        long most = ConfigFactory.load().getBytes(MAX_MESSAGE);
        long needed = MemoryEstimate.largestMessage(batch, card.sampleSize());
        if (needed > most) {
            throw new IllegalArgumentException("experiment.recipe.batch = " + batch + " makes messages of "
                    + (needed >> 20) + " MiB with samples of " + card.sampleSize() + " elements, and " + MAX_MESSAGE
                    + " is " + (most >> 20) + " MiB; take a batch of at most "
                    + MemoryEstimate.largestBatch(most, card.sampleSize())
                    + ", or raise that on every node (docs/transport.md)");
        }
    }

    private static TrialReport tried(Path teacher, Duration within, long memory, int threads) {
        if (within.isZero()) {
            return untried(teacher);
        }
        try {
            return Trials.of(teacher, new Trials.Limits(within, memory / 4, memory / 4 * 3, threads));
        } catch (IllegalStateException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    private static TrialReport untried(Path teacher) {
        try {
            return new TrialReport("", "", "", Files.size(teacher), 0, 0);
        } catch (IOException e) {
            throw new IllegalArgumentException("the teacher " + teacher + " cannot be read: " + e.getMessage(), e);
        }
    }

    private static void requireNone(Path teacher, String problem) {
        if (!problem.isEmpty()) {
            throw new IllegalArgumentException("the teacher " + teacher + ": " + problem);
        }
    }

    private static long memory(Optional<Integer> given) {
        return given.map(gib -> (long) gib << 30)
                .orElseGet(() -> ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean machine
                        ? machine.getTotalMemorySize()
                        : Long.MAX_VALUE);
    }

    /** Its two parts, if it has some: both files, for to open anything else may wait for ever. */
    private static Optional<TwoExperts> experts(Path teacher) {
        requireFile(teacher, teacher);
        if (!TwoExpertsFile.isOne(teacher)) {
            return Optional.empty();
        }
        TwoExperts experts = TwoExpertsFile.read(teacher);
        requireFile(teacher, Path.of(experts.highNoise().path()));
        requireFile(teacher, Path.of(experts.lowNoise().path()));
        return Optional.of(experts);
    }

    private static void requireFile(Path teacher, Path file) {
        if (!Files.isRegularFile(file)) {
            throw new NetworkFileException(teacher, "there is no file " + file + "; name one that there is");
        }
    }
}
