package dev.sluice.runtime.teacher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.runtime.teacher.FlowMatchingSettings.Times;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class FlowMatchingSettingsTest {
    private static final Offset<Double> EXACT = within(1e-15);

    private static FlowMatchingSettings settings(int steps, int batch, double dropout, int warmup, double decay) {
        return new FlowMatchingSettings(
                1, steps, batch, Times.UNIFORM, dropout, false, warmup, AdamWSettings.ofPaper(0.002), decay);
    }

    @Test
    void theRateRisesInALineAndFallsInHalfACosine() {
        FlowMatchingSettings settings = settings(104, 8, 0.1, 4, 0.9);

        assertThat(settings.learningRate(0)).isCloseTo(0.0005, EXACT);
        assertThat(settings.learningRate(1)).isCloseTo(0.001, EXACT);
        assertThat(settings.learningRate(3)).isCloseTo(0.002, EXACT);
        assertThat(settings.learningRate(4)).as("the peak").isCloseTo(0.002, EXACT);
        assertThat(settings.learningRate(29)).as("a quarter").isCloseTo(0.001 * (1 + Math.sqrt(0.5)), EXACT);
        assertThat(settings.learningRate(54)).as("half way").isCloseTo(0.001, EXACT);
        assertThat(settings.learningRate(79)).as("three quarters").isCloseTo(0.001 * (1 - Math.sqrt(0.5)), EXACT);
        assertThat(settings.learningRate(103)).as("the last step still moves").isBetween(1e-7, 1e-6);
        for (int step = 4; step < 103; step++) {
            assertThat(settings.learningRate(step + 1)).isLessThan(settings.learningRate(step));
        }
    }

    @Test
    void withoutWarmupTheFirstStepHasThePeakRate() {
        assertThat(settings(1, 8, 0.1, 0, 0.9).learningRate(0)).isEqualTo(0.002);
    }

    @Test
    void whatCannotBeTrainedWithIsRefused() {
        refused(() -> settings(0, 8, 0.1, 0, 0.9), "steps = 0 must be 1 or more");
        refused(() -> settings(10, 0, 0.1, 0, 0.9), "batch = 0 must be between 1 and 65536");
        refused(() -> settings(10, 65_537, 0.1, 0, 0.9), "batch = 65537 must be between 1 and 65536");
        refused(() -> settings(10, 8, -0.1, 0, 0.9), "label-dropout = -0.1 must be between 0 and 1");
        refused(() -> settings(10, 8, Double.NaN, 0, 0.9), "label-dropout = NaN must be between 0 and 1");
        refused(() -> settings(10, 8, 0.1, 10, 0.9), "warmup = 10 must be 0 or more and below the steps");
        refused(() -> settings(10, 8, 0.1, -1, 0.9), "warmup = -1 must be 0 or more and below the steps");
        refused(() -> settings(10, 8, 0.1, 0, 1), "ema = 1.0 must be in [0, 1)");
    }

    private static void refused(Runnable making, String message) {
        assertThatThrownBy(making::run)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(message);
    }
}
