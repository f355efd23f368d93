package dev.sluice.runtime.network;

import dev.sluice.protocol.DType;
import dev.sluice.protocol.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Writes a TorchScript module without Python: one class whose source is a resource of this package, with tensors, ints
 * and booleans as its attributes.
 *
 * <p>The file is a zip with stored entries: {@code version}, {@code constants.pkl} (an empty tuple), {@code
 * code/__torch__.py}, {@code data/<k>} (raw little-endian elements) and {@code data.pkl}, a protocol-2 pickle of the
 * object. Same input, same bytes.
 */
final class TorchScriptWriter {
    /** Of the operator set the source is written against: 10 has gelu's {@code approximate}, and torch 1.13 reads it. */
    private static final String VERSION = "10\n";

    private final String className;
    private final Map<String, Object> attributes = new LinkedHashMap<>();

    /** @param className of the module and of its source, {@code <className>.py} */
    TorchScriptWriter(String className) {
        this.className = className;
    }

    /** A float32 parameter. */
    TorchScriptWriter parameter(String name, Tensor value) {
        if (value.dtype() != DType.FLOAT32) {
            throw new IllegalArgumentException("parameter " + name + " must be float32, it is " + value);
        }
        attributes.put(name, value);
        return this;
    }

    TorchScriptWriter attribute(String name, int value) {
        attributes.put(name, value);
        return this;
    }

    TorchScriptWriter attribute(String name, boolean value) {
        attributes.put(name, value);
        return this;
    }

    /** The file's bytes, for networks of up to a gigabyte or so. */
    byte[] toBytes() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            writeTo(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory", e);
        }
        return bytes.toByteArray();
    }

    void writeTo(OutputStream out) throws IOException {
        try (StoredZip zip = new StoredZip(out)) {
            zip.entry("archive/version", VERSION.getBytes(StandardCharsets.US_ASCII));
            zip.entry("archive/constants.pkl", new byte[] {(byte) 0x80, 2, ')', '.'});
            zip.entry("archive/code/__torch__.py", source());
            zip.entry("archive/data.pkl", pickle());
            int key = 0;
            for (Object value : attributes.values()) {
                if (value instanceof Tensor tensor) {
                    ByteBuffer elements = ByteBuffer.allocate(tensor.byteSize());
                    tensor.write(elements);
                    zip.entry("archive/data/" + key++, elements.array());
                }
            }
        }
    }

    private byte[] source() throws IOException {
        try (InputStream in = TorchScriptWriter.class.getResourceAsStream(className + ".py")) {
            if (in == null) {
                throw new IOException("no source " + className + ".py beside " + TorchScriptWriter.class);
            }
            return in.readAllBytes();
        }
    }

    private byte[] pickle() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.write(new byte[] {(byte) 0x80, 2});
        global(out, "__torch__", className);
        out.writeByte(')'); // EMPTY_TUPLE
        out.writeByte(0x81); // NEWOBJ
        out.writeBytes("}("); // EMPTY_DICT MARK
        string(out, "training");
        bool(out, true);
        int key = 0;
        for (Map.Entry<String, Object> attribute : attributes.entrySet()) {
            string(out, attribute.getKey());
            Object value = attribute.getValue();
            if (value instanceof Tensor tensor) {
                tensor(out, tensor, key++);
            } else if (value instanceof Boolean flag) {
                bool(out, flag);
            } else {
                integer(out, (Integer) value);
            }
        }
        out.writeBytes("ub."); // SETITEMS BUILD STOP
        return bytes.toByteArray();
    }

    private static void tensor(DataOutputStream out, Tensor tensor, int key) throws IOException {
        global(out, "torch._utils", "_rebuild_tensor_v2");
        out.writeBytes("((");
        string(out, "storage");
        global(out, "torch", "FloatStorage");
        string(out, Integer.toString(key));
        string(out, "cpu");
        integer(out, tensor.size());
        out.writeBytes("tQ"); // TUPLE BINPERSID
        integer(out, 0);
        long[] shape = tensor.shape();
        out.writeByte('(');
        for (long d : shape) {
            integer(out, (int) d);
        }
        out.writeBytes("t(");
        int stride = tensor.size();
        for (long d : shape) {
            stride /= (int) d;
            integer(out, stride);
        }
        out.writeByte('t');
        bool(out, true);
        global(out, "collections", "OrderedDict");
        out.writeBytes(")RtR"); // EMPTY_TUPLE REDUCE TUPLE REDUCE
    }

    private static void global(DataOutputStream out, String module, String name) throws IOException {
        out.writeBytes("c" + module + "\n" + name + "\n");
    }

    private static void string(DataOutputStream out, String value) throws IOException {
        byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
        out.writeByte('X');
        out.writeInt(Integer.reverseBytes(utf8.length));
        out.write(utf8);
    }

    private static void integer(DataOutputStream out, int value) throws IOException {
        out.writeByte('J');
        out.writeInt(Integer.reverseBytes(value));
    }

    private static void bool(DataOutputStream out, boolean value) throws IOException {
        out.writeByte(value ? 0x88 : 0x89);
    }
}
