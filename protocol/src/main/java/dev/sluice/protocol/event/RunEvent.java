package dev.sluice.protocol.event;

import dev.sluice.protocol.Role;
import java.util.Map;
import java.util.OptionalLong;

/**
 * Something that happened in a run. Each record is one type of line of the run's {@code events.jsonl}: its name and those
 * of its components, in lower case with hyphens, are the line's ({@link EventForm}), so renaming one changes the format.
 *
 * <p>Phases count from 1, cycles of a phase from 0. Times are in the unit that the name says.
 */
public sealed interface RunEvent {
    /** Happened under one start of the run, which {@code epoch} numbers. */
    sealed interface OfEpoch extends RunEvent {
        int epoch();
    }

    /**
     * A role of the run was placed.
     *
     * @param actor its path, which a process that is started again at the same address gives again
     * @param node by its name, for people
     */
    record RoleStarted(int epoch, Role role, String actor, String node, String device) implements OfEpoch {}

    /** The actor of a role is gone. */
    record RoleStopped(int epoch, Role role, String actor) implements OfEpoch {}

    /**
     * Something failed that the run may survive; what it does about it follows.
     *
     * @param role as configured, or {@code store} or {@code ring}
     */
    record FaultSeen(int epoch, String role, String cause) implements OfEpoch {}

    /** The run trains again after a fault, {@code millis} after it was seen, from that cycle on. */
    record RecoveryDone(int epoch, int phase, int cycle, long millis) implements OfEpoch {}

    /** Numbers were not finite for too long: the phase goes on from its last checkpoint, or its beginning (cycle 0). */
    record WentBack(int epoch, int phase, int cycle) implements OfEpoch {}

    /** A node leaves, and what it trained goes on elsewhere from that cycle. */
    record HandedOver(int epoch, int phase, int cycle) implements OfEpoch {}

    /**
     * Training of a phase begins or goes on.
     *
     * @param start noise level at which the phase's trajectories begin, in [0, 1]
     * @param boundary noise level at which they end
     * @param cycle the next one
     * @param cycles that the phase has in all
     */
    record PhaseBegun(int epoch, int phase, double start, double boundary, int cycle, int cycles) implements OfEpoch {}

    /** All cycles of a phase are committed. */
    record PhaseEnded(int epoch, int phase, int cycles) implements OfEpoch {}

    /** A cycle was committed without a step of the generator, as its gradient was not finite. */
    record CycleSkipped(int epoch, int phase, int cycle) implements OfEpoch {}

    /** The state after {@code cycle} cycles of the phase is on the disk, whole. */
    record CheckpointKept(int epoch, int phase, int cycle) implements OfEpoch {}

    record CheckpointFailed(int epoch, int phase, int cycle, String reason) implements OfEpoch {}

    /**
     * The expert of a phase is finished and on the disk.
     *
     * @param version such as {@code phase-1}
     * @param sha256 of the file, lower-case hex
     */
    record ExpertPublished(int epoch, int phase, String version, String sha256, String path) implements OfEpoch {}

    /** A sampler, by its path, serves the run for the first time. */
    record Serving(int epoch, String model, String sampler) implements OfEpoch {}

    /** A sampler was told to serve the expert of that phase. */
    record SwapBegun(int epoch, int phase, String version) implements OfEpoch {}

    /** A sampler serves it, {@code millis} after it was told to. */
    record SwapDone(int epoch, int phase, String version, String sha256, long millis) implements OfEpoch {}

    /** A sampler cannot serve it and serves on what it has. */
    record SwapRefused(int epoch, int phase, String reason) implements OfEpoch {}

    /**
     * From the sampler's next batch on other networks answer.
     *
     * @param sampler its name here and in the events of requests, which no two actors of any time share
     * @param experts {@code version:sha256} of each network, noisiest part first, with spaces between them
     * @param teacher SHA-256 of the teacher, which is one of the experts as long as it stands in for one
     */
    record ServingChanged(int epoch, String sampler, String modelVersion, String experts, String teacher)
            implements OfEpoch {}

    /** One request in a sample of those that were served. */
    record RequestServed(
            int epoch,
            String sampler,
            String request,
            String modelVersion,
            String experts,
            int samples,
            int nfe,
            long batch,
            int batchSize,
            long queueMillis,
            long computeMillis)
            implements OfEpoch {}

    /**
     * What became of a sampler's requests since it started.
     *
     * @param counts {@code accepted}, {@code served}, {@code open}, and for {@code cancelled}, {@code failed} and
     *     {@code refused} the sum and each reason that occurred, such as {@code failed-error}
     * @param last there will be no more of this sampler
     */
    record RequestsCounted(int epoch, String sampler, Map<String, Long> counts, boolean last) implements OfEpoch {
        public RequestsCounted {
            counts = Map.copyOf(counts);
        }
    }

    record RunFinished(int epoch, long seconds) implements OfEpoch {}

    record RunFailed(int epoch, String cause) implements OfEpoch {}

    record RunCancelled(int epoch) implements OfEpoch {}

    /** The run was stopped before it was finished. */
    record RunStopped(int epoch, String resumesFrom) implements OfEpoch {}

    /**
     * What a process had cost when it told.
     *
     * @param roles that it may play, with spaces between them: its cost is not that of the others
     * @param peakResidentBytes empty where the system does not tell, as {@code cpuMillis} is
     */
    record ProcessCost(String roles, OptionalLong peakResidentBytes, OptionalLong cpuMillis) implements RunEvent {}

    /** A resumed run trains the experts from that phase on again; the files of before are renamed. */
    record ExpertsSetAside(int fromPhase) implements RunEvent {}

    /** A file of the run, by its path in the run's folder, could not be written. */
    record RecordingFailed(String file, String cause) implements RunEvent {}

    /** It can be written again; {@code missed} entries are missing. */
    record RecordingResumed(String file, long missed) implements RunEvent {}

    /** The log ended in a line that was not finished, with this text. */
    record TornLineDropped(String text) implements RunEvent {}

    /** An event that another version of Sluice wrote, of which nothing is known but its type. */
    record Unknown(String type) implements RunEvent {}
}
