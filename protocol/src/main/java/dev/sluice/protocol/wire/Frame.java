package dev.sluice.protocol.wire;

import dev.sluice.protocol.DType;
import dev.sluice.protocol.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A message in bytes, little-endian:
 *
 * <pre>
 * version        1 byte
 * kryo length    4 bytes
 * kryo           the message, an index in place of every tensor
 * tensor count   2 bytes
 * each tensor    dtype 1 byte, rank 1 byte, dims 4 bytes each, byte length 4 bytes, elements
 * </pre>
 *
 * @param kryo holds the message's structure in its first {@code kryoLength} bytes; the frame owns the array
 */
record Frame(byte[] kryo, int kryoLength, List<Tensor> tensors) {
    /** To be raised with every change that an older node would misread. */
    static final byte VERSION = 5;

    /** The largest message has six. */
    static final int MAX_TENSORS = 64;

    Frame {
        if (tensors.size() > MAX_TENSORS) {
            throw new IllegalArgumentException(
                    "a message has " + tensors.size() + " tensors, the limit is " + MAX_TENSORS);
        }
    }

    /** Bytes that {@link #write} takes. */
    long size() {
        long size = 1 + Integer.BYTES + (long) kryoLength + Short.BYTES;
        for (Tensor tensor : tensors) {
            size += 2 + (long) Integer.BYTES * (tensor.rank() + 1) + tensor.byteSize();
        }
        return size;
    }

    /** Writes {@link #size} bytes. */
    void write(FrameOutput out) throws IOException {
        out.put(VERSION);
        out.putInt(kryoLength);
        out.put(kryo, kryoLength);
        out.putShort((short) tensors.size());
        for (Tensor tensor : tensors) {
            out.put(code(tensor.dtype()));
            out.put((byte) tensor.rank());
            for (int axis = 0; axis < tensor.rank(); axis++) {
                out.putInt(tensor.dim(axis));
            }
            out.putInt(tensor.byteSize());
            out.put(tensor);
        }
    }

    /**
     * Reads all that remains of {@code in}. Allocates no more than that, whatever the lengths in it claim.
     *
     * @throws IllegalArgumentException when it is not a frame
     * @throws IOException when it does not come
     */
    static Frame read(FrameInput in) throws IOException {
        byte version = need(in, 1, "its version").get();
        if (version != VERSION) {
            throw new IllegalArgumentException("its version is " + version + ", this node speaks " + VERSION
                    + ": run one version of Sluice on all nodes");
        }
        int kryoLength = need(in, Integer.BYTES, "its structure's length").getInt();
        if (kryoLength == 0) {
            throw new IllegalArgumentException("it is empty");
        }
        byte[] kryo = need(in, kryoLength, "its structure").get(kryoLength);
        int count =
                Short.toUnsignedInt(need(in, Short.BYTES, "its tensor count").getShort());
        if (count > MAX_TENSORS) {
            throw new IllegalArgumentException("it claims " + count + " tensors, the limit is " + MAX_TENSORS);
        }
        List<Tensor> tensors = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            tensors.add(readTensor(in, "tensor " + i));
        }
        if (in.remaining() > 0) {
            throw new IllegalArgumentException(in.remaining() + " bytes follow its last tensor");
        }
        return new Frame(kryo, kryoLength, List.copyOf(tensors));
    }

    private static Tensor readTensor(FrameInput in, String which) throws IOException {
        need(in, 2, which);
        DType dtype = dtype(in.get(), which);
        int rank = Byte.toUnsignedInt(in.get());
        if (rank > Tensor.MAX_RANK) {
            throw new IllegalArgumentException(which + " has rank " + rank + ", the limit is " + Tensor.MAX_RANK);
        }
        need(in, Integer.BYTES * (rank + 1), which);
        long[] shape = new long[rank];
        for (int axis = 0; axis < rank; axis++) {
            shape[axis] = in.getInt();
        }
        int claimed = in.getInt();
        long bytes = Tensor.byteSize(dtype, shape);
        if (claimed != bytes) {
            throw new IllegalArgumentException(which + " claims " + claimed + " bytes, a " + dtype + " of shape "
                    + Arrays.toString(shape) + " takes " + bytes);
        }
        return need(in, claimed, which).get(dtype, shape);
    }

    private static FrameInput need(FrameInput in, int bytes, String what) {
        if (bytes < 0 || bytes > in.remaining()) {
            throw new IllegalArgumentException(what + " takes " + Integer.toUnsignedString(bytes) + " bytes, only "
                    + in.remaining() + " are there");
        }
        return in;
    }

    private static byte code(DType dtype) {
        return switch (dtype) {
            case FLOAT32 -> 1;
            case FLOAT64 -> 2;
            case INT64 -> 3;
        };
    }

    private static DType dtype(byte code, String which) {
        return switch (code) {
            case 1 -> DType.FLOAT32;
            case 2 -> DType.FLOAT64;
            case 3 -> DType.INT64;
            default -> throw new IllegalArgumentException(which + " has an unknown element type, code " + code);
        };
    }
}
