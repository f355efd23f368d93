package dev.sluice.actors.experiments;

import dev.sluice.config.ExperimentSettings;
import dev.sluice.runtime.distillation.PhaseSetting;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.TwoExperts;
import dev.sluice.runtime.network.TwoExpertsFile;
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
        NetworkCard card = NetworkFile.readCard(teacher);
        if (card.schedule() != experiment.recipe().schedule()) {
            throw new IllegalArgumentException(
                    "experiment.recipe.schedule is " + experiment.recipe().schedule() + ", the teacher " + teacher
                            + " was trained on " + card.schedule() + "; set it to that");
        }
        Optional<TwoExperts> experts =
                TwoExpertsFile.isOne(teacher) ? Optional.of(TwoExpertsFile.read(teacher)) : Optional.empty();
        for (int k = 1; k <= experiment.plan().phaseCount(); k++) {
            // Its constructor refuses what does not go together.
            new PhaseSetting(experiment.plan(), k, experiment.recipe(), experts);
        }
    }
}
