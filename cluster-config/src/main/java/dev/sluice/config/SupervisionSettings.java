package dev.sluice.config;

import java.time.Duration;

/**
 * How long the supervisor waits before it calls something a failure, and how often it mends one: section
 * {@code supervision}.
 *
 * @param rolesWithin somebody is found for a role that nobody plays, at the start and whenever one is lost
 * @param placeWithin a node has answered the order to play a role
 * @param loadWithin a role has loaded its networks, or written its part of a checkpoint
 * @param swapWithin the sampler has loaded, checked and warmed a new expert, and serves it
 * @param workWithin a worker has ended one piece of work; a worker that has not is stuck, and its role has failed
 * @param cycleStallAfter no cycle was committed: health is progress, not an actor that answers
 * @param restarts failures in a row, with no checkpoint kept between them, that a run survives
 * @param backOffMin wait after the first failure; it doubles with each
 * @param backOffMax longest wait
 * @param skippedLimit steps of the generator in a row that may be left out because their gradient was not finite
 */
public record SupervisionSettings(
        Duration rolesWithin,
        Duration placeWithin,
        Duration loadWithin,
        Duration swapWithin,
        Duration workWithin,
        Duration cycleStallAfter,
        int restarts,
        Duration backOffMin,
        Duration backOffMax,
        int skippedLimit) {
    public SupervisionSettings {
        Limits limits = new Limits("supervision");
        Duration least = Duration.ofMillis(100);
        Duration most = Duration.ofHours(24);
        limits.within("roles-within", rolesWithin, least, most);
        limits.within("place-within", placeWithin, least, most);
        limits.within("load-within", loadWithin, least, most);
        limits.within("swap-within", swapWithin, least, most);
        limits.within("work-within", workWithin, least, most);
        limits.within("cycle-stall-after", cycleStallAfter, least, most);
        limits.within("restarts", restarts, 0, 1000);
        limits.within("back-off-min", backOffMin, Duration.ofMillis(1), most);
        limits.within("back-off-max", backOffMax, Duration.ofMillis(1), most);
        limits.within("skipped-limit", skippedLimit, 0, 1_000_000);
        limits.requireTogether(
                backOffMax.compareTo(backOffMin) >= 0,
                "back-off-max",
                Durations.write(backOffMax),
                "must not be shorter than supervision.back-off-min = " + Durations.write(backOffMin));
        requireShorter(
                limits,
                "back-off-max",
                backOffMax,
                "roles-within",
                rolesWithin,
                "the run would fail for want of a role while it holds that role back itself");
        requireShorter(
                limits,
                "place-within",
                placeWithin,
                "roles-within",
                rolesWithin,
                "the run would fail before a second node was asked");
        requireShorter(
                limits,
                "work-within",
                workWithin,
                "cycle-stall-after",
                cycleStallAfter,
                "the whole ring would be called stuck before it is known which role is");
        limits.refuse();
    }

    private static void requireShorter(
            Limits limits, String key, Duration value, String thanKey, Duration than, String otherwise) {
        limits.requireTogether(
                value.compareTo(than) < 0,
                key,
                Durations.write(value),
                "must be shorter than supervision." + thanKey + " = " + Durations.write(than) + ": " + otherwise);
    }

    /**
     * What cannot work beside the other sections.
     *
     * @param limits whose keys are complete
     */
    void requireFits(Limits limits, ServingSettings serving, NodeSettings node, ClusterSettings cluster) {
        Duration needed = loadWithin.plus(serving.deadline());
        limits.requireTogether(
                swapWithin.compareTo(needed) >= 0,
                "supervision.swap-within",
                Durations.write(swapWithin),
                "must be at least " + Durations.write(needed) + ": a swap waits for the batch that runs"
                        + " (serving.deadline = " + Durations.write(serving.deadline())
                        + ") and then loads (supervision.load-within = " + Durations.write(loadWithin) + ")");
        if (!node.isWholeCluster()) {
            requireLongerThanDowning(limits, "supervision.roles-within", rolesWithin, cluster);
            requireLongerThanDowning(limits, "supervision.cycle-stall-after", cycleStallAfter, cluster);
        }
    }

    private static void requireLongerThanDowning(Limits limits, String key, Duration value, ClusterSettings cluster) {
        Duration downing = PekkoConfig.goneAfter(cluster);
        limits.requireTogether(
                value.compareTo(downing) > 0,
                key,
                Durations.write(value),
                "must be longer than " + Durations.write(downing) + ", which the cluster takes to tell a dead node"
                        + " from a slow one (cluster.profile = " + Scalars.key(cluster.profile()) + ")");
    }
}
