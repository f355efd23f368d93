package dev.sluice.runtime.metric;

import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.data.Mixture;

/** How many modes of a known mixture a generator still makes: the plainest measure of lost diversity. */
public final class Modes {
    /** Part of its fair share, 1/modes of all samples, that a mode must get to count as reached. */
    private static final double PART_OF_FAIR_SHARE = 0.2;

    private Modes() {}

    /**
     * The project's convention: a mode is reached when at least 0.2/modes of all samples lie within
     * {@link Mixture#modeRadius()}, 3σ, of its centre.
     *
     * @param samples floating-point [n, dimensions]
     */
    public static int reached(Tensor samples, Mixture mixture) {
        return reached(samples, mixture.centres(), mixture.modeRadius(), PART_OF_FAIR_SHARE / mixture.modes());
    }

    /**
     * Modes with enough samples near them. A sample may count for several modes when their balls overlap; one that is
     * not finite counts for none, but still as a sample.
     *
     * @param samples floating-point [n, dimensions]
     * @param centres floating-point [modes, dimensions]
     * @param radius Euclidean, inclusive
     * @param minShare of all samples that must lie within the radius of a mode, in (0, 1]
     */
    public static int reached(Tensor samples, Tensor centres, double radius, double minShare) {
        Points points = Points.of("the samples", samples);
        Points modes = Points.of("the centres", centres);
        points.sameSpace(modes);
        if (!(radius >= 0)) {
            throw new IllegalArgumentException("radius = " + radius + " must be 0 or more");
        }
        if (!(minShare > 0 && minShare <= 1)) {
            throw new IllegalArgumentException("the minimal share " + minShare + " must be in (0, 1]");
        }
        int reached = 0;
        for (int mode = 0; mode < modes.count(); mode++) {
            int near = 0;
            for (int i = 0; i < points.count(); i++) {
                if (points.distance(i, modes, mode) <= radius) {
                    near++;
                }
            }
            if (near >= minShare * points.count()) {
                reached++;
            }
        }
        return reached;
    }
}
