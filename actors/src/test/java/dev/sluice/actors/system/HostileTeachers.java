package dev.sluice.actors.system;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Enumeration;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/** The bundled fashion teacher with something else in its {@code forward}, as a hostile or careless person's file. */
final class HostileTeachers {
    private static final String FORWARD = "    label: Tensor) -> Tensor:\n    B, C, H, W, = torch.size(x)\n";
    /** True for about one batch of eight noises in ten: not when it is tried, but soon. */
    private static final String NOW_AND_THEN = "    if bool(torch.any(torch.gt(x, 4.2))):\n";

    private final Path folder;

    HostileTeachers(Path folder) {
        this.folder = folder;
    }

    /** Raises at once. */
    Path raises() throws IOException {
        return with("raises", "    ops.prim.RaiseException(\"mine\", \"builtins.RuntimeError\")\n");
    }

    /** Raises for rare noise. */
    Path raisesNowAndThen() throws IOException {
        return with(
                "raises-now-and-then",
                NOW_AND_THEN + "      ops.prim.RaiseException(\"now and then\", \"builtins.RuntimeError\")\n"
                        + "    else:\n      pass\n");
    }

    /** Never returns. */
    Path endless() throws IOException {
        return with("endless", "    for i in range(9223372036854775807):\n      x = torch.add(x, 0.)\n");
    }

    /** Never returns for rare noise. */
    Path endlessNowAndThen() throws IOException {
        return with(
                "endless-now-and-then",
                NOW_AND_THEN + "      for i in range(9223372036854775807):\n        x = torch.add(x, 0.)\n"
                        + "    else:\n      pass\n");
    }

    /** Asks for 100 GB. */
    Path huge() throws IOException {
        return with(
                "huge",
                "    y = torch.zeros([100000, 250000], dtype=6, layout=None, device=ops.prim.device(t), pin_memory=False)\n"
                        + "    x = torch.add(x, torch.select(torch.select(y, 0, 0), 0, 0))\n");
    }

    /** Answers what is no number. */
    Path notANumber() throws IOException {
        return with("not-a-number", "    x = torch.mul(torch.div(x, 0.), 0.)\n");
    }

    /** Another answer each time. */
    Path random() throws IOException {
        return with("random", "    x = torch.add(x, torch.randn_like(x))\n");
    }

    /** Writes a file. */
    Path writes(Path file) throws IOException {
        return with("writes", "    ops.aten.save(t, \"" + file + "\")\n");
    }

    /** Changes what it is given. */
    Path changesItsInput() throws IOException {
        return with("changes-its-input", "    x0 = torch.mul_(x, 0.5)\n");
    }

    /** More bytes than the process's heap holds. */
    Path largerThanTheHeap(int megabytes) throws IOException {
        return copy("larger", "", megabytes);
    }

    /** Two experts of which one is the file itself. */
    Path ofItself() throws IOException {
        return Files.writeString(
                folder.resolve("of-itself.json"),
                "{\"high-noise\": {\"file\": \"of-itself.json\"}, \"low-noise\": {\"file\": \"of-itself.json\"},"
                        + " \"boundary\": 0.5}");
    }

    /** Bytes of no kind. */
    Path garbage() throws IOException {
        return Files.writeString(folder.resolve("garbage.pt"), "<html>404</html>");
    }

    private Path with(String name, String code) throws IOException {
        return copy(name, code, 0);
    }

    private Path copy(String name, String code, int padding) throws IOException {
        Path teacher = Path.of(System.getProperty("sluice.home"), "teachers", "fashion.pt");
        Path made = folder.resolve(name + ".pt");
        try (ZipFile from = new ZipFile(teacher.toFile());
                OutputStream file = new BufferedOutputStream(Files.newOutputStream(made), 1 << 20);
                ZipOutputStream to = new ZipOutputStream(file)) {
            for (Enumeration<? extends ZipEntry> entries = from.entries(); entries.hasMoreElements(); ) {
                ZipEntry entry = entries.nextElement();
                byte[] bytes;
                try (InputStream in = from.getInputStream(entry)) {
                    bytes = in.readAllBytes();
                }
                if (entry.getName().endsWith("__torch__.py")) {
                    String text = new String(bytes, StandardCharsets.UTF_8);
                    if (!text.contains(FORWARD)) {
                        throw new IllegalStateException("the teacher's forward is another: " + text);
                    }
                    bytes = text.replace(
                                    FORWARD,
                                    FORWARD.substring(0, FORWARD.indexOf("    B, C"))
                                            + code
                                            + FORWARD.substring(FORWARD.indexOf("    B, C")))
                            .getBytes(StandardCharsets.UTF_8);
                }
                if (!entry.getName().endsWith(".debug_pkl")) {
                    store(to, entry.getName(), bytes);
                }
            }
            byte[] megabyte = new byte[1 << 20];
            for (int i = 0; i < padding; i++) {
                store(to, "archive/extra/padding-" + i, megabyte);
            }
        }
        return made;
    }

    private static void store(ZipOutputStream to, String name, byte[] bytes) throws IOException {
        CRC32 sum = new CRC32();
        sum.update(bytes);
        ZipEntry entry = new ZipEntry(name);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(bytes.length);
        entry.setCrc(sum.getValue());
        to.putNextEntry(entry);
        to.write(bytes);
        to.closeEntry();
    }
}
