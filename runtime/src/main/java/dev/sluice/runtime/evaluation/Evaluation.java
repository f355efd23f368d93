package dev.sluice.runtime.evaluation;

import dev.sluice.runtime.data.Batch;
import java.util.Map;

/** Measures samples of one kind against one teacher. */
@FunctionalInterface
public interface Evaluation {
    /**
     * @param samples x float32 [n, …], labels int64 [n]
     * @return in the order in which they should be shown; NaN where a sample is not finite
     */
    Map<Measure, Double> of(Batch samples);
}
