package dev.sluice.runtime.network;

import ai.djl.Device;
import ai.djl.pytorch.engine.PtNDManager;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.regex.Pattern;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;
import org.apache.commons.compress.archivers.zip.ZipFile;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Matrix products in bfloat16 take less time than in float32 where the processor knows them. Where it does not, libtorch goes
 * through the elements one by one, and a training step takes ten times as long: networks that ask for them run in float32 there.
 *
 * <p>A network asks by a boolean attribute {@code bf16} that its code looks at (docs/networks.md). What is saved of a
 * network that ran in float32 runs in float32 everywhere.
 */
final class Bfloat16 {
    private static final Logger LOG = LoggerFactory.getLogger(Bfloat16.class);
    private static final Pattern ASKS = Pattern.compile("\\bself\\.bf16\\b");

    private Bfloat16() {}

    /** Looked up once, on the first network. */
    private static final class Processor {
        static final boolean MULTIPLIES = multiplies();

        private static boolean multiplies() {
            try (PtNDManager manager = LibTorch.newManager(Device.cpu())) {
                byte[] script = new TorchScriptWriter("Processor").toBytes();
                boolean does = LibTorch.call(LibTorch.load(manager, script), "multiplies_bfloat16", List.of()) != 0;
                if (!does) {
                    LOG.info("This processor has no bfloat16 products: networks that ask for them run in float32");
                }
                return does;
            }
        }
    }

    /** {@code module} as {@code device} should run it. */
    static byte[] suited(byte[] module, Device device) {
        return device.isGpu() || Processor.MULTIPLIES ? module : inFloat32(module);
    }

    /** {@code module}, a TorchScript file, with what looks at the attribute finding it false. */
    static byte[] inFloat32(byte[] module) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(module.length);
        try (StoredZip zip = new StoredZip(bytes);
                ZipFile in = ZipFile.builder().setByteArray(module).get()) {
            for (ZipArchiveEntry entry : Collections.list(in.getEntriesInPhysicalOrder())) {
                // Which says where in the old code an operation stood; nobody needs it.
                if (!entry.getName().endsWith(".debug_pkl")) {
                    try (InputStream content = in.getInputStream(entry)) {
                        zip.entry(entry.getName(), inFloat32(entry.getName(), content.readAllBytes()));
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("reading from memory", e);
        }
        return bytes.toByteArray();
    }

    private static byte[] inFloat32(String name, byte[] content) {
        if (!name.contains("/code/")) {
            return content;
        }
        return ASKS.matcher(new String(content, StandardCharsets.UTF_8))
                .replaceAll("False")
                .getBytes(StandardCharsets.UTF_8);
    }
}
