package dev.sluice.runtime.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.TorchNetworks;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * On the bundled transformer: neighbours change nothing; another padded size changes the last bits of the bfloat16
 * products, which docs/serving.md states as a tolerance (docs/guarantees.md: batch-invariant).
 */
class BatchInvarianceTest {
    /** On samples in [−1, 1]. */
    private static final float TOLERANCE = 0.1f;

    private static Tensor first(Mixture mixture, long[] seeds, long[] labels, int padTo) {
        Walk walk = mixture.walk(seeds, labels, padTo);
        while (!walk.done()) {
            walk.advance();
        }
        return walk.samples().rows(0, 1);
    }

    @Test
    void aSampleDependsOnItsSeedAloneAndHardlyOnTheBatchSize() {
        Path file = Path.of(System.getProperty("sluice.home"), "teachers", "fashion.pt");
        NetworkCard card = NetworkFile.readCard(file);
        MixturePlan plan = new MixturePlan(
                new ModelCard("fashion", card.sampleShape(), card.classNames()),
                new PhasePlan(List.of(1.0, 0.0), List.of(0.0)),
                card.schedule(),
                NetworkFile.reference("teacher", file),
                4,
                2,
                List.of());
        try (Mixture mixture = Mixture.open(plan, TorchNetworks.on("cpu", 1))) {
            Tensor among = first(mixture, new long[] {5, 6, 7, 8}, new long[] {5, 1, 2, 3}, 4);
            Tensor amongOthers = first(mixture, new long[] {5, 60, 70, 80}, new long[] {5, 4, 3, 9}, 4);
            assertThat(amongOthers).isEqualTo(among);

            Tensor alone = first(mixture, new long[] {5}, new long[] {5}, 1);
            Tensor another = first(mixture, new long[] {6}, new long[] {5}, 1);
            assertThat(largestDifference(alone, among)).isLessThan(TOLERANCE);
            // The bound means something: another seed is far outside it.
            assertThat(largestDifference(alone, another)).isGreaterThan(5 * TOLERANCE);
        }
    }

    private static float largestDifference(Tensor a, Tensor b) {
        float largest = 0;
        for (int i = 0; i < a.size(); i++) {
            largest = Math.max(largest, Math.abs(a.floatAt(i) - b.floatAt(i)));
        }
        return largest;
    }
}
