package dev.sluice.runtime.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.protocol.Tensor;
import org.junit.jupiter.api.Test;

class BatchTest {
    private static Batch images(int n) {
        float[] values = new float[n * 12];
        for (int i = 0; i < values.length; i++) {
            values[i] = i;
        }
        return new Batch(Tensor.of(values, n, 2, 2, 3), Tensor.of(new long[n], n));
    }

    @Test
    void onlyTheChosenImagesAreMirroredRowByRow() {
        Batch batch = images(2);

        Batch mirrored = batch.mirrored(new boolean[] {false, true});

        assertThat(mirrored.x().rows(0, 1)).isEqualTo(batch.x().rows(0, 1));
        assertThat(mirrored.x().rows(1, 2).toFloats()).containsExactly(14, 13, 12, 17, 16, 15, 20, 19, 18, 23, 22, 21);
        assertThat(mirrored.labels()).isEqualTo(batch.labels());
        assertThat(batch).as("the original is left alone").isEqualTo(images(2));
        assertThat(mirrored.mirrored(new boolean[] {false, true})).isEqualTo(batch);
    }

    @Test
    void pointsAndWrongFlagsAreRefused() {
        Batch points = new Batch(Tensor.of(new float[2], 1, 2), Tensor.of(new long[1], 1));

        assertThatThrownBy(() -> points.mirrored(new boolean[1]))
                .hasMessageContaining("only images [B, C, H, W] can be mirrored");
        assertThatThrownBy(() -> images(2).mirrored(new boolean[3])).hasMessageContaining("3 flags for a batch of 2");
    }

    @Test
    void samplesAndLabelsMustFit() {
        Tensor x = Tensor.of(new float[4], 2, 2);

        assertThatThrownBy(() -> new Batch(x, Tensor.of(new long[3], 3))).hasMessageContaining("must be INT64 [2]");
        assertThatThrownBy(() -> new Batch(x, Tensor.of(new float[2], 2))).hasMessageContaining("must be INT64 [2]");
        assertThatThrownBy(() -> new Batch(Tensor.of(new double[4], 2, 2), Tensor.of(new long[2], 2)))
                .hasMessageContaining("must be FLOAT32 [B, …]");
    }
}
