package dev.sluice.actors.experiments;

import dev.sluice.config.ExperimentSettings;
import dev.sluice.runtime.distillation.PhaseSetting;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.NetworkFileException;
import dev.sluice.runtime.network.TwoExperts;
import dev.sluice.runtime.network.TwoExpertsFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Whether an experiment and its teacher fit together, before anything is opened or trained. */
public final class TeacherCheck {
    private TeacherCheck() {}

    /**
     * @throws IllegalArgumentException naming what to mend
     * @throws dev.sluice.runtime.network.NetworkFileException when the teacher's file cannot be used
     */
    public static void requireFits(ExperimentSettings experiment) {
        Path teacher = experiment.teacher();
        Optional<TwoExperts> experts = experts(teacher);
        NetworkCard card = NetworkFile.readCard(teacher);
        if (card.schedule() != experiment.recipe().schedule()) {
            throw new IllegalArgumentException(
                    "experiment.recipe.schedule is " + experiment.recipe().schedule() + ", the teacher " + teacher
                            + " was trained on " + card.schedule() + "; set it to that");
        }
        for (int k = 1; k <= experiment.plan().phaseCount(); k++) {
            // Its constructor refuses what does not go together.
            new PhaseSetting(experiment.plan(), k, experiment.recipe(), experts);
        }
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
