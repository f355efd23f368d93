package dev.sluice.runtime.network;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** TorchScript files as others make them: tensors of any type, one under two names, code that should not be there. */
final class OddModule {
    static final String CARD = """
            {"sampleShape": [2], "classNames": ["a", "b"], "schedule": "RECTIFIED_FLOW", "prediction": "VELOCITY",
             "phase": 0, "timesteps": [], "provenance": {}}""";

    private final Map<String, byte[]> entries = new LinkedHashMap<>();
    private final StringBuilder parameters = new StringBuilder();
    private final StringBuilder attributes = new StringBuilder();
    private final ByteArrayOutputStream state = new ByteArrayOutputStream();
    private final String forward;
    private String methods = "";
    private boolean training;
    private int storages;

    /** @param forward the result, of x, t and label */
    OddModule(String forward) {
        this.forward = forward;
    }

    /** One parameter, {@code w}, of two elements. */
    static OddModule ordinary() {
        return new OddModule("torch.mul(x, self.w)").parameter("w", true, 1, 2);
    }

    /** Saved without {@code eval()}. */
    OddModule inTraining() {
        training = true;
        return this;
    }

    /** Statements before the result, each with four spaces in front. */
    OddModule statements(String lines) {
        methods = lines;
        return this;
    }

    OddModule parameter(String name, boolean trains, float... values) {
        return tensor(
                name, "Float", values.length, floats(values), new long[] {values.length}, new long[] {1}, trains, true);
    }

    OddModule tensor(
            String name,
            String type,
            long elements,
            byte[] bytes,
            long[] shape,
            long[] strides,
            boolean trains,
            boolean parameter) {
        entries.put("data/" + storages, bytes);
        return view(name, type, storages++, elements, 0, shape, strides, trains, parameter);
    }

    /** A tensor in a storage that is there already. */
    OddModule view(
            String name,
            String type,
            int storage,
            long elements,
            long offset,
            long[] shape,
            long[] strides,
            boolean trains,
            boolean parameter) {
        attribute(name, parameter);
        ascii("ctorch._utils\n_rebuild_tensor_v2\n((");
        text("storage");
        ascii("ctorch\n" + type + "Storage\n");
        text(Integer.toString(storage));
        text("cpu");
        number(elements);
        ascii("tQ");
        number(offset);
        ascii("(");
        for (long axis : shape) {
            number(axis);
        }
        ascii("t(");
        for (long stride : strides) {
            number(stride);
        }
        ascii("t");
        state.write(trains ? 0x88 : 0x89);
        ascii("ccollections\nOrderedDict\n)RtR");
        ascii("q");
        state.write(name.charAt(0)); // for alias()
        return this;
    }

    /** {@code name} is the very tensor that the attribute {@code other}, of another first letter, is. */
    OddModule alias(String name, String other) {
        attribute(name, true);
        ascii("h");
        state.write(other.charAt(0));
        return this;
    }

    OddModule entry(String name, byte[] content) {
        entries.put(name, content);
        return this;
    }

    private void attribute(String name, boolean parameter) {
        if (parameter) {
            parameters.append('"').append(name).append("\", ");
        }
        attributes.append("  ").append(name).append(" : Tensor\n");
        text(name);
    }

    private void ascii(String text) {
        state.writeBytes(text.getBytes(StandardCharsets.US_ASCII));
    }

    private void text(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        ascii("X");
        state.writeBytes(ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(utf8.length)
                .array());
        state.writeBytes(utf8);
    }

    private void number(long value) {
        state.write(0x8a);
        state.write(8);
        state.writeBytes(ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(value)
                .array());
    }

    static byte[] floats(float... values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            bytes.putFloat(value);
        }
        return bytes.array();
    }

    String code() {
        return "class Odd(Module):\n  __parameters__ = [" + parameters + "]\n  __buffers__ = []\n  training : bool\n"
                + attributes
                + "  def forward(self: __torch__.Odd, x: Tensor, t: Tensor, label: Tensor) -> Tensor:\n"
                + methods + "    return " + forward + "\n";
    }

    private byte[] pickle() {
        ByteArrayOutputStream pickle = new ByteArrayOutputStream();
        pickle.writeBytes(new byte[] {(byte) 0x80, 2});
        pickle.writeBytes("c__torch__\nOdd\n)".getBytes(StandardCharsets.US_ASCII));
        pickle.write(0x81);
        pickle.writeBytes("}(X".getBytes(StandardCharsets.US_ASCII));
        pickle.writeBytes(new byte[] {8, 0, 0, 0});
        pickle.writeBytes("training".getBytes(StandardCharsets.US_ASCII));
        pickle.write(training ? 0x88 : 0x89);
        pickle.writeBytes(state.toByteArray());
        pickle.writeBytes("ub.".getBytes(StandardCharsets.US_ASCII));
        return pickle.toByteArray();
    }

    Map<String, byte[]> entries(String card) {
        Map<String, byte[]> all = new LinkedHashMap<>();
        all.put("version", "10\n".getBytes(StandardCharsets.US_ASCII));
        all.put("constants.pkl", new byte[] {(byte) 0x80, 2, ')', '.'});
        all.put("code/__torch__.py", code().getBytes(StandardCharsets.UTF_8));
        all.put("data.pkl", pickle());
        if (card != null) {
            all.put("extra/sluice.json", card.getBytes(StandardCharsets.UTF_8));
        }
        all.putAll(entries);
        return all;
    }

    Path write(Path file) throws IOException {
        return write(file, CARD);
    }

    /** @param card its text, or null for none */
    Path write(Path file, String card) throws IOException {
        try (StoredZip zip = new StoredZip(Files.newOutputStream(file))) {
            for (Map.Entry<String, byte[]> entry : entries(card).entrySet()) {
                zip.entry("archive/" + entry.getKey(), entry.getValue());
            }
        }
        return file;
    }

    /** As torch.jit.save does, with the code compressed. */
    byte[] withPackedCode() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            for (Map.Entry<String, byte[]> entry : entries(CARD).entrySet()) {
                ZipEntry header = new ZipEntry("archive/" + entry.getKey());
                boolean packed = entry.getKey().startsWith("code/");
                header.setMethod(packed ? ZipEntry.DEFLATED : ZipEntry.STORED);
                if (!packed) {
                    java.util.zip.CRC32 crc = new java.util.zip.CRC32();
                    crc.update(entry.getValue());
                    header.setSize(entry.getValue().length);
                    header.setCrc(crc.getValue());
                }
                zip.putNextEntry(header);
                zip.write(entry.getValue());
                zip.closeEntry();
            }
        }
        return bytes.toByteArray();
    }
}
