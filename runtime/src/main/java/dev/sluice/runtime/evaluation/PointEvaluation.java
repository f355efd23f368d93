package dev.sluice.runtime.evaluation;

import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.data.Batch;
import dev.sluice.runtime.data.Mixture;
import dev.sluice.runtime.metric.EnergyDistance;
import dev.sluice.runtime.metric.Modes;
import dev.sluice.runtime.metric.Wasserstein;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * How points compare with the teacher's.
 *
 * @param teacher what the teacher makes, [n, dimensions]
 * @param mixture what the teacher was trained on, where that is known
 */
public record PointEvaluation(Batch teacher, Optional<Mixture> mixture) implements Evaluation {
    /** An exact assignment of more takes minutes. */
    private static final int ASSIGNED = 1024;

    @Override
    public Map<Measure, Double> of(Batch samples) {
        Map<Measure, Double> measures = new EnumMap<>(Measure.class);
        Tensor points = samples.x();
        mixture.ifPresent(m -> measures.put(Measure.MODES, (double) Modes.reached(points, m)));
        measures.put(Measure.ENERGY, EnergyDistance.between(points, teacher.x()));
        int n = Math.min(ASSIGNED, Math.min(samples.size(), teacher.size()));
        measures.put(
                Measure.WASSERSTEIN,
                Wasserstein.between(points.rows(0, n), teacher.x().rows(0, n)));
        return measures;
    }
}
