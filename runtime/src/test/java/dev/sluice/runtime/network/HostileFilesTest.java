package dev.sluice.runtime.network;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.store.Safetensors;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Damaged and hostile files at each door: flipped bits, cuts, splices, repetitions and numbers that lie. The answer
 * is the door's own exception with one line that names the file, or a right reading; nothing else, and soon.
 */
class HostileFilesTest {
    private static final List<String> WORDS = List.of(
            "null",
            "-1",
            "99999999999999999999",
            "1e999",
            "[]",
            "{}",
            "\"\"",
            "{\"a\":",
            "[[[[",
            "]",
            "\\u0000",
            "NaN",
            "save",
            "__torch__",
            "((((((((",
            "'",
            "\"\"\"",
            ".from_file(");

    @TempDir
    Path folder;

    /** At each door; {@link HostileFilesIT} has more. */
    int cases() {
        return 200;
    }

    @FunctionalInterface
    private interface Door {
        void open(Path file) throws Exception;
    }

    /** @param answer the exception that the door may throw */
    private void manyCases(String name, List<byte[]> valid, Class<? extends Exception> answer, Door door) {
        Assertions.assertTimeoutPreemptively(Duration.ofMinutes(15), () -> {
            Path file = folder.resolve(name);
            int passed = 0;
            for (int seed = 0; seed < cases(); seed++) {
                Files.write(file, mutated(valid, new Random(seed)));
                try {
                    door.open(file);
                    passed++;
                } catch (Throwable e) {
                    assertThat(e).as("seed %s", seed).isInstanceOf(answer);
                    assertThat(e.getMessage())
                            .as("seed %s", seed)
                            .contains(folder.toString())
                            .hasSizeLessThan(2000);
                }
            }
            // Most must have been refused, or nothing was tried.
            assertThat(passed).isLessThan(cases() * 9 / 10);
        });
    }

    static byte[] mutated(List<byte[]> valid, Random random) {
        byte[] bytes = valid.get(random.nextInt(valid.size())).clone();
        for (int times = 1 + random.nextInt(4); times > 0 && bytes.length > 1; times--) {
            int at = random.nextInt(bytes.length);
            int other = random.nextInt(bytes.length);
            int from = Math.min(at, other);
            int to = Math.max(at, other);
            switch (random.nextInt(8)) {
                case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> bytes[at] = (byte) random.nextInt(256);
                case 2 -> bytes = Arrays.copyOf(bytes, at);
                case 3 -> bytes = joined(Arrays.copyOf(bytes, from), Arrays.copyOfRange(bytes, to, bytes.length));
                case 4 -> bytes = joined(Arrays.copyOf(bytes, to), Arrays.copyOfRange(bytes, from, bytes.length));
                case 5 -> {
                    byte[] donor = valid.get(random.nextInt(valid.size()));
                    bytes = joined(
                            Arrays.copyOf(bytes, at),
                            Arrays.copyOfRange(donor, random.nextInt(donor.length), donor.length));
                }
                case 6 -> {
                    byte[] word = WORDS.get(random.nextInt(WORDS.size())).getBytes(StandardCharsets.UTF_8);
                    bytes = joined(Arrays.copyOf(bytes, at), word, Arrays.copyOfRange(bytes, at, bytes.length));
                }
                default -> {
                    // A length or an offset that lies.
                    long lie = random.nextBoolean() ? random.nextLong() : random.nextInt(1000);
                    for (int i = at; i < Math.min(bytes.length, at + (random.nextBoolean() ? 4 : 8)); i++) {
                        bytes[i] = (byte) lie;
                        lie >>= 8;
                    }
                }
            }
        }
        return bytes;
    }

    private static byte[] joined(byte[]... parts) {
        int size = 0;
        for (byte[] part : parts) {
            size += part.length;
        }
        byte[] all = new byte[size];
        int at = 0;
        for (byte[] part : parts) {
            System.arraycopy(part, 0, all, at, part.length);
            at += part.length;
        }
        return all;
    }

    static List<byte[]> modules() throws IOException {
        Path file = Files.createTempFile("module", ".pt");
        try {
            byte[] stored = Files.readAllBytes(OddModule.ordinary().write(file));
            byte[] tied = Files.readAllBytes(new OddModule("torch.mul(x, self.v)")
                    .parameter("w", true, 1, 2)
                    .alias("v", "w")
                    .statements(
                            "    y = getattr(self, \"w\")\n    if self.training:\n      y = torch.neg(y)\n    else:\n      pass\n")
                    .write(file));
            return List.of(stored, tied, OddModule.ordinary().inTraining().withPackedCode());
        } finally {
            Files.delete(file);
        }
    }

    @Test
    void torchScriptFiles() throws IOException {
        manyCases("module.pt", modules(), NetworkFileException.class, NetworkFile::readCard);
    }

    @Test
    void theTextsInsideOfModules() throws IOException {
        Map<String, byte[]> entries = OddModule.ordinary().alias("v", "w").entries(OddModule.CARD);
        for (String name : List.of("data.pkl", "constants.pkl", "code/__torch__.py", "extra/sluice.json")) {
            byte[] valid = entries.get(name);
            manyCases("inside-of.pt", List.of(valid), NetworkFileException.class, file -> {
                byte[] mutated = Files.readAllBytes(file);
                OddModule.ordinary().alias("v", "w").entry(name, mutated).write(file);
                NetworkFile.readCard(file);
                // Code may say nearly anything; what it says is libtorch's to judge.
                if (name.startsWith("code/") || name.startsWith("extra/")) {
                    throw new NetworkFileException(file, "read");
                }
            });
        }
    }

    @Test
    void twoExperts() throws IOException {
        Path part = OddModule.ordinary().write(folder.resolve("part.pt"));
        Path joined = folder.resolve("joined.json");
        TwoExpertsFile.join(joined, 0.5, part, part);
        byte[] valid = Files.readAllBytes(joined);
        manyCases(
                "two.json",
                List.of(valid, OddModule.CARD.getBytes(StandardCharsets.UTF_8)),
                NetworkFileException.class,
                file -> {
                    // Where the first byte is hit it is taken for a network file, and refused as one.
                    NetworkFile.readCard(file);
                });
    }

    @Test
    void safetensors() throws IOException {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put("a", Tensor.of(new float[] {1, 2, 3, 4}, 2, 2));
        tensors.put("b", Tensor.of(new double[] {1, 2}, 2));
        tensors.put("c", Tensor.of(new long[] {7}, 1));
        Path file = folder.resolve("valid");
        new Safetensors(tensors, Map.of("made", "here")).write(file);
        manyCases("tensors", List.of(Files.readAllBytes(file)), IOException.class, Safetensors::read);
    }
}
