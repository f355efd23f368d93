package dev.sluice.actors.cli;

/** The cluster has taken this process for dead, or for the smaller part of a split, and goes on without it. */
final class RemovedFromCluster extends RuntimeException {
    private static final long serialVersionUID = 1L;

    RemovedFromCluster() {
        super("this node was removed from the cluster, which goes on without it; the log says why. Start it again");
    }
}
