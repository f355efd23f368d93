package dev.sluice.actors.cli;

import dev.sluice.actors.experiments.TeacherCheck;
import dev.sluice.config.ExperimentSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.sampling.MixturePlan;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What a run's folder holds, for the commands that use it afterwards. */
final class Runs {
    private Runs() {}

    /** The mixture that the run has finished: its experts as far as they go, the teacher behind them. */
    static MixturePlan finished(RunFolder folder) {
        Settings settings = Settings.read(folder.config());
        ExperimentSettings experiment = settings.experiment();
        NetworkCard teacher = NetworkFile.readCard(experiment.teacher());
        List<ExpertRef> experts = new ArrayList<>();
        for (int k = 1; k <= experiment.plan().phaseCount(); k++) {
            Path file = folder.expert(k);
            if (!Files.exists(file)) {
                break;
            }
            experts.add(NetworkFile.reference("phase-" + k, file));
        }
        if (experts.size() < experiment.plan().phaseCount()) {
            UserError.whenRefused(() -> TeacherCheck.requireSamples(
                    experiment.teacher(),
                    true,
                    settings.node().trialWithin(),
                    settings.node().memoryGib(),
                    settings.engine().threads()));
        }
        return new MixturePlan(
                new ModelCard(experiment.name(), Optional.of(folder.id()), teacher.sampleShape(), teacher.classNames()),
                experiment.plan(),
                experiment.recipe().schedule(),
                NetworkFile.reference("teacher", experiment.teacher()),
                experiment.teacherSteps(),
                experiment.recipe().guidance(),
                experts);
    }
}
