package dev.sluice.runtime.network;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.protocol.Recipe;
import dev.sluice.runtime.noise.Noise;
import dev.sluice.runtime.objective.Prediction;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ArchitectureTest {
    private static void assertRefused(int patch, List<Integer> shape, String message) {
        NetworkCard card = new NetworkCard(
                shape, List.of(), Recipe.Schedule.RECTIFIED_FLOW, 0, List.of(), Map.of(), Prediction.VELOCITY);
        assertThatThrownBy(() ->
                        new Architecture.DiffusionTransformer(16, 1, 2, patch, false).fresh(card, new Noise(1, 0)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void aPatchThatDoesNotSuitNamesOneThatDoes() {
        assertRefused(
                4,
                List.of(1, 30, 30),
                "a transformer of patch 4 needs images whose sides it divides, not [1, 30, 30]; use --patch 5");
        assertRefused(4, List.of(1, 32, 30), "use --patch 2");
        assertRefused(4, List.of(1, 29, 30), "use --patch 1, or scale the images");
    }

    @Test
    void pointsNeedAPerceptron() {
        assertRefused(
                4, List.of(2), "makes images [channels, height, width], not samples of shape [2]; use --network mlp");
    }
}
