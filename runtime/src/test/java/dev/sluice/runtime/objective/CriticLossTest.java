package dev.sluice.runtime.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.Recipe.CriticWeighting;
import dev.sluice.protocol.Recipe.Schedule;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.noise.Noise;
import dev.sluice.runtime.noise.Noise.Purpose;
import dev.sluice.runtime.schedule.NoiseSchedule;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Eq 13 and its unit-variance sibling. */
class CriticLossTest {
    private static final NoiseSchedule FLOW = NoiseSchedule.of(Schedule.RECTIFIED_FLOW);
    private static final Noise NOISE = new Noise(2, 0);
    private static final double S = 0.5;

    private final Tensor t = Tensor.of(new double[] {0.51, 0.6, 0.75, 0.97}, 4);
    private final Tensor xS = NOISE.gaussian(Purpose.ROLLOUT_START, 0, 4, 3);
    private final Tensor epsilon = NOISE.gaussian(Purpose.CRITIC_NOISE, 0, 4, 3);
    private final Tensor prediction = NOISE.gaussian(Purpose.WEIGHT, 0, 4, 3);

    /** As the paper writes it: σ²·clamp(1/σ², 0, 10) on the error of the velocity. */
    @ParameterizedTest
    @EnumSource(CriticWeighting.class)
    void valueIsTheWeightedMeanSquare(CriticWeighting weighting) {
        Tensor target = SubintervalTarget.velocity(FLOW, S, t, xS, epsilon);
        double expected = 0;
        for (int i = 0; i < prediction.size(); i++) {
            double u = t.doubleAt(i / 3);
            double ratio = (1 - u) / (1 - S);
            double variance = u * u - ratio * ratio * S * S;
            double c = SubintervalTarget.noiseCoefficient(FLOW, S, u);
            double weight = weighting == CriticWeighting.CLAMPED ? variance * Math.min(1 / variance, 10) : 1 / (c * c);
            expected += weight * Math.pow((double) prediction.floatAt(i) - target.floatAt(i), 2) / 12;
        }

        assertThat(CriticLoss.of(weighting, FLOW, S, t, prediction, xS, epsilon).value())
                .isCloseTo(expected, within(1e-9 * expected));
    }

    /** The loss is a square, so a central difference is exact but for rounding. */
    @ParameterizedTest
    @EnumSource(CriticWeighting.class)
    void gradientIsThatOfFiniteDifferences(CriticWeighting weighting) {
        Tensor gradient =
                CriticLoss.of(weighting, FLOW, S, t, prediction, xS, epsilon).gradient();
        for (int i = 0; i < prediction.size(); i++) {
            double h = 0.25;
            double difference = (loss(weighting, i, (float) h) - loss(weighting, i, (float) -h)) / (2 * h);
            assertThat((double) gradient.floatAt(i)).isCloseTo(difference, within(1e-5 * (1 + Math.abs(difference))));
        }
    }

    private double loss(CriticWeighting weighting, int element, float change) {
        float[] moved = prediction.toFloats();
        moved[element] += change;
        return CriticLoss.of(weighting, FLOW, S, t, Tensor.of(moved, 4, 3), xS, epsilon)
                .value();
    }

    /** Where Eq 11's noise is singular, clamping keeps the weighted noise finite and unit variance makes it one. */
    @Test
    void weightsTameTheNoiseAtTheBoundary() {
        for (double gap : new double[] {1e-2, 1e-4, 1e-8}) {
            double c = SubintervalTarget.noiseCoefficient(FLOW, S, S + gap);
            assertThat(c * c * CriticLoss.weight(CriticWeighting.UNIT_VARIANCE, FLOW, S, S + gap))
                    .isCloseTo(1, within(1e-12));
            assertThat(c * c * CriticLoss.weight(CriticWeighting.CLAMPED, FLOW, S, S + gap))
                    .isLessThan(11);
        }
    }

    @Test
    void clampingLeavesLargeVariancesAlone() {
        assertThat(CriticLoss.weight(CriticWeighting.CLAMPED, FLOW, 0, 0.9)).isEqualTo(1);
        assertThat(CriticLoss.weight(CriticWeighting.CLAMPED, FLOW, 0, 0.1)).isCloseTo(0.1, within(1e-12));
    }

    @Test
    void theExactPredictionCostsNothing() {
        Tensor target = SubintervalTarget.velocity(FLOW, S, t, xS, epsilon);

        CriticLoss loss = CriticLoss.of(CriticWeighting.CLAMPED, FLOW, S, t, target, xS, epsilon);

        assertThat(loss.value()).isZero();
        assertThat(loss.gradient()).isEqualTo(Tensor.of(new float[12], 4, 3));
    }

    @Test
    void plainIsTheMeanSquareFromTheOrdinaryTarget() {
        CriticLoss loss = CriticLoss.plain(
                Tensor.of(new float[] {1, 0}, 2, 1),
                Tensor.of(new float[] {2, 3}, 2, 1),
                Tensor.of(new float[] {1, 1}, 2, 1));

        // Targets −1 and −2: errors 2 and 2.
        assertThat(loss.value()).isEqualTo(4);
        assertThat(loss.gradient()).isEqualTo(Tensor.of(new float[] {2, 2}, 2, 1));
    }

    @Test
    void aPredictionThatIsNotFiniteIsALossThatIsNot() {
        float[] broken = prediction.toFloats();
        broken[5] = Float.NaN;

        assertThat(CriticLoss.of(CriticWeighting.CLAMPED, FLOW, S, t, Tensor.of(broken, 4, 3), xS, epsilon)
                        .value())
                .isNaN();
    }
}
