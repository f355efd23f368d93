package dev.sluice.protocol;

/**
 * How far an experiment of the cluster is.
 *
 * @param name of the experiment and of the model that it makes
 * @param run its folder
 * @param epoch of its last start or recovery; 0 before the first
 * @param phase that is being trained, counted from 1; 0 before the first
 * @param cycle committed in that phase
 * @param cycles that the phase is to have
 * @param message why it failed, or where it goes on from; empty otherwise
 */
public record ExperimentStatus(
        String name, String run, State state, int epoch, int phase, int phases, int cycle, int cycles, String message) {
    /** What it is at. */
    public enum State {
        /** Its roles are being placed, or put back. */
        WAITING,
        TRAINING,
        FINISHED,
        FAILED,
        CANCELLED;

        /** Whether nothing more will become of it. */
        public boolean isOver() {
            return this == FINISHED || this == FAILED || this == CANCELLED;
        }
    }
}
