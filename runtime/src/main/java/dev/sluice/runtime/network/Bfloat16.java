package dev.sluice.runtime.network;

import ai.djl.Device;
import ai.djl.pytorch.engine.PtNDManager;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.Pattern;
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
    static final Pattern ASKS = Pattern.compile("\\bself\\.bf16\\b");

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

    /** Whether {@code file} must be rewritten to run well on {@code device}. */
    static boolean isForeignTo(Device device, ModuleFile file) {
        return file.asksForBfloat16() && !device.isGpu() && !Processor.MULTIPLIES;
    }

    /** Writes {@code file} with what looks at the attribute finding it false. */
    static void writeInFloat32(ModuleFile file, OutputStream out) throws IOException {
        ModuleWriter.write(file, out, (entry, content) -> ModuleFile.isCode(entry) ? inFloat32(content) : content);
    }

    private static byte[] inFloat32(byte[] code) {
        return ASKS.matcher(new String(code, StandardCharsets.UTF_8))
                .replaceAll("False")
                .getBytes(StandardCharsets.UTF_8);
    }
}
