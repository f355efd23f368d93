package dev.sluice.runtime.network;

import dev.sluice.protocol.ExpertRef;

/**
 * A teacher made of two networks, as Wan2.2 is: one for the noisy part of the schedule, one for the rest.
 *
 * @param boundary t_b in (0, 1): the high-noise expert answers at t ≥ t_b, the low-noise expert below
 * @param highNoise where its file lies
 * @param lowNoise where its file lies
 */
public record TwoExperts(double boundary, ExpertRef highNoise, ExpertRef lowNoise) {
    public TwoExperts {
        // Written so that NaN is refused too.
        if (!(boundary > 0 && boundary < 1)) {
            throw new IllegalArgumentException(
                    "the boundary between two experts must lie between 0 and 1, not at " + boundary);
        }
    }

    /** Whether the high-noise expert answers at {@code t}. */
    public boolean isHighNoise(double t) {
        return t >= boundary;
    }
}
