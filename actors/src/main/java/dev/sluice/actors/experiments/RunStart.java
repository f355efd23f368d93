package dev.sluice.actors.experiments;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.files.FileServer;
import dev.sluice.actors.recorder.Recorder;
import dev.sluice.actors.supervisor.Gallery;
import dev.sluice.actors.supervisor.Outcome;
import dev.sluice.actors.supervisor.PhaseSupervisor;
import dev.sluice.actors.supervisor.RunPlan;
import dev.sluice.config.ExperimentSettings;
import dev.sluice.config.Settings;
import dev.sluice.config.SupervisionSettings;
import dev.sluice.monitoring.progress.Progress;
import dev.sluice.monitoring.run.DamagedLine;
import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.monitoring.view.RunView;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.event.RunEvent;
import dev.sluice.protocol.message.FilesMessage;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.runtime.checkpoint.Checkpoint;
import dev.sluice.runtime.checkpoint.CheckpointStore;
import dev.sluice.runtime.checkpoint.Deaths;
import dev.sluice.runtime.checkpoint.Epochs;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;

/**
 * One start of a run, from its beginning or from its newest checkpoint, under an epoch of its own: everything that its
 * actors are made of.
 *
 * @param epoch claimed in the run's folder, higher than of any start before
 * @param past deaths of the process that trained the run
 * @param from empty for the run's beginning
 * @param notes for the user: what of the folder was not used, and where the run goes on
 * @param card of the teacher
 */
