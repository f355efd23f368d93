package dev.sluice.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TensorTest {
    private static final Tensor SIX = Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 3, 2);

    /** Every type, ranks 0 to 4 with empty axes among them, elements of arbitrary bits. */
    static Stream<Tensor> tensors() {
        Random random = new Random(20);
        return IntStream.range(0, 300).mapToObj(i -> {
            DType dtype = DType.values()[i % DType.values().length];
            long[] shape = random.longs(i % 5, 0, 6).toArray();
            byte[] elements = new byte[Tensor.byteSize(dtype, shape)];
            random.nextBytes(elements);
            return Tensor.read(dtype, shape, ByteBuffer.wrap(elements));
        });
    }

    @ParameterizedTest
    @MethodSource("tensors")
    void writtenAndReadItIsTheSame(Tensor tensor) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(tensor.byteSize() + 5).order(ByteOrder.BIG_ENDIAN);
        bytes.position(3);
        tensor.write(bytes);
        assertThat(bytes.position()).isEqualTo(tensor.byteSize() + 3);
        assertThat(bytes.order()).isEqualTo(ByteOrder.BIG_ENDIAN);
        bytes.flip().position(3);
        Tensor read = Tensor.read(tensor.dtype(), tensor.shape(), bytes);
        assertThat(read).isEqualTo(tensor).hasSameHashCodeAs(tensor);
        assertThat(bytes.hasRemaining()).isFalse();
    }

    @ParameterizedTest
    @MethodSource("tensors")
    void rowsPutTogetherAreTheWhole(Tensor tensor) {
        int rows = tensor.rank() == 0 ? -1 : tensor.dim(0);
        for (int cut = 0; cut <= rows; cut++) {
            ByteBuffer parts = ByteBuffer.allocate(tensor.byteSize());
            tensor.rows(0, cut).write(parts);
            tensor.rows(cut, rows).write(parts);
            assertThat(Tensor.read(tensor.dtype(), tensor.shape(), parts.flip()))
                    .isEqualTo(tensor);
        }
    }

    @Test
    void bytesAreLittleEndian() {
        ByteBuffer bytes = ByteBuffer.allocate(4);
        Tensor.of(new float[] {1}, 1).write(bytes);
        assertThat(bytes.array()).containsExactly(0, 0, 0x80, 0x3f);
    }

    @Test
    void equalityIsOfBitsTypeAndShape() {
        assertThat(Tensor.of(new float[] {Float.NaN}, 1)).isEqualTo(Tensor.of(new float[] {Float.NaN}, 1));
        assertThat(Tensor.of(new float[] {Float.NaN}, 1))
                .isEqualTo(Tensor.of(new float[] {Float.intBitsToFloat(0x7fc12345)}, 1));
        assertThat(Tensor.of(new float[] {0f}, 1)).isNotEqualTo(Tensor.of(new float[] {-0f}, 1));
        assertThat(Tensor.of(new double[] {0}, 1)).isNotEqualTo(Tensor.of(new double[] {-0.0}, 1));
        assertThat(Tensor.of(new double[] {0}, 1)).isNotEqualTo(Tensor.of(new long[] {0}, 1));
        assertThat(SIX).isNotEqualTo(SIX.reshape(2, 3)).isNotEqualTo("tensor");
        assertThat(SIX.reshape(6).reshape(3, 2)).isEqualTo(SIX).hasSameHashCodeAs(SIX);
        assertThat(Tensor.of(new float[0], 0, 2)).isNotEqualTo(Tensor.of(new float[0], 2, 0));
    }

    @Test
    void nothingFromOutsideChangesIt() {
        float[] values = {1, 2};
        long[] shape = {2};
        Tensor tensor = Tensor.of(values, shape);
        values[0] = 9;
        shape[0] = 1;
        tensor.toFloats()[1] = 9;
        tensor.shape()[0] = 7;
        assertThat(tensor).isEqualTo(Tensor.of(new float[] {1, 2}, 2));
    }

    @Test
    void countsElementsRowsAndBytes() {
        assertThat(SIX.size()).isEqualTo(6);
        assertThat(SIX.sampleSize()).isEqualTo(2);
        assertThat(SIX.byteSize()).isEqualTo(24);
        assertThat(SIX).hasToString("FLOAT32[3, 2]");
        assertThat(Tensor.of(new long[] {1}).size()).isEqualTo(1);
        assertThat(Tensor.of(new double[0], 0, 3).sampleSize()).isZero();
        assertThat(Tensor.byteSize(DType.FLOAT64, 5, 0, 2)).isZero();
        assertThat(Tensor.byteSize(DType.INT64, 3, 2)).isEqualTo(48);
    }

    @Test
    void rowsAreEntriesOfTheFirstAxis() {
        assertThat(SIX.rows(1, 3)).isEqualTo(Tensor.of(new float[] {3, 4, 5, 6}, 2, 2));
        assertThat(SIX.rows(3, 3)).isEqualTo(Tensor.of(new float[0], 0, 2));
        assertThat(Tensor.of(new long[] {7, 8, 9}, 3).rows(0, 2)).isEqualTo(Tensor.of(new long[] {7, 8}, 2));
        assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> SIX.rows(1, 4));
        assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> SIX.rows(2, 1));
        assertThatIllegalStateException()
                .isThrownBy(() -> Tensor.of(new float[] {1}).rows(0, 0))
                .withMessage("a scalar has no rows");
    }

    @Test
    void elementsOfAnotherTypeAreRefusedByName() {
        assertThat(SIX.floatAt(5)).isEqualTo(6f);
        assertThatIllegalStateException()
                .isThrownBy(() -> SIX.toDoubles())
                .withMessage("FLOAT32[3, 2] was asked for elements of type FLOAT64");
        assertThatIllegalStateException().isThrownBy(() -> SIX.longAt(0)).withMessageContaining("INT64");
        assertThatIllegalStateException()
                .isThrownBy(() -> Tensor.of(new long[] {1}, 1).floatAt(0))
                .withMessage("INT64[1] was asked for elements of type FLOAT32");
    }

    @Test
    void finiteMeansEveryElement() {
        assertThat(SIX.isFinite()).isTrue();
        assertThat(Tensor.of(new float[] {1, Float.NaN}, 2).isFinite()).isFalse();
        assertThat(Tensor.of(new double[] {1, Double.NEGATIVE_INFINITY}, 2).isFinite())
                .isFalse();
        assertThat(Tensor.of(new double[] {Double.MAX_VALUE}, 1).isFinite()).isTrue();
        assertThat(Tensor.of(new long[] {Long.MAX_VALUE}, 1).isFinite()).isTrue();
    }

    @Test
    void shapesThatAreNoneAreRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Tensor.of(new float[5], 3, 2))
                .withMessage("shape [3, 2] has 6 elements, the data has 5");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SIX.reshape(5))
                .withMessage("shape [5] has 5 elements, the data has 6");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Tensor.of(new float[1], -1, -1))
                .withMessage("a shape has no negative length: [-1, -1]");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Tensor.of(new float[1], 1, 1, 1, 1, 1, 1, 1, 1, 1))
                .withMessage("rank 9 is above the limit of 8");
        for (long[] huge : List.of(
                new long[] {1L << 32, 1L << 32},
                new long[] {Long.MAX_VALUE},
                new long[] {1 << 20, 1 << 20, 1 << 20, 1 << 20},
                new long[] {Integer.MAX_VALUE, 0},
                new long[] {0, Integer.MAX_VALUE})) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> Tensor.byteSize(DType.FLOAT32, huge))
                    .withMessageContaining("has more than 268435455 elements, which does not fit in one array");
        }
    }

    @Test
    void aSourceThatHoldsLessIsRefusedUntouched() {
        ByteBuffer source = ByteBuffer.allocate(23);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Tensor.read(DType.FLOAT32, new long[] {3, 2}, source))
                .withMessage("a FLOAT32 tensor of shape [3, 2] takes 24 bytes, only 23 are there");
        assertThat(source.position()).isZero();
    }

    @Test
    void aSinkWithLessRoomIsLeftUntouched() {
        ByteBuffer sink = ByteBuffer.allocate(23);
        assertThatExceptionOfType(BufferOverflowException.class).isThrownBy(() -> SIX.write(sink));
        assertThat(sink.position()).isZero();
        assertThat(sink.array()).containsOnly(0);
    }
}
