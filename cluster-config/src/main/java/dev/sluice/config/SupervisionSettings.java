package dev.sluice.config;

import java.time.Duration;

/**
 * How long the supervisor waits before it calls something a failure: section {@code supervision}.
 *
 * @param rolesWithin all roles are found, from the start
 * @param loadWithin a role has loaded its networks
 * @param swapWithin the sampler has loaded, checked and warmed a new expert, and serves it
 * @param cycleStallAfter no cycle was committed: health is progress, not an actor that answers (contract F7)
 */
public record SupervisionSettings(
        Duration rolesWithin, Duration loadWithin, Duration swapWithin, Duration cycleStallAfter) {
    public SupervisionSettings {
        Limits limits = new Limits("supervision");
        Duration least = Duration.ofMillis(100);
        Duration most = Duration.ofHours(24);
        limits.within("roles-within", rolesWithin, least, most);
        limits.within("load-within", loadWithin, least, most);
        limits.within("swap-within", swapWithin, least, most);
        limits.within("cycle-stall-after", cycleStallAfter, least, most);
        limits.refuse();
    }
}