public record RunStart(
        Settings settings,
        RunFolder folder,
        ExpertRef teacher,
        int epoch,
        Deaths.Past past,
        Optional<Checkpoint> from,
        List<String> notes,
        NetworkCard card) {
    private static final int DAMAGE_NAMED = 5;

    /** The folder's checkpoints, or what the run is to be now, do not fit what it was; written for the user. */
    public static final class CannotResume extends RuntimeException {
        private static final long serialVersionUID = 1L;

        CannotResume(String message) {
            super(message);
        }
    }

    public RunStart {
        notes = List.copyOf(notes);
    }

    /**
     * A run in a folder that was just made. Reads the teacher, so not on a thread that must answer.
     *
     * @throws IOException when the folder cannot be written
     */
    public static RunStart first(Settings settings, RunFolder folder) throws IOException {
        Path file = settings.experiment().teacher();
        return begun(
                settings,
                folder,
                NetworkFile.reference("teacher", file),
                NetworkFile.readCard(file),
                0,
                Optional.empty(),
                List.of());
    }

    /** Last of all: a start that fails before it has begun nothing, and is no death. */
    private static RunStart begun(
            Settings settings,
            RunFolder folder,
            ExpertRef teacher,
            NetworkCard card,
            int lastEpoch,
            Optional<Checkpoint> from,
            List<String> notes)
            throws IOException {
        int epoch = new Epochs(folder.epochs()).claim(lastEpoch);
        Deaths.Past past = deaths(folder).begin(settings.supervision().restarts());
        return new RunStart(settings, folder, teacher, epoch, past, from, notes, card);
    }

    /**
     * Takes the start back, of which nothing was carried out: it is no death of the process.
     *
     * @throws IOException when that cannot be written down
     */
    public void takeBack() throws IOException {
        deaths(folder).ended();
    }

    /**
     * A run that was begun before, from its newest complete checkpoint. Reads it, and the teacher, so not on a thread that
     * must answer.
     *
     * @throws CannotResume when the settings or the teacher are not those that the run was begun with, or what is damaged
     *     leaves more than one way to go on
     * @throws IOException when the folder cannot be read or written
     */
    public static RunStart resumed(Settings settings, RunFolder folder) throws IOException {
        return resumed(settings, folder, false);
    }

    /**
     * As {@link #resumed(Settings, RunFolder)}, and says what to do where damage would cost work that a file which is put
     * back saves.
     *
     * @param settingAside whether to go on all the same, from the newest checkpoint that is whole or from the beginning. What
     *     is not used is renamed, never deleted
     */
    public static RunStart resumed(Settings settings, RunFolder folder, boolean settingAside) throws IOException {
        requireUnchanged(Settings.read(folder.config()).identity(), settings.identity());
        ExpertRef teacher =
                NetworkFile.reference("teacher", settings.experiment().teacher());
        EventLog.Reading log = log(folder);
        List<String> notes = new ArrayList<>();
        damage(log.damaged(), notes);
        Optional<Checkpoint> from = newest(folder, settings, teacher, settingAside, notes);
        int last = Math.max(RunView.of(log).epoch(), from.map(Checkpoint::epoch).orElse(0));
        NetworkCard card = NetworkFile.readCard(settings.experiment().teacher());
        return begun(settings, folder, teacher, card, last, from, notes);
    }

    private static void damage(List<DamagedLine> lines, List<String> notes) {
        lines.stream().limit(DAMAGE_NAMED).forEach(line -> notes.add(line + "; the run goes on without it"));
        if (lines.size() > DAMAGE_NAMED) {
            notes.add(lines.get(0).file() + " has " + (lines.size() - DAMAGE_NAMED) + " more damaged lines");
        }
    }

    private static void requireUnchanged(Map<String, String> was, Map<String, String> is) {
        String changes = differences(was, is);
        if (!changes.isEmpty()) {
            throw new CannotResume("a run cannot be resumed with another " + changes
                    + "\n        these may change: "
                    + Settings.changeable().stream()
                            .map(key -> key.endsWith(".") ? key + "*" : key)
                            .collect(Collectors.joining(", "))
                    + "\n        for the others, begin a new run with ./sluice distill");
        }
    }

    private static Optional<Checkpoint> newest(
            RunFolder folder, Settings settings, ExpertRef teacher, boolean settingAside, List<String> notes)
            throws IOException {
        List<String> foreign = new ArrayList<>();
        CheckpointStore store = checkpoints(folder);
        CheckpointStore.Found found = store.newest(checkpoint -> {
            Optional<String> objection = objection(checkpoint, settings.identity(), teacher);
            objection.ifPresent(foreign::add);
            return objection;
        });
        Optional<CheckpointStore.Ignored> undecided = found.undecided();
        if (undecided.isPresent() && !settingAside) {
            throw new CannotResume(undecided(undecided.get(), found.newest(), folder));
        }
        if (found.newest().isEmpty() && !foreign.isEmpty()) {
            throw new CannotResume("no checkpoint of " + folder.root() + " can be used: the newest " + foreign.get(0)
                    + "; put that back as it was, in " + folder.config()
                    + " or in the teacher's place, or begin a new run with ./sluice distill");
        }
        for (CheckpointStore.Ignored ignored : found.ignored()) {
            String kept = store.setAside(ignored)
                    .map(path -> "; it is kept as " + path)
                    .orElse("");
            notes.add("ignored checkpoint " + ignored.name() + ": " + ignored.reason() + kept);
        }
        if (undecided.isPresent()) {
            setExpertsAside(
                    folder, settings, found.newest().map(Checkpoint::phase).orElse(1), notes);
        }
        notes.add(found.newest()
                .map(c -> "resuming from " + where(c))
                .orElse("there is no complete checkpoint; the run begins again"));
        return found.newest();
    }

    private static String undecided(CheckpointStore.Ignored damaged, Optional<Checkpoint> newest, RunFolder folder) {
        return "checkpoint " + damaged.name() + " of " + folder.root() + " cannot be used: " + damaged.reason()
                + "\n        put the file back as it was, and resume again; nothing was changed"
                + "\n        or, to train again from "
                + newest.map(RunStart::where).orElse("the beginning") + ": ./sluice resume --run " + folder.root()
                + " --set-aside-damaged, which renames what it does not use to *.ignored and deletes nothing";
    }

    private static String where(Checkpoint checkpoint) {
        return "phase " + checkpoint.phase() + ", cycle " + checkpoint.cycle();
    }

    /** They are trained again, and what is there of them would be written over. */
    private static void setExpertsAside(RunFolder folder, Settings settings, int fromPhase, List<String> notes)
            throws IOException {
        for (int phase = fromPhase; phase <= settings.experiment().plan().phaseCount(); phase++) {
            if (Files.exists(folder.expert(phase))) {
                notes.add("the expert of phase " + phase + " is trained again; what was there is kept as "
                        + CheckpointStore.aside(folder.expert(phase)));
            }
        }
        try (EventLog events = new EventLog(folder.events(), Clock.systemUTC())) {
            events.append(new RunEvent.ExpertsSetAside(fromPhase));
            events.force();
        }
    }

    private static Optional<String> objection(Checkpoint checkpoint, Map<String, String> identity, ExpertRef teacher) {
        if (!checkpoint.teacherSha256().equals(teacher.sha256())) {
            return Optional.of("is of another teacher: its SHA-256 is " + checkpoint.teacherSha256() + ", that of "
                    + teacher.path() + " is " + teacher.sha256());
        }
        String changes = differences(checkpoint.configuration(), identity);
        return changes.isEmpty() ? Optional.empty() : Optional.of("is of another configuration: another " + changes);
    }

    /** Such as {@code experiment.recipe.seed (was 1, is 2)}; empty when there are none. */
    public static String differences(Map<String, String> was, Map<String, String> is) {
        TreeSet<String> keys = new TreeSet<>(was.keySet());
        keys.addAll(is.keySet());
        return keys.stream()
                .filter(key -> !Optional.ofNullable(was.get(key)).equals(Optional.ofNullable(is.get(key))))
                .map(key -> key + " (was " + was.get(key) + ", is " + is.get(key) + ")")
                .collect(Collectors.joining(", "));
    }

    /** What a run has recorded, with what is damaged of it; nothing when it was never begun. */
    public static EventLog.Reading log(RunFolder folder) throws IOException {
        return Files.exists(folder.events()) ? EventLog.read(folder.events()) : EventLog.Reading.NOTHING;
    }

    /** The checkpoints of a run. */
    public static CheckpointStore checkpoints(RunFolder folder) {
        return new CheckpointStore(folder.root(), folder.checkpoints());
    }

    private static Deaths deaths(RunFolder folder) {
        return new Deaths(folder.deaths());
    }

    /** Writes what the run leaves behind, pictures from other nodes too; spawn it with {@code DispatcherSelector.blocking()}. */
    public Behavior<RecorderMessage> recorder(Progress progress, Courier courier) {
        return courier.intake(
                RecorderMessage.class, Recorder.create(folder, progress, settings.experiment(), Clock.systemUTC()));
    }

    /** Has the run's experts and checkpoints, and its teacher, sent to nodes that do not see its folder. */
    public void serveFrom(ActorRef<FilesMessage> files) {
        files.tell(new FileServer.ServeRun(folder.root()));
        files.tell(new FileServer.ServeTeacher(settings.experiment().teacher()));
    }

    /**
     * @param courier of this node
     * @param listener hears once how the run ended
     */
    public Behavior<SupervisorMessage> supervisor(
            ActorRef<RecorderMessage> recorder, Courier courier, ActorRef<Outcome> listener) {
        ExperimentSettings experiment = settings.experiment();
        Gallery.Settings pictures = new Gallery.Settings(
                experiment.gridSamples(),
                card.classNames().size(),
                settings.serving().maxBatch(),
                settings.serving().deadline(),
                drawn());
        return PhaseSupervisor.create(
                plan(new ModelCard(experiment.name(), Optional.of(folder.id()), card.sampleShape(), card.classNames())),
                recorder,
                pictures,
                courier,
                listener);
    }

    private Set<Integer> drawn() {
        return IntStream.rangeClosed(0, settings.experiment().plan().phaseCount())
                .filter(phase -> Files.exists(folder.grid(phase)))
                .boxed()
                .collect(Collectors.toSet());
    }

    /** What the supervisor carries out. */
    public RunPlan plan(ModelCard card) {
        ExperimentSettings experiment = settings.experiment();
        SupervisionSettings supervision = settings.supervision();
        return new RunPlan(
                epoch,
                from,
                card,
                teacher,
                experiment.plan(),
                experiment.recipe(),
                experiment.cycles(),
                folder.expert(1).getParent(),
                experiment.teacherSteps(),
                experiment.snapshotEvery(),
                supervision.skippedLimit(),
                new RunPlan.Keeping(
                        checkpoints(folder),
                        new Epochs(folder.epochs()),
                        deaths(folder),
                        past,
                        settings.checkpoint().every(),
                        settings.checkpoint().keep(),
                        settings.identity()),
                new RunPlan.Timeouts(
                        supervision.rolesWithin(),
                        supervision.placeWithin(),
                        supervision.loadWithin(),
                        supervision.swapWithin(),
                        supervision.cycleStallAfter(),
                        supervision.workWithin()),
                new RunPlan.Restarts(supervision.restarts(), supervision.backOffMin(), supervision.backOffMax()));
    }
}
