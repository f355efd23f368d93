package dev.sluice.actors.cli;

import dev.sluice.actors.experiments.RunStart;
import dev.sluice.actors.experiments.TeacherCheck;
import dev.sluice.config.ExperimentSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.monitoring.view.RunView;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.event.RunEvent;
import dev.sluice.runtime.checkpoint.Checkpoint;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.sampling.MixturePlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** What a run's folder holds, for the commands that use it afterwards. */
final class Runs {
    private Runs() {}

    /**
     * The mixture that the run has finished: its experts as far as they go, the teacher behind them. Every file is the one
     * that the run's records name; the folder may have been moved or copied.
     *
     * @throws UserError when a file is missing or another than the run says, or nothing says what it should be
     * @throws IOException when the records cannot be read
     */
    static MixturePlan finished(RunFolder folder) throws IOException {
        Settings settings = Settings.read(folder.config());
        ExperimentSettings experiment = settings.experiment();
        EventLog.Reading log = RunStart.log(folder);
        List<Checkpoint> manifests = RunStart.checkpoints(folder).manifests();
        ExpertRef teacher = teacher(experiment, folder, log, manifests);
        NetworkCard card = NetworkFile.readCard(experiment.teacher());
        List<ExpertRef> experts = new ArrayList<>();
        for (int phase = 1; phase <= experiment.plan().phaseCount(); phase++) {
            Optional<ExpertRef> expert = expert(folder, phase, log, manifests);
            if (expert.isEmpty()) {
                break;
            }
            experts.add(expert.get());
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
                new ModelCard(experiment.name(), Optional.of(folder.id()), card.sampleShape(), card.classNames()),
                experiment.plan(),
                experiment.recipe().schedule(),
                teacher,
                experiment.teacherSteps(),
                experiment.recipe().guidance(),
                experts);
    }

    private static Optional<ExpertRef> expert(
            RunFolder folder, int phase, EventLog.Reading log, List<Checkpoint> manifests) {
        Path file = folder.expert(phase);
        Set<String> said = saidOf(phase, log, manifests);
        if (said.isEmpty()) {
            if (!Files.exists(file) || isBeingTrained(phase, log)) {
                return Optional.empty();
            }
            throw new UserError(
                    file + " is not used: neither the run's events.jsonl nor a checkpoint says what its SHA-256"
                            + " is, so nobody knows whether it is whole"
                            + log.damaged().stream()
                                    .findFirst()
                                    .map(line -> "\n        " + line)
                                    .orElse("")
                            + "\n        put " + folder.events() + " back as the run left it");
        }
        if (!Files.isRegularFile(file)) {
            throw new UserError(
                    file + " is missing: the run published it, with the SHA-256 " + oneOf(said) + "; put it back");
        }
        ExpertRef found = NetworkFile.reference("phase-" + phase, file);
        if (!said.contains(found.sha256())) {
            throw new UserError(file + " is damaged, or another file: its SHA-256 is " + found.sha256()
                    + ", the run says " + oneOf(said) + "; put the file back as it was");
        }
        return Optional.of(found);
    }

    /** SHA-256 by the newest publication and by the newest manifest; they are alike unless a record is damaged. */
    private static Set<String> saidOf(int phase, EventLog.Reading log, List<Checkpoint> manifests) {
        Set<String> said = new LinkedHashSet<>();
        RunView.of(log).experts().stream()
                .filter(expert -> expert.version().equals("phase-" + phase))
                .reduce((before, last) -> last)
                .map(RunEvent.ExpertPublished::sha256)
                .ifPresent(said::add);
        manifests.stream()
                .filter(manifest -> manifest.experts().size() >= phase)
                .findFirst()
                .ifPresent(
                        manifest -> said.add(manifest.experts().get(phase - 1).sha256()));
        return said;
    }

    /** The file is there before the log tells of it: a run that is killed in between, or is looked at, has not finished it. */
    private static boolean isBeingTrained(int phase, EventLog.Reading log) {
        RunView view = RunView.of(log);
        return log.damaged().isEmpty() && !view.isFinished() && view.begun().contains(phase);
    }

    private static ExpertRef teacher(
            ExperimentSettings experiment, RunFolder folder, EventLog.Reading log, List<Checkpoint> manifests) {
        ExpertRef teacher = NetworkFile.reference("teacher", experiment.teacher());
        Set<String> said = new LinkedHashSet<>();
        manifests.forEach(manifest -> said.add(manifest.teacherSha256()));
        log.of(RunEvent.ServingChanged.class).forEach(changed -> said.add(changed.teacher()));
        // A run that never trained nor served has no teacher yet.
        if (!said.isEmpty() && !said.contains(teacher.sha256())) {
            throw new UserError("the teacher " + teacher.path()
                    + " is not the one that the run was trained with: its SHA-256"
                    + " is " + teacher.sha256() + ", the run says " + oneOf(said)
                    + "\n        put that file back, or name its place as experiment.teacher in " + folder.config());
        }
        return teacher;
    }

    private static String oneOf(Set<String> said) {
        return String.join(" or ", said);
    }
}
