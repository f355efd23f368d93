package dev.sluice.runtime.objective;

import dev.sluice.protocol.Tensor;

/** How large a tensor is. */
public final class Magnitude {
    private Magnitude() {}

    /** mean |x| over all elements. */
    public static double mean(Tensor x) {
        double sum = 0;
        for (int i = 0; i < x.size(); i++) {
            sum += Math.abs(x.floatAt(i));
        }
        return sum / x.size();
    }
}
