package dev.sluice.protocol;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;

/**
 * An immutable array in host memory, row-major: what actors exchange and what the equations are written on.
 *
 * <p>It owns nothing native, so a lost message leaks nothing and a dead receiver frees nothing.
 * Safe to share between threads. Factory methods copy their argument unless they say otherwise.
 */
public final class Tensor {
    /** Rank above which a shape is refused: nothing in diffusion needs more, a hostile header might ask for it. */
    public static final int MAX_RANK = 8;

    /** Bytes of any element type must be countable in an int. */
    private static final int MAX_ELEMENTS = Integer.MAX_VALUE / Double.BYTES;

    private final DType dtype;
    private final long[] shape;
    private final int size;
    /** float[], double[] or long[] according to {@link #dtype}. Never handed out. */
    private final Object data;

    private Tensor(DType dtype, long[] shape, Object data, int length) {
        this.dtype = dtype;
        this.shape = shape.clone();
        this.size = elements(this.shape);
        this.data = data;
        if (size != length) {
            throw new IllegalArgumentException(
                    "shape " + Arrays.toString(this.shape) + " has " + size + " elements, the data has " + length);
        }
    }

    /** A FLOAT32 tensor of {@code values}, copied. */
    public static Tensor of(float[] values, long... shape) {
        return new Tensor(DType.FLOAT32, shape, values.clone(), values.length);
    }

    /** A FLOAT64 tensor of {@code values}, copied. */
    public static Tensor of(double[] values, long... shape) {
        return new Tensor(DType.FLOAT64, shape, values.clone(), values.length);
    }

    /** An INT64 tensor of {@code values}, copied. */
    public static Tensor of(long[] values, long... shape) {
        return new Tensor(DType.INT64, shape, values.clone(), values.length);
    }

    /**
     * A FLOAT32 tensor around {@code values} without a copy. The caller gives the array away and must not touch it
     * again; for code that has just filled a fresh array.
     */
    public static Tensor owning(float[] values, long... shape) {
        return new Tensor(DType.FLOAT32, shape, values, values.length);
    }

    /**
     * Reads {@code elements(shape) * dtype.bytes()} little-endian bytes from {@code source}, advancing it.
     *
     * @throws IllegalArgumentException when the shape is not a shape or the source holds fewer bytes than it claims
     */
    public static Tensor read(DType dtype, long[] shape, ByteBuffer source) {
        int n = elements(shape);
        int bytes = n * dtype.bytes();
        if (bytes > source.remaining()) {
            throw new IllegalArgumentException("a " + dtype + " tensor of shape " + Arrays.toString(shape) + " takes "
                    + bytes + " bytes, only " + source.remaining() + " are there");
        }
        ByteBuffer view = source.slice().order(ByteOrder.LITTLE_ENDIAN);
        try {
            Tensor tensor = read(dtype, shape, () -> view);
            source.position(source.position() + bytes);
            return tensor;
        } catch (IOException e) {
            throw new UncheckedIOException("memory was read", e);
        }
    }

    /** Where the bytes of a tensor come from when they are not all there yet. */
    @FunctionalInterface
    public interface Pieces {
        /**
         * The next unread bytes, little-endian: at least one element's, unless fewer are left. The reader advances the
         * buffer and asks again.
         */
        ByteBuffer more() throws IOException;
    }

    /**
     * Reads {@code elements(shape) * dtype.bytes()} bytes as they come. The array is there before its bytes are: the
     * caller has bounded the shape.
     *
     * @throws IllegalArgumentException when the shape is not a shape or the pieces end before it is full
     * @throws IOException when the pieces do not come
     */
    public static Tensor read(DType dtype, long[] shape, Pieces pieces) throws IOException {
        int n = elements(shape);
        Object data =
                switch (dtype) {
                    case FLOAT32 -> new float[n];
                    case FLOAT64 -> new double[n];
                    case INT64 -> new long[n];
                };
        for (int filled = 0; filled < n; ) {
            ByteBuffer piece = pieces.more();
            int count = Math.min(piece.remaining() / dtype.bytes(), n - filled);
            if (count == 0) {
                throw new IllegalArgumentException("a " + dtype + " tensor of shape " + Arrays.toString(shape)
                        + " ends after " + filled + " elements");
            }
            switch (dtype) {
                case FLOAT32 -> piece.asFloatBuffer().get((float[]) data, filled, count);
                case FLOAT64 -> piece.asDoubleBuffer().get((double[]) data, filled, count);
                case INT64 -> piece.asLongBuffer().get((long[]) data, filled, count);
            }
            piece.position(piece.position() + count * dtype.bytes());
            filled += count;
        }
        return new Tensor(dtype, shape, data, n);
    }

    /**
     * Bytes that the elements of such a tensor take, without making one.
     *
     * @throws IllegalArgumentException when the shape is not a shape, or is one that does not fit in memory
     */
    public static int byteSize(DType dtype, long... shape) {
        return elements(shape) * dtype.bytes();
    }

    /**
     * Writes {@link #byteSize()} little-endian bytes to {@code sink}, advancing it; its byte order is left alone.
     *
     * @throws java.nio.BufferOverflowException when the sink has less room, and then writes nothing
     */
    public void write(ByteBuffer sink) {
        write(sink, 0, size);
    }

    /**
     * Writes {@code count} elements from element {@code from} on, little-endian, to {@code sink}, advancing it; its byte
     * order is left alone.
     *
     * @throws java.nio.BufferOverflowException when the sink has less room, and then writes nothing
     */
    public void write(ByteBuffer sink, int from, int count) {
        ByteBuffer view = sink.slice().order(ByteOrder.LITTLE_ENDIAN);
        switch (dtype) {
            case FLOAT32 -> view.asFloatBuffer().put((float[]) data, from, count);
            case FLOAT64 -> view.asDoubleBuffer().put((double[]) data, from, count);
            default -> view.asLongBuffer().put((long[]) data, from, count);
        }
        sink.position(sink.position() + count * dtype.bytes());
    }

