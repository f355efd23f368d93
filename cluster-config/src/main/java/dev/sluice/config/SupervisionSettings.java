package dev.sluice.config;

import java.time.Duration;

/**
 * How long the supervisor waits before it calls something a failure: section {@code supervision}.
 *
 * @param rolesWithin all roles are found, from the start
 * @param loadWithin a role has loaded its networks
 * @param swapWithin the sampler has loaded, checked and warmed a new expert, and serves it
 * @param placeWithin a node has answered the order to play a role
 * @param workWithin a worker has ended one piece of work
 * @param restarts failures in a row, with no checkpoint kept between them, that a run survives
 * @param backOffMin wait after the first failure; it doubles with each
 * @param backOffMax longest wait
 * @param cycleStallAfter no cycle was committed: health is progress, not an actor that answers (contract F7)
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
        Duration backOffMax) {
    public SupervisionSettings {
        Limits limits = new Limits("supervision");
        Duration least = Duration.ofMillis(100);
        Duration most = Duration.ofHours(24);
        limits.within("roles-within", rolesWithin, least, most);
        limits.within("load-within", loadWithin, least, most);
        limits.within("swap-within", swapWithin, least, most);
        limits.within("cycle-stall-after", cycleStallAfter, least, most);
        limits.within("place-within", placeWithin, least, most);
        limits.within("work-within", workWithin, least, most);
        limits.within("restarts", restarts, 0, 1000);
        limits.within("back-off-min", backOffMin, Duration.ofMillis(1), most);
        limits.within("back-off-max", backOffMax, backOffMin, most);
        limits.refuse();
    }
}
