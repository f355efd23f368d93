package dev.sluice.config;

/**
 * What the nodes of a cluster must agree on: section {@code cluster}.
 *
 * @param profile for which machines and which network the nodes' patience with one another is set
 */
public record ClusterSettings(Profile profile) {
    /** A named set of values of Pekko's failure detector and split-brain resolver, with the reasons beside them. */
    public enum Profile {
        /** Processes that share a few cores with what they compute: {@code profiles/loaded-machine.conf}. */
        LOADED_MACHINE,
        /** A machine a node, and a network that may break between them: {@code profiles/real-cluster.conf}. */
        REAL_CLUSTER
    }
}