    private static int elements(long[] shape) {
        if (shape.length > MAX_RANK) {
            throw new IllegalArgumentException("rank " + shape.length + " is above the limit of " + MAX_RANK);
        }
        long n = 1;
        for (long d : shape) {
            if (d < 0) {
                throw new IllegalArgumentException("a shape has no negative length: " + Arrays.toString(shape));
            }
            // Every partial product is bounded, so the multiplication cannot overflow. An empty tensor is held to the
            // same bound without its zeros: whether a shape is refused must not hang on where its zero stands.
            if (d > MAX_ELEMENTS || (n *= Math.max(d, 1)) > MAX_ELEMENTS) {
                throw new IllegalArgumentException("shape " + Arrays.toString(shape) + " has more than " + MAX_ELEMENTS
                        + " elements, which does not fit in one array");
            }
        }
        return Arrays.stream(shape).anyMatch(d -> d == 0) ? 0 : (int) n;
    }

    public DType dtype() {
        return dtype;
    }

    /** The shape, copied. */
    public long[] shape() {
        return shape.clone();
    }

    public int rank() {
        return shape.length;
    }

    /** Length of axis {@code axis}. */
    public int dim(int axis) {
        return (int) shape[axis];
    }

    /** Number of elements. */
    public int size() {
        return size;
    }

    /** Elements in one entry of the first axis: the size of one sample of a batch. Zero for an empty batch. */
    public int sampleSize() {
        return shape.length == 0 || shape[0] == 0 ? 0 : size / (int) shape[0];
    }

    /** Bytes the elements take. */
    public int byteSize() {
        return size * dtype.bytes();
    }

    /** Element {@code i} of a FLOAT32 tensor, counted row-major. */
    public float floatAt(int i) {
        return floats()[i];
    }

    /** Element {@code i} of a FLOAT64 tensor, counted row-major. */
    public double doubleAt(int i) {
        return doubles()[i];
    }

    /** Element {@code i} of an INT64 tensor, counted row-major. */
    public long longAt(int i) {
        return longs()[i];
    }

    /** The elements of a FLOAT32 tensor, copied. */
    public float[] toFloats() {
        return floats().clone();
    }

    /** The elements of a FLOAT64 tensor, copied. */
    public double[] toDoubles() {
        return doubles().clone();
    }

    /** The elements of an INT64 tensor, copied. */
    public long[] toLongs() {
        return longs().clone();
    }

    private float[] floats() {
        if (data instanceof float[] floats) {
            return floats;
        }
        throw isNot(DType.FLOAT32);
    }

    private double[] doubles() {
        if (data instanceof double[] doubles) {
            return doubles;
        }
        throw isNot(DType.FLOAT64);
    }

    private long[] longs() {
        if (data instanceof long[] longs) {
            return longs;
        }
        throw isNot(DType.INT64);
    }

    private IllegalStateException isNot(DType asked) {
        return new IllegalStateException(this + " was asked for elements of type " + asked);
    }

    /** Entries {@code from} (inclusive) to {@code to} (exclusive) of the first axis, copied. */
    public Tensor rows(int from, int to) {
        if (rank() == 0) {
            throw new IllegalStateException("a scalar has no rows");
        }
        Objects.checkFromToIndex(from, to, dim(0));
        long[] rowsShape = shape.clone();
        rowsShape[0] = to - from;
        int stride = sampleSize();
        int begin = from * stride;
        int end = to * stride;
        return switch (dtype) {
            case FLOAT32 -> new Tensor(dtype, rowsShape, Arrays.copyOfRange((float[]) data, begin, end), end - begin);
            case FLOAT64 -> new Tensor(dtype, rowsShape, Arrays.copyOfRange((double[]) data, begin, end), end - begin);
            case INT64 -> new Tensor(dtype, rowsShape, Arrays.copyOfRange((long[]) data, begin, end), end - begin);
        };
    }

    /** The same elements under another shape of the same size. */
    public Tensor reshape(long... newShape) {
        return new Tensor(dtype, newShape, data, size);
    }

    /** Whether every element is finite (always true of INT64). */
    public boolean isFinite() {
        if (data instanceof float[] floats) {
            for (float v : floats) {
                if (!Float.isFinite(v)) {
                    return false;
                }
            }
        } else if (data instanceof double[] doubles) {
            for (double v : doubles) {
                if (!Double.isFinite(v)) {
                    return false;
                }
            }
        }
        return true;
    }

    /** Equal in type, shape and every element, as bits except that any NaN equals any NaN: 0 differs from −0. */
    @Override
    public boolean equals(Object other) {
        if (!(other instanceof Tensor that) || dtype != that.dtype || !Arrays.equals(shape, that.shape)) {
            return false;
        }
        return switch (dtype) {
            case FLOAT32 -> Arrays.equals((float[]) data, (float[]) that.data);
            case FLOAT64 -> Arrays.equals((double[]) data, (double[]) that.data);
            case INT64 -> Arrays.equals((long[]) data, (long[]) that.data);
        };
    }

    @Override
    public int hashCode() {
        int elements =
                switch (dtype) {
                    case FLOAT32 -> Arrays.hashCode((float[]) data);
                    case FLOAT64 -> Arrays.hashCode((double[]) data);
                    case INT64 -> Arrays.hashCode((long[]) data);
                };
        return 31 * Arrays.hashCode(shape) + elements;
    }

    /** Type and shape only: a batch of images in a log line helps nobody. */
    @Override
    public String toString() {
        return dtype + Arrays.toString(shape);
    }
}
