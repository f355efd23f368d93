package dev.sluice.config;

/**
 * When a run's state is kept: section {@code checkpoint}. The end of every phase and a requested stop are kept besides.
 *
 * @param every cycles of a phase between two checkpoints; 0 for none but those besides
 * @param keep newest that stay on the disk
 */
public record CheckpointSettings(int every, int keep) {
    public CheckpointSettings {
        Limits limits = new Limits("checkpoint");
        limits.within("every", every, 0, 10_000_000);
        limits.within("keep", keep, 1, 1000);
        limits.refuse();
    }
}
